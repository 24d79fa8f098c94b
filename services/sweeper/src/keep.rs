//! Apply: what is written. Ports that are away are waited for.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use chassis::{
    Bucket, Bus, BusError, Clock, Entry, Expect, Metrics, Position, PublishError, Published, Recorded, Store,
    StoreError, backoff,
};
use chrono::{DateTime, Utc};
use events::Envelope;
use thiserror::Error;

use crate::metrics::SweeperMetrics;
use crate::pulse::Pulse;

/// What the keys in the store begin with; the kind and the name of the Source come after it.
pub const PREFIX: &str = "sweep/";
/// From this failure on the wait stays the same (half a minute).
const SLOWEST: u32 = 6;

/// What the sweeper stands on.
#[derive(Clone)]
pub struct Ports {
    pub bus: Arc<dyn Bus>,
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub counts: SweeperMetrics,
    pub pulse: Arc<Pulse>,
}

/// Why nothing more can be done for now.
#[derive(Debug, Error)]
pub enum Stop {
    /// Another process wrote the record, or a write of ours whose answer was lost. Read it anew.
    #[error("the record {0} is not the one that was looked at")]
    Moved(String),
    /// A record cannot be read. A person has to look.
    #[error("cannot read the record `{key}` in the bucket `{bucket}`; without it, its Source begins anew", bucket = Bucket::Watch.name())]
    Unreadable {
        /// Where it is in the store.
        key: String,
        /// Why.
        #[source]
        source: anyhow::Error,
    },
}

/// A body is larger than the bus ever takes.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct TooLarge(PublishError);

impl Ports {
    /// Returns when the bus has the event, or when it never will.
    pub async fn publish(&self, source: &str, event: &Envelope) -> Result<Published, TooLarge> {
        let retry = |error: PublishError| {
            if error.is_of_the_event() { Err(TooLarge(error)) } else { Ok(anyhow::Error::new(error)) }
        };
        let published =
            self.insist(&format!("publish what {source} missed"), || self.bus.publish(event), retry).await?;
        self.metrics.published(published.duplicate);
        Ok(published)
    }

    /// The first position of the log that was recorded at or after this time.
    pub async fn seek(&self, since: DateTime<Utc>) -> Position {
        let retry = |error: BusError| Ok::<_, Infallible>(anyhow::Error::new(error));
        let Ok(position) = self.insist("look into the log", || self.bus.seek(since), retry).await;
        position
    }

    /// Events of the log.
    pub async fn log(&self, from: Position, limit: usize) -> Vec<Recorded> {
        let retry = |error: BusError| Ok::<_, Infallible>(anyhow::Error::new(error));
        let Ok(page) = self.insist("read the log", || self.bus.read(from, limit), retry).await;
        page
    }

    /// A record.
    pub async fn read(&self, name: &str) -> Option<Entry> {
        let key = key(name);
        let retry = |error: StoreError| Ok::<_, Infallible>(anyhow::Error::new(error));
        let Ok(entry) = self.insist("read a record", || self.store.get(Bucket::Watch, &key), retry).await;
        entry
    }

    /// Writes a record, if it is still the one that was read.
    pub async fn write(&self, name: &str, bytes: Vec<u8>, revision: Option<u64>) -> Result<u64, Stop> {
        let (key, expect) = (key(name), revision.map_or(Expect::Absent, Expect::Revision));
        let put = || self.store.put(Bucket::Watch, &key, bytes.clone(), expect, None);
        self.insist(&format!("keep the record of {name}"), put, |error| conflict(name, error)).await
    }

    /// A Source that is swept no more has no past when it is swept again.
    pub async fn forget_others(&self, swept: impl Fn(&str) -> bool) -> Result<(), Stop> {
        let retry = |error: StoreError| Ok::<_, Infallible>(anyhow::Error::new(error));
        let scan = || self.store.scan(Bucket::Watch, PREFIX);
        let Ok(entries) = self.insist("read the records", scan, retry).await;
        for (key, entry) in entries {
            let name = key.strip_prefix(PREFIX).unwrap_or(&key);
            if !swept(name) {
                let expect = Expect::Revision(entry.revision);
                let delete = || self.store.delete(Bucket::Watch, &key, expect);
                self.insist("drop a record", delete, |error| conflict(name, error)).await?;
            }
        }
        Ok(())
    }

    /// Tries until it works. `retry` says of each error whether it is worth another attempt (`Ok`).
    async fn insist<T, E, S, F>(
        &self,
        what: &str,
        mut attempt: impl FnMut() -> F,
        retry: impl Fn(E) -> Result<anyhow::Error, S>,
    ) -> Result<T, S>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut failures = 0;
        loop {
            let error = match attempt().await.map_err(&retry) {
                Ok(done) => {
                    self.pulse.flows();
                    return Ok(done);
                }
                Err(Ok(error)) => format!("{error:#}"),
                Err(Err(stop)) => return Err(stop),
            };
            failures += 1;
            let pause = backoff::after(SLOWEST.min(failures));
            self.pulse.waits(format!("cannot {what}: {error}"));
            tracing::warn!(error, failures, "cannot {what}; trying again");
            tokio::time::sleep(pause).await;
        }
    }
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

fn conflict(source: &str, error: StoreError) -> Result<anyhow::Error, Stop> {
    match error {
        StoreError::Conflict => Err(Stop::Moved(source.to_owned())),
        StoreError::Full(_) | StoreError::Unavailable(_) => Ok(anyhow::Error::new(error)),
    }
}
