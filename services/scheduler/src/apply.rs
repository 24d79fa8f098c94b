//! Apply: the one place that writes. Keeps a tick, publishes it, and keeps that it is published.
//!
//! | step | a crash after it |
//! |---|---|
//! | 1. the time and the tick go to the store, in one write, if the record is still the one that was looked at | 2 is made up for at the next start |
//! | 2. the tick is published, until the bus has it | 2 is repeated; the bus drops what it has |
//! | 3. the record without the tick goes to the store | nothing is left to do |

mod insist;

use std::collections::BTreeMap;
use std::sync::Arc;

use chassis::record::Unreadable;
use chassis::{Bucket, Bus, Clock, Expect, Metrics, Store, failpoint};
use chrono::{DateTime, Utc};
use events::payload::schedule::Cause;
use resources::{Catalog, Schedule};
use thiserror::Error;

use crate::announce;
use crate::decide::{Decision, Tick, decide};
use crate::metrics::{Outcome, SchedulerMetrics};
use crate::pulse::Pulse;
use crate::record::Record;

/// What the keys in the store begin with.
const PREFIX: &str = "schedule/";

/// What the scheduler stands on.
#[derive(Clone)]
pub struct Ports {
    pub bus: Arc<dyn Bus>,
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub counts: SchedulerMetrics,
    pub pulse: Arc<Pulse>,
}

/// Why nothing more can be applied for now.
#[derive(Debug, Error)]
pub enum Stop {
    /// Another process wrote the record, or a write of ours whose answer was lost. Read all anew.
    #[error("the record of the schedule {0} is not the one that was looked at")]
    Moved(String),
    /// A record cannot be read. A person has to look.
    #[error("cannot read the record `{key}` in the bucket `{bucket}`; without it, its schedule begins anew", bucket = Bucket::Watch.name())]
    Unreadable {
        /// Where it is in the store.
        key: String,
        /// Why.
        #[source]
        source: Unreadable,
    },
}

/// Keeps the records of all schedules, and announces their ticks.
pub struct Ticker {
    ports: Ports,
    known: BTreeMap<String, Known>,
}

struct Known {
    record: Record,
    revision: u64,
}

impl Ticker {
    pub fn new(ports: Ports) -> Self {
        Self { ports, known: BTreeMap::new() }
    }

    /// Reads the records and publishes what still waits in them. Must come before the first pass.
    pub async fn load(&mut self) -> Result<(), Stop> {
        self.known.clear();
        for (key, entry) in self.scan(PREFIX).await {
            let record = Record::decode(&entry.value)
                .map_err(|source| Stop::Unreadable { key: key.clone(), source })?;
            let name = key.strip_prefix(PREFIX).unwrap_or(&key).to_owned();
            let waits = record.unpublished.is_some();
            self.known.insert(name.clone(), Known { record, revision: entry.revision });
            if waits {
                self.finish(&name, None).await?;
            }
        }
        Ok(())
    }

    /// Announces every tick whose time has come, and says when to look again.
    pub async fn pass(&mut self, catalog: &Catalog) -> Result<Option<DateTime<Utc>>, Stop> {
        let mut wakes: Option<DateTime<Utc>> = None;
        let mut count = 0;
        for (name, schedule) in catalog.schedules() {
            let wake = self.schedule(name, schedule).await?;
            wakes = wakes.into_iter().chain(wake).min();
            count += 1;
        }
        self.ports.counts.schedules.set(count);
        let declared = |name: &str| catalog.schedules().any(|(known, _)| known == name);
        let gone: Vec<String> = self.known.keys().filter(|name| !declared(name)).cloned().collect();
        for name in gone {
            self.forget(&name).await?;
        }
        Ok(wakes)
    }

    async fn schedule(&mut self, name: &str, schedule: &Schedule) -> Result<Option<DateTime<Utc>>, Stop> {
        loop {
            let now = self.ports.clock.now();
            match decide(name, schedule, self.known.get(name).map(|known| &known.record), now) {
                Decision::Wait(until) => return Ok(until),
                Decision::Begin(record) => self.keep(name, record).await?,
                Decision::StepBack(record) => {
                    tracing::warn!(
                        schedule = name,
                        "the clock was set back: its times are gone through again"
                    );
                    self.ports.counts.steps.inc();
                    self.keep(name, record).await?;
                }
                Decision::Skip(record, skipped) => {
                    self.keep(name, record).await?;
                    self.skipped(name, skipped);
                }
                Decision::Fire(record, tick, skipped) => {
                    let unpublished = Some(announce::event(name, schedule, &tick, now));
                    self.keep(name, Record { unpublished, ..record }).await?;
                    self.skipped(name, skipped);
                    self.finish(name, Some(&tick)).await?;
                }
            }
        }
    }

    fn skipped(&self, name: &str, ticks: u32) {
        if ticks > 0 {
            tracing::warn!(schedule = name, ticks, "ticks were missed and are left out");
            self.ports.counts.count(Outcome::Skipped, ticks);
        }
    }

    /// Steps 2 and 3. The tick is not known when it waits from before a crash.
    async fn finish(&mut self, name: &str, tick: Option<&Tick>) -> Result<(), Stop> {
        failpoint::hit("scheduler-kept");
        let Some(Known { record, .. }) = self.known.get(name) else { return Ok(()) };
        let Some(event) = record.unpublished.clone() else { return Ok(()) };
        let record = Record { unpublished: None, ..record.clone() };
        let published = self.publish(name, &event).await;
        self.ports.metrics.published(published.duplicate);
        failpoint::hit("scheduler-published");
        let now = self.ports.clock.now();
        let outcome = match tick.map(|tick| tick.cause) {
            _ if published.duplicate => Outcome::Duplicate,
            Some(Cause::Due) => Outcome::Due,
            Some(Cause::CatchUp) | None => Outcome::CatchUp,
        };
        self.ports.counts.count(outcome, 1);
        self.ports.counts.last.set(now.timestamp());
        if let Some(tick) = tick {
            let late = (now - tick.due).to_std().unwrap_or_default();
            self.ports.counts.lateness.observe(late.as_secs_f64());
        }
        tracing::info!(
            event.id = event.id(),
            event.r#type = event.ty(),
            schedule = name,
            nominal = record.last.map(|last| last.to_rfc3339()),
            outcome = <&str>::from(outcome),
            "a schedule has ticked"
        );
        self.keep(name, record).await
    }

    async fn keep(&mut self, name: &str, record: Record) -> Result<(), Stop> {
        let (key, bytes) = (format!("{PREFIX}{name}"), record.encode());
        let expect = self.known.get(name).map_or(Expect::Absent, |known| Expect::Revision(known.revision));
        let write = || self.ports.store.put(Bucket::Watch, &key, bytes.clone(), expect, None);
        let revision = self.insist_on_write(name, write).await?;
        self.known.insert(name.to_owned(), Known { record, revision });
        Ok(())
    }

    /// A schedule that is declared no more has no past when it is declared again.
    async fn forget(&mut self, name: &str) -> Result<(), Stop> {
        let Some(Known { revision, .. }) = self.known.get(name) else { return Ok(()) };
        let (key, expect) = (format!("{PREFIX}{name}"), Expect::Revision(*revision));
        self.insist_on_write(name, || self.ports.store.delete(Bucket::Watch, &key, expect)).await?;
        self.known.remove(name);
        Ok(())
    }
}
