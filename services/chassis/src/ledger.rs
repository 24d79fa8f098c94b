//! The ledger: each external effect once.
//!
//! An effect has a key, `handler / hash of the event's source and id / step`. It is recorded as intended before it is
//! tried and as done after, with its result. What was intended and not done is *reconciled*: the world is asked first.

mod intended;

use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::Envelope;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::lease::Fence;
use crate::store::{Bucket, Expect, StoreError};
use crate::{Clock, Failure, Store};

pub use intended::Intended;

/// How long an effect is remembered: longer than any event is redelivered (the log's age, 30 days) by a margin.
pub(crate) const REMEMBERED: Duration = Duration::from_hours(24 * 45);
/// What an attempt may take that begins within the memory and must end within it: the wait of a handler that is away, its
/// attempts, clocks that differ.
const MARGIN: Duration = Duration::from_hours(24);
/// An event that was tried first no longer ago than this has all its effects in the ledger, for as long as it takes to
/// handle it once more.
pub(crate) const SURE: Duration = REMEMBERED.saturating_sub(MARGIN);

/// A longer result is not kept. The effect is done for all that, and not done again; but whoever asks for its result
/// after a crash is refused. No bus has to carry more than that beside what else is in a record.
const LONGEST_RESULT: usize = 64 * 1024;

/// Version of the record.
const VERSION: u8 = 1;

/// What the world says of an effect that was intended and is not recorded as done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciled<T> {
    /// It happened; its result.
    Happened(T),
    /// It did not happen, and may be tried.
    Absent,
}

/// The ledger, on a store.
#[derive(Clone, Copy)]
pub struct Ledger<'a> {
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    fence: &'a Fence,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    v: u8,
    state: State,
    source: String,
    event: String,
    handler: String,
    step: String,
    intended_at: DateTime<Utc>,
    done_at: Option<DateTime<Utc>>,
    result: Option<serde_json::Value>,
    /// How long the result was, in bytes, if it was too long to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    too_long: Option<usize>,
    /// The token of the lease under which it was tried last; 0 without one.
    #[serde(default)]
    fence: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Intended,
    Done,
}

/// The record is not as it was expected to be: somebody is at the effect, or was.
struct AtIt;

impl<'a> Ledger<'a> {
    /// The ledger on this store, for whoever acts under this fence.
    pub fn new(store: &'a dyn Store, clock: &'a dyn Clock, fence: &'a Fence) -> Self {
        Self { store, clock, fence }
    }

    /// See [`crate::Context::effect`].
    pub async fn effect<T, R, RF, A, AF>(
        self,
        handler: &str,
        event: &Envelope,
        step: &str,
        reconcile: R,
        act: A,
    ) -> Result<T, Failure>
    where
        T: Serialize + DeserializeOwned + Send,
        R: FnOnce() -> RF + Send,
        RF: Future<Output = Result<Reconciled<T>, Failure>> + Send,
        A: FnOnce(Intended) -> AF + Send,
        AF: Future<Output = Result<T, Failure>> + Send,
    {
        let key = key(handler, event, step);
        // First as if it had never been tried, which is how it is nearly always: one way to the store, not two.
        let (mut record, revision) = match self.intend(&key, handler, event, step).await? {
            Ok((record, revision)) => {
                // The store was slow: now it is too late, and the effect was surely not tried by anybody. What stays
                // intended would be lost where the world cannot be asked.
                if let Err(late) = self.allowed(record.fence) {
                    self.take_back(&key, revision).await;
                    return Err(late);
                }
                (record, revision)
            }
            Err(AtIt) => match self.find(&key).await? {
                Some((record, _)) if record.state == State::Done => return result(record),
                Some((mut record, revision)) => {
                    self.allowed(record.fence)?;
                    if let Reconciled::Happened(value) = reconcile().await? {
                        self.done(&key, record, revision, &value).await?;
                        return Ok(value);
                    }
                    // Claimed anew before it is tried: if the store cannot take this, it could not take the result
                    // either; and of two who have looked at the world at once, one goes on.
                    record.fence = self.fence.token();
                    let claimed = self.claim(&key, &record, Expect::Revision(revision)).await?;
                    let revision = claimed.map_err(|AtIt| another(&key))?;
                    // Too late here, it stays intended: the next one looks at the world again, which did not have it.
                    self.allowed(record.fence)?;
                    (record, revision)
                }
                None => return Err(another(&key)),
            },
        };
        match act(Intended::new(&key)).await {
            Ok(value) => {
                record.state = State::Done;
                self.done(&key, record, revision, &value).await?;
                Ok(value)
            }
            Err(failure) => {
                if failure.effect_absent {
                    self.take_back(&key, revision).await;
                }
                Err(failure)
            }
        }
    }

    /// Forgets an intended effect that surely did not happen. Not vital: if this fails, the next attempt reconciles.
    async fn take_back(&self, key: &str, revision: u64) {
        if let Err(error) = self.store.delete(Bucket::Ledger, key, Expect::Revision(revision)).await {
            tracing::debug!(key, error = %error, "could not take an intended effect back");
        }
    }

    /// The result of an effect that was had when the event was handled first, outside of any replay.
    pub(crate) async fn result_before<T: DeserializeOwned>(
        self,
        handler: &str,
        event: &Envelope,
        step: &str,
    ) -> Result<Option<T>, Failure> {
        let found = self.find(&format!("{handler}/{}/{step}", event_hash(event))).await?;
        found.filter(|(record, _)| record.state == State::Done).map(|(record, _)| result(record)).transpose()
    }

    /// Refuses whoever is no longer the one to act: his lease is over, or a later holder was at the effect.
    fn allowed(&self, tried_under: u64) -> Result<(), Failure> {
        let token = self.fence.token();
        if tried_under > token {
            return Err(Failure::retry(anyhow::anyhow!(
                "a process with the later lease {tried_under} was at this effect, this one has {token}"
            )));
        }
        if !self.fence.holds() {
            return Err(Failure::retry(anyhow::anyhow!("the lease {token} of this process is over")));
        }
        Ok(())
    }

    async fn find(&self, key: &str) -> Result<Option<(Record, u64)>, Failure> {
        let Some(entry) = self.store.get(Bucket::Ledger, key).await? else {
            return Ok(None);
        };
        let record: Record = serde_json::from_slice(&entry.value).map_err(|error| {
            Failure::reject(
                anyhow::Error::new(error).context(format!("the ledger's record {key} cannot be read")),
            )
        })?;
        if record.v != VERSION {
            return Err(Failure::reject(anyhow::anyhow!(
                "the ledger's record {key} has version {}, this program reads version {VERSION}",
                record.v
            )));
        }
        Ok(Some((record, entry.revision)))
    }

    async fn intend(
        &self,
        key: &str,
        handler: &str,
        event: &Envelope,
        step: &str,
    ) -> Result<Result<(Record, u64), AtIt>, Failure> {
        let record = Record {
            v: VERSION,
            state: State::Intended,
            source: event.source().to_owned(),
            event: event.id().to_owned(),
            handler: handler.to_owned(),
            step: step.to_owned(),
            intended_at: self.clock.now(),
            done_at: None,
            result: None,
            too_long: None,
            fence: self.fence.token(),
        };
        let claimed = self.claim(key, &record, Expect::Absent).await?;
        Ok(claimed.map(|revision| (record, revision)))
    }

    async fn claim(&self, key: &str, record: &Record, expect: Expect) -> Result<Result<u64, AtIt>, Failure> {
        match self.write(key, record, expect).await {
            Ok(revision) => Ok(Ok(revision)),
            Err(StoreError::Conflict) => Ok(Err(AtIt)),
            Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => Err(error.into()),
        }
    }

    async fn done<T: Serialize>(
        &self,
        key: &str,
        mut record: Record,
        revision: u64,
        value: &T,
    ) -> Result<(), Failure> {
        record.state = State::Done;
        record.done_at = Some(self.clock.now());
        let result = serde_json::to_value(value).map_err(Failure::reject)?;
        let length = result.to_string().len();
        if length > LONGEST_RESULT {
            tracing::warn!(
                key,
                length,
                "the result of an effect is too long for the ledger, and is not kept"
            );
            record.too_long = Some(length);
        } else {
            record.result = Some(result);
        }
        self.write(key, &record, Expect::Revision(revision)).await?;
        Ok(())
    }

    async fn write(&self, key: &str, record: &Record, expect: Expect) -> Result<u64, StoreError> {
        let bytes = serde_json::to_vec(record).map_err(StoreError::unavailable)?;
        self.store.put(Bucket::Ledger, key, bytes, expect, Some(REMEMBERED)).await
    }
}

/// Another process has just claimed the same: it is left to that one, and looked at again later.
fn another(key: &str) -> Failure {
    Failure::retry(anyhow::anyhow!("another process is at the effect {key}"))
}

fn result<T: DeserializeOwned>(record: Record) -> Result<T, Failure> {
    if let Some(length) = record.too_long {
        return Err(Failure::reject(anyhow::anyhow!(
            "{} / {} is done, but its result had {length} bytes, and the ledger keeps no more than {LONGEST_RESULT}",
            record.handler,
            record.step
        )));
    }
    let value = record.result.unwrap_or(serde_json::Value::Null);
    serde_json::from_value(value).map_err(|error| {
        let context = format!("the ledger's result of {} / {} cannot be read", record.handler, record.step);
        Failure::reject(anyhow::Error::new(error).context(context))
    })
}

fn key(handler: &str, event: &Envelope, step: &str) -> String {
    format!("{handler}/{}/{step}", identity(event))
}

/// What tells the handling of an event from that of others: its hash, and the replay that it is part of.
pub(crate) fn identity(event: &Envelope) -> String {
    match event.replay_run() {
        None => event_hash(event),
        Some(run) => format!("{}@{run}", event_hash(event)),
    }
}

/// Hash of what identifies an event: its source and id, each with its length.
pub(crate) fn event_hash(event: &Envelope) -> String {
    let mut hasher = Sha256::new();
    for part in [event.source(), event.id()] {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    // 128 bits: enough that no two events ever meet, and short enough for a header and a key.
    hex::encode(&hasher.finalize()[..16])
}
