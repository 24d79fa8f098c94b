//! How often an event was tried that a handler has not settled yet, and why it failed.
//!
//! The engines only know how often they delivered an event, which is more: a delivery that waited in a queue and went
//! back was no attempt. So the runner keeps its own record, in [`Bucket::Attempts`] under `handler/hash of the event's
//! source and id`, from the first failure until the event is settled. It holds what a restart must not forget: the
//! count, the time before which there is no further attempt, and the reasons.

use std::time::Duration;

use chrono::{DateTime, Utc};
use events::Envelope;
use serde::{Deserialize, Serialize};

use crate::backoff;
use crate::bus::Position;
use crate::store::{Bucket, Expect, Store, StoreError};

/// Version of the record.
const VERSION: u8 = 1;
/// As long as the log keeps an event that could be delivered again, by a margin.
pub(crate) const REMEMBERED: Duration = Duration::from_hours(24 * 45);
/// How many failures are kept: the budget of attempts is of that order.
const FAILURES: usize = 20;

/// One failed attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// When.
    pub at: DateTime<Utc>,
    /// The error and its causes, outermost first.
    pub reasons: Vec<String>,
}

/// The attempts at an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempts {
    /// How many were made, those included that ended with the process.
    pub made: u32,
    /// There is no further one before this time.
    pub not_before: Option<NotBefore>,
    /// When the first of them began, as far as it is known: one that ended with its process and left no record is not.
    pub first_tried: Option<DateTime<Utc>>,
    /// How they failed, oldest first; the last twenty.
    pub failures: Vec<Failed>,
    /// Whether the store has a record of them.
    pub recorded: bool,
    /// The store did not say whether it has a record of them.
    pub unknown: bool,
    /// The event is given up for these reasons, and could not be buried yet.
    pub doomed: Option<Vec<String>>,
    /// How many times in a row the bus or the store was in trouble. Not recorded: it is nothing about the event.
    pub troubles: u32,
}

/// When there may be another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotBefore {
    /// Not before this time, by the clock of the process that failed.
    pub time: DateTime<Utc>,
    /// And after no longer than this, whatever another process's clock says.
    pub millis: u64,
}

impl NotBefore {
    /// After this delay.
    pub fn after(delay: Duration, now: DateTime<Utc>) -> Self {
        Self { time: now + delay, millis: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) }
    }

    /// What is left to wait.
    pub fn left(self, now: DateTime<Utc>) -> Duration {
        (self.time - now).to_std().unwrap_or_default().min(Duration::from_millis(self.millis))
    }
}

/// Whose attempts.
#[derive(Clone, Copy)]
pub struct Of<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// Name of the handler.
    pub handler: &'a str,
    /// The event.
    pub event: &'a Envelope,
    /// Where the delivery stands.
    pub position: Position,
}

#[derive(Serialize, Deserialize)]
struct Record {
    v: u8,
    source: String,
    event: String,
    handler: String,
    /// That of the delivery: one that was driven again is another, with attempts of its own.
    position: Position,
    begun: u32,
    not_before: Option<NotBefore>,
    failures: Vec<Failed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    doomed: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_tried: Option<DateTime<Utc>>,
}

impl Attempts {
    /// What is recorded; nothing if there is no record, or none that can be read.
    pub async fn load(of: Of<'_>) -> Result<Self, StoreError> {
        let Of { store, handler, event, position } = of;
        let Some(entry) = store.get(Bucket::Attempts, &of.key()).await? else {
            return Ok(Self::default());
        };
        match serde_json::from_slice::<Record>(&entry.value) {
            Ok(Record { v: VERSION, position: other, .. }) if other != position => Ok(Self::default()),
            Ok(Record { v: VERSION, begun, not_before, failures, doomed, first_tried, .. }) => Ok(Self {
                made: begun,
                not_before,
                first_tried,
                failures,
                doomed,
                recorded: true,
                ..Self::default()
            }),
            // A count that is lost costs attempts, an event that is lost would cost the event.
            Ok(Record { v, .. }) => {
                tracing::error!(handler, event.id = event.id(), version = v, "unknown record of attempts");
                Ok(Self { recorded: true, ..Self::default() })
            }
            Err(error) => {
                tracing::error!(handler, event.id = event.id(), %error, "the record of attempts is damaged");
                Ok(Self { recorded: true, ..Self::default() })
            }
        }
    }

    /// The next attempt begins. Recorded before it does, so that it counts even if it ends the process.
    pub async fn begin(&mut self, of: Of<'_>) -> Result<(), StoreError> {
        self.made += 1;
        self.not_before = None;
        self.save(of).await
    }

    /// An attempt failed; the next one is not before that time.
    pub async fn failed(
        &mut self,
        of: Of<'_>,
        failed: Failed,
        not_before: NotBefore,
    ) -> Result<(), StoreError> {
        self.add(failed);
        self.troubles = 0;
        self.not_before = Some(not_before);
        self.save(of).await
    }

    /// The bus or the store was in trouble, so this was no attempt. Returns how long to wait for them.
    pub async fn postponed(&mut self, of: Of<'_>) -> Duration {
        self.made = self.made.saturating_sub(1);
        if self.recorded
            && let Err(error) = self.save(of).await
        {
            // This process knows. After a restart, it counts as one that ended its process.
            tracing::debug!(%error, "an attempt that was none stays recorded");
        }
        self.in_trouble()
    }

    /// The bus or the store is in trouble. Returns how long to wait for them.
    pub fn in_trouble(&mut self) -> Duration {
        self.troubles = self.troubles.saturating_add(1);
        backoff::after_trouble(self.troubles)
    }

    /// The event is given up for these reasons, and could not be buried yet: it is not handled again.
    pub async fn doom(&mut self, of: Of<'_>, reasons: Vec<String>) {
        self.doomed = Some(reasons);
        if let Err(error) = self.save(of).await {
            // This process knows. After a restart, its last attempt counts as one that ended its process.
            tracing::debug!(%error, "that an event is given up is not recorded");
        }
    }

    /// The last attempt failed.
    pub fn add(&mut self, failed: Failed) {
        self.failures.push(failed);
        let surplus = self.failures.len().saturating_sub(FAILURES);
        self.failures.drain(..surplus);
    }

    /// The event is settled: its attempts no longer matter.
    pub async fn forget(&self, of: Of<'_>) -> Result<(), StoreError> {
        if self.recorded {
            of.store.delete(Bucket::Attempts, &of.key(), Expect::Any).await?;
        }
        Ok(())
    }

    async fn save(&mut self, of: Of<'_>) -> Result<(), StoreError> {
        let Of { store, handler, event, position } = of;
        let record = Record {
            v: VERSION,
            source: event.source().to_owned(),
            event: event.id().to_owned(),
            handler: handler.to_owned(),
            position,
            begun: self.made,
            not_before: self.not_before,
            failures: self.failures.clone(),
            doomed: self.doomed.clone(),
            first_tried: self.first_tried,
        };
        let bytes = serde_json::to_vec(&record).map_err(StoreError::unavailable)?;
        store.put(Bucket::Attempts, &of.key(), bytes, Expect::Any, Some(REMEMBERED)).await?;
        self.recorded = true;
        Ok(())
    }
}

impl Of<'_> {
    fn key(self) -> String {
        format!("{}/{}", self.handler, crate::ledger::identity(self.event))
    }
}
