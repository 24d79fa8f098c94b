//! Sweeps one webhook, again and again.

use std::time::Duration;

use chassis::backoff;
use chassis::lease::Fence;
use chrono::{DateTime, TimeDelta, Utc};
use events::payload::source::{Became, What};
use github::{Again, Error};
use resources::source::{Hook, Sweep};

use super::apply::chain;
use super::decide::{OVERLAP, decide, since};
use super::gather::{self, Listing, Reached};
use super::record::Record;
use crate::announce;
use crate::keep::{PREFIX, Ports, Stop};
use crate::metrics::{Kind, Outcome};

/// From this failure on the wait stays the same.
const SLOWEST: u32 = 8;
/// The shortest wait, whatever is said.
const SHORTEST: Duration = Duration::from_secs(1);

/// Sweeps one webhook.
pub struct Round {
    pub ports: Ports,
    pub name: String,
    pub source: resources::source::Github,
    pub sweep: Sweep,
    pub github: github::Github,
    pub fence: Fence,
}

/// The record as it is in the store.
pub struct Kept {
    pub record: Record,
    pub revision: Option<u64>,
}

/// What one sweep came to.
pub struct Swept {
    pub outcome: Outcome,
    /// When to sweep next.
    pub next: Duration,
}

impl Round {
    /// Sweeps until something stops it.
    pub async fn run(&self) -> Stop {
        match self.go().await {
            Err(stop) => stop,
            Ok(never) => match never {},
        }
    }

    async fn go(&self) -> Result<std::convert::Infallible, Stop> {
        let mut kept = self.load().await?;
        if let Some(kept) = &mut kept {
            self.finish(kept).await?;
        }
        let (mut etag, mut failures) = (None, 0);
        loop {
            let (next, swept) = self.once(kept, &mut etag, &mut failures).await?;
            kept = Some(next);
            let at = self.ports.clock.now().timestamp();
            self.ports.counts.swept(Kind::Github, swept.outcome, at);
            tokio::time::sleep(swept.next).await;
        }
    }

    /// One sweep, with what it came to.
    pub async fn once(
        &self,
        kept: Option<Kept>,
        etag: &mut Option<String>,
        failures: &mut u32,
    ) -> Result<(Kept, Swept), Stop> {
        let now = self.ports.clock.now();
        let mut kept = match kept {
            Some(kept) if kept.record.hook == self.identity() => kept,
            other => {
                let (revision, said) = other.map_or((None, 0), |kept| (kept.revision, kept.record.said));
                Kept { record: Record { said, ..Record::begin(self.identity(), now) }, revision }
            }
        };
        let swept = match self.attempt(&mut kept, etag).await? {
            Ok(swept) => {
                *failures = 0;
                swept
            }
            Err(error) => {
                *etag = None;
                *failures += 1;
                let next = self.after(&error, *failures, now);
                let outcome = self.tell(&mut kept, &error, next).await?;
                Swept { outcome, next }
            }
        };
        Ok((kept, swept))
    }

    async fn attempt(
        &self,
        kept: &mut Kept,
        etag: &mut Option<String>,
    ) -> Result<Result<Swept, Error>, Stop> {
        let every = self.sweep.every;
        if !kept.record.looked {
            return self.begin(kept).await;
        }
        let listed = gather::list(&self.github, &self.sweep.hook, since(&kept.record), etag).await;
        let listing = match listed {
            Ok(Some(listing)) => listing,
            // Nothing is new; what is open may be overdue.
            Ok(None) => Listing { attempts: Vec::new(), reached: Reached::Time },
            Err(error) => return Ok(Err(error)),
        };
        let now = self.ports.clock.now();
        let decision = decide(&kept.record, &listing, self.sweep.deliveries, self.keeps(), now);
        let (gone, more) = (decision.gone, decision.more);
        drop(listing);
        let done = self.act(kept, decision).await?;
        self.settle(kept, &done, gone).await?;
        let missing = self.count(&done.missed) || gone.is_some();
        if let Some(error) = done.ended {
            return Ok(Err(error));
        }
        if more {
            *etag = None;
        }
        let outcome = if missing { Outcome::Gap } else { Outcome::Clean };
        Ok(Ok(Swept { outcome, next: if more { SHORTEST } else { every } }))
    }

    /// The first look: from now on nothing is missed.
    async fn begin(&self, kept: &mut Kept) -> Result<Result<Swept, Error>, Stop> {
        let all = DateTime::<Utc>::MAX_UTC;
        let listing = match gather::list(&self.github, &self.sweep.hook, all, &mut None).await {
            Ok(listing) => listing,
            Err(error) => return Ok(Err(error)),
        };
        let attempts = listing.map_or_else(Vec::new, |listing| listing.attempts);
        let newest = attempts.iter().map(|attempt| attempt.delivered_at).max();
        let through = newest.unwrap_or_else(|| self.ports.clock.now());
        let mut record = Record { looked: true, through, failed: None, ..kept.record.clone() };
        let recent = attempts.into_iter().filter(|attempt| attempt.delivered_at >= through - OVERLAP);
        record.settled.extend(recent.map(|attempt| (attempt.guid, attempt.delivered_at)));
        self.keep(kept, record).await?;
        tracing::info!(source = self.name, %through, "looks after what GitHub delivers from now on");
        Ok(Ok(Swept { outcome: Outcome::Clean, next: self.sweep.every }))
    }

    /// Counts what was missing, and says it in the log. Whether anything was.
    fn count(&self, missed: &[events::payload::source::Missed]) -> bool {
        for missed in missed {
            self.ports.counts.missed(Kind::Github, missed.became);
        }
        let how_many = |became| missed.iter().filter(|missed| missed.became == became).count();
        let [published, known, redelivered, lost] =
            [Became::Published, Became::Known, Became::Redelivered, Became::Lost].map(how_many);
        let missing = published + redelivered + lost > 0;
        if lost > 0 {
            tracing::error!(
                source = self.name,
                lost,
                published,
                redelivered,
                "deliveries of GitHub are lost"
            );
        } else if missing {
            tracing::warn!(
                source = self.name,
                published,
                known,
                redelivered,
                "deliveries of GitHub had not arrived: the gap is closed"
            );
        }
        missing
    }

    /// Says that it cannot be asked, once for each reason.
    async fn tell(&self, kept: &mut Kept, error: &Error, next: Duration) -> Result<Outcome, Stop> {
        let reason = chain(error);
        let seconds = next.as_secs();
        match error.again() {
            Again::At(_) | Again::Soon => {
                tracing::warn!(
                    source = self.name,
                    error = reason,
                    seconds,
                    "cannot ask what GitHub delivered; trying again"
                );
                return Ok(Outcome::Unfinished);
            }
            Again::Never => {
                tracing::error!(
                    source = self.name,
                    error = reason,
                    seconds,
                    "cannot ask what GitHub delivered"
                );
            }
        }
        if kept.record.failed.as_ref() != Some(&reason) {
            let now = self.ports.clock.now();
            let mut record = kept.record.clone();
            record.failed = Some(reason.clone());
            let through = record.through;
            self.say(&mut record, |place| {
                Some(announce::failed(place, What::Deliveries, through, reason, now))
            });
            self.keep(kept, record).await?;
            self.finish(kept).await?;
        }
        Ok(Outcome::Failed)
    }

    fn after(&self, error: &Error, failures: u32, now: DateTime<Utc>) -> Duration {
        let wait = match error.again() {
            Again::At(until) => (until - now).max(TimeDelta::zero()).to_std().unwrap_or_default(),
            Again::Soon => backoff::after(SLOWEST.min(failures)).min(self.sweep.every),
            Again::Never => self.sweep.every,
        };
        wait.max(SHORTEST)
    }

    /// Which webhook this is; of another one, the past does not count.
    fn identity(&self) -> String {
        let Sweep { access, hook, every: _, deliveries: _ } = &self.sweep;
        let api = access.api.as_deref().unwrap_or("https://api.github.com");
        let whose = match (hook, &access.auth) {
            (Hook::Repository { .. } | Hook::Organization { .. }, _) => String::new(),
            (Hook::App, github::Auth::App(app)) => format!("#{}", app.id),
            (Hook::App, github::Auth::Token(_)) => "#".to_owned(),
        };
        format!("{api}{}{whose}", gather::deliveries(hook))
    }

    pub async fn load(&self) -> Result<Option<Kept>, Stop> {
        let Some(entry) = self.ports.read(&self.key()).await else { return Ok(None) };
        let record = Record::decode(&entry.value)
            .map_err(|source| Stop::Unreadable { key: format!("{PREFIX}{}", self.key()), source })?;
        Ok(Some(Kept { record, revision: Some(entry.revision) }))
    }

    pub(super) async fn keep(&self, kept: &mut Kept, record: Record) -> Result<(), Stop> {
        let revision = self.ports.write(&self.key(), record.encode(), kept.revision).await?;
        *kept = Kept { record, revision: Some(revision) };
        Ok(())
    }

    /// The name of its record.
    fn key(&self) -> String {
        format!("github/{}", self.name)
    }

    /// Publishes what waits in the record, and takes it out.
    pub async fn finish(&self, kept: &mut Kept) -> Result<(), Stop> {
        if kept.record.unpublished.is_empty() {
            return Ok(());
        }
        for event in &kept.record.unpublished {
            if let Err(error) = self.ports.publish(&self.name, event).await {
                tracing::error!(source = self.name, %error, "cannot say what became of a gap");
            }
        }
        let record = Record { unpublished: Vec::new(), ..kept.record.clone() };
        self.keep(kept, record).await
    }
}
