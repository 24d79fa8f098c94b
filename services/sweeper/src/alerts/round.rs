//! Asks one Alertmanager, again and again: at the start, at an interval, and soon after it has left alerts out.
//!
//! | step | a crash after it |
//! |---|---|
//! | 1. what the log says of alerts is read | it is read anew |
//! | 2. what is missing, and the announcement, go to the store in one write | 3 is made up for |
//! | 3. they are published, and taken out of the record | nothing is left to do |

use std::convert::Infallible;
use std::time::Duration;

use chassis::claim::check_out;
use chassis::{Position, backoff, failpoint};
use chrono::{DateTime, TimeDelta, Utc};
use events::payload::alert::{Alert, Status};
use events::payload::source::{Became, Missed, Outcome as Fate, What};
use events::{Envelope, Payload as _, alertmanager};
use reqwest::Client;
use resources::source::AlertsApi;
use tokio::time::Instant;

use super::decide::{Decision, decide};
use super::gather::{self, Trouble};
use super::learn::{is_of_an_alert, learn};
use super::record::Record;
use crate::announce::{self, Place};
use crate::keep::{PREFIX, Ports, Stop};
use crate::metrics::{Kind, Outcome};

/// How many events of the log are read at once.
const PAGE: usize = 500;
/// The log is looked at no more often, however much happens.
const BREATH: Duration = Duration::from_millis(500);
/// How far back the log is read at the very first time: who fires for longer is told once more at most.
const FIRST_LOOK: TimeDelta = TimeDelta::days(1);
/// For so long after alerts were left out every alert that is listed counts, however young: a later notification may show those
/// alone that the bus has, and then the log says nothing of it.
const WARY: TimeDelta = TimeDelta::minutes(30);
/// How soon it is asked again while that lasts.
const SOON: Duration = Duration::from_secs(30);
/// From this failure on the wait stays the same.
const SLOWEST: u32 = 8;

/// Asks one Alertmanager.
pub struct Round {
    pub ports: Ports,
    pub name: String,
    pub api: AlertsApi,
    pub http: Client,
}

/// The record as it is in the store, with what the log said since.
pub struct Kept {
    pub record: Record,
    pub revision: Option<u64>,
}

impl Round {
    /// Sweeps until something stops it.
    pub async fn run(&self) -> Stop {
        match self.go().await {
            Err(stop) => stop,
            Ok(never) => match never {},
        }
    }

    async fn go(&self) -> Result<Infallible, Stop> {
        let mut kept = self.load().await?;
        self.finish(&mut kept).await?;
        let (mut due, mut failures, mut left_out) = (Instant::now(), 0, false);
        loop {
            left_out |= self.learn(&mut kept).await;
            if left_out || Instant::now() >= due {
                let (outcome, next) = self.once(&mut kept, &mut failures).await?;
                left_out = false;
                self.ports.counts.swept(Kind::Alertmanager, outcome, self.ports.clock.now().timestamp());
                due = Instant::now() + next;
            }
            tokio::time::sleep(BREATH).await;
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                changed = self.ports.bus.changed(kept.record.position) => if changed.is_err() {
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    /// The record, or a new one.
    pub async fn load(&self) -> Result<Kept, Stop> {
        let entry = self.ports.read(&self.key()).await;
        let known = match &entry {
            None => None,
            Some(entry) => Some(
                Record::decode(&entry.value)
                    .map_err(|source| Stop::Unreadable { key: format!("{PREFIX}{}", self.key()), source })?,
            ),
        };
        let revision = entry.map(|entry| entry.revision);
        let identity = format!("{}#{}", self.api.url, self.api.receiver);
        match known {
            Some(record) if record.identity == identity => Ok(Kept { record, revision }),
            other => {
                let since = self.ports.clock.now() - FIRST_LOOK;
                let from = self.ports.seek(since).await;
                let said = other.map_or(0, |record| record.said);
                let record = Record { said, ..Record::begin(identity, Position(from.0.saturating_sub(1))) };
                Ok(Kept { record, revision })
            }
        }
    }

    /// Reads what the log has since. Whether alerts were left out of a notification.
    pub async fn learn(&self, kept: &mut Kept) -> bool {
        let mut left_out = false;
        let now = self.ports.clock.now();
        loop {
            let page = self.ports.log(Position(kept.record.position.0 + 1), PAGE).await;
            let Some(last) = page.last().map(|recorded| recorded.position) else { return left_out };
            for recorded in page {
                let Ok(event) = recorded.event else { continue };
                if is_of_an_alert(&event)
                    && let Ok(event) = check_out(&*self.ports.store, event).await
                {
                    left_out |= learn(&mut kept.record, &self.api.receiver, recorded.position, &event);
                }
            }
            kept.record.position = last;
            if left_out {
                kept.record.left_out = Some(now);
            }
        }
    }

    /// Asks once, and says what is missing.
    pub async fn once(&self, kept: &mut Kept, failures: &mut u32) -> Result<(Outcome, Duration), Stop> {
        let external_url = self.api.external_url.clone().or_else(|| kept.record.external_url.clone());
        let Some(external_url) = external_url else {
            tracing::info!(
                source = self.name,
                "no notification of this Alertmanager has come yet, so it is not known how it calls itself: nothing can be \
                 missed (`externalUrl` of `api` says it at once)"
            );
            return Ok((Outcome::Unfinished, self.api.every));
        };
        let answer = match gather::ask(&self.http, &self.api, &external_url).await {
            Ok(answer) => answer,
            Err(trouble) => {
                *failures += 1;
                return self.tell(kept, trouble, *failures).await;
            }
        };
        *failures = 0;
        let now = self.ports.clock.now();
        let left_out = kept.record.left_out.is_some_and(|at| now < at + WARY);
        let decision = decide(&kept.record, &answer.listed, answer.up_since, left_out, now);
        let more = decision.more;
        let (found, count) = self.settle(kept, decision, now).await?;
        if found {
            tracing::warn!(source = self.name, count, left_out, "alerts had not arrived: the gap is closed");
        }
        let outcome = if found { Outcome::Gap } else { Outcome::Clean };
        let next = if left_out { self.api.every.min(SOON) } else { self.api.every };
        Ok((outcome, if more { BREATH } else { next }))
    }

    /// Steps 2 and 3. Whether anything was missing, and how much.
    async fn settle(
        &self,
        kept: &mut Kept,
        decision: Decision,
        now: DateTime<Utc>,
    ) -> Result<(bool, usize), Stop> {
        let Decision { fire, over, absent, more: _ } = decision;
        let mut record = kept.record.clone();
        record.failed = None;
        let mut alerts = Vec::new();
        for (fingerprint, firing) in over {
            record.firing.remove(&fingerprint);
            // One that has left the log was long ago.
            if let Some(alert) = self.told(firing.position, &fingerprint).await {
                alerts.push(Alert { status: Status::Resolved, ends_at: None, truncated_alerts: 0, ..alert });
            }
        }
        alerts.extend(fire);
        for (fingerprint, since) in absent {
            if let Some(firing) = record.firing.get_mut(&fingerprint) {
                firing.absent = since;
            }
        }
        let mut missed = Vec::with_capacity(alerts.len());
        for alert in &alerts {
            let event = match alertmanager::event(alert) {
                Ok(event) => event,
                Err(error) => {
                    tracing::error!(source = self.name, fingerprint = alert.fingerprint, %error, "an alert makes no event");
                    continue;
                }
            };
            self.ports.counts.missed(Kind::Alertmanager, Became::Published);
            missed.push(missing(alert, &event));
            record.unpublished.push(event);
        }
        let count = missed.len();
        let place = Place { source: &self.name, number: record.said + 1 };
        if let Some(event) = announce::gap(place, What::Alerts, Fate::Filled, missed, now) {
            record.said += 1;
            record.unpublished.push(event);
        }
        self.keep(kept, record).await?;
        failpoint::hit("sweeper-alerts-kept");
        self.finish(kept).await?;
        Ok((count > 0, count))
    }

    /// The alert as it was told when it began.
    async fn told(&self, position: Position, fingerprint: &str) -> Option<Alert> {
        let recorded = self.ports.log(position, 1).await.into_iter().next()?;
        let event = check_out(&*self.ports.store, recorded.event.ok()?).await.ok()?;
        event.payload::<Alert>().ok().filter(|alert| alert.fingerprint == fingerprint)
    }

    /// The name of its record.
    fn key(&self) -> String {
        format!("alertmanager/{}", self.name)
    }

    /// Publishes what waits in the record, and takes it out.
    pub async fn finish(&self, kept: &mut Kept) -> Result<(), Stop> {
        if kept.record.unpublished.is_empty() {
            return Ok(());
        }
        for event in &kept.record.unpublished {
            if let Err(error) = self.ports.publish(&self.name, event).await {
                tracing::error!(source = self.name, %error, "cannot say what was missed");
            }
            failpoint::hit("sweeper-alert-published");
        }
        let record = Record { unpublished: Vec::new(), ..kept.record.clone() };
        self.keep(kept, record).await
    }

    async fn tell(
        &self,
        kept: &mut Kept,
        trouble: Trouble,
        failures: u32,
    ) -> Result<(Outcome, Duration), Stop> {
        let Trouble { reason, lasts } = trouble;
        if !lasts {
            let next = backoff::after(SLOWEST.min(failures)).min(self.api.every);
            tracing::warn!(source = self.name, error = reason, "cannot ask which alerts fire; trying again");
            return Ok((Outcome::Unfinished, next));
        }
        tracing::error!(source = self.name, error = reason, "cannot ask which alerts fire");
        if kept.record.failed.as_ref() != Some(&reason) {
            let now = self.ports.clock.now();
            let mut record = kept.record.clone();
            record.failed = Some(reason.clone());
            record.said += 1;
            let place = Place { source: &self.name, number: record.said };
            record.unpublished.push(announce::failed(place, What::Alerts, now, reason, now));
            self.keep(kept, record).await?;
            self.finish(kept).await?;
        }
        Ok((Outcome::Failed, self.api.every))
    }

    async fn keep(&self, kept: &mut Kept, record: Record) -> Result<(), Stop> {
        let revision = self.ports.write(&self.key(), record.encode(), kept.revision).await?;
        *kept = Kept { record, revision: Some(revision) };
        Ok(())
    }
}

fn missing(alert: &Alert, event: &Envelope) -> Missed {
    Missed {
        id: alert.fingerprint.clone(),
        event_type: alert.kind().name().to_owned(),
        event_id: Some(event.id().to_owned()),
        time: alert.starts_at,
        became: Became::Published,
        reason: None,
    }
}
