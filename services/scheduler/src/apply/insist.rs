//! Ports that are away are waited for: a tick that was decided is never passed over.

use std::convert::Infallible;
use std::future::Future;

use chassis::store::Entry;
use chassis::{Bucket, PublishError, Published, StoreError, backoff};
use events::Envelope;

use super::{Stop, Ticker};

/// From this failure on the wait stays the same (half a minute): ticks should come soon after the bus is back.
const SLOWEST: u32 = 6;

impl Ticker {
    /// Returns when the bus has the event.
    pub(super) async fn publish(&self, name: &str, event: &Envelope) -> Published {
        let retry = |error: PublishError| Ok::<_, Infallible>(anyhow::Error::new(error));
        let publish = || self.ports.bus.publish(event);
        let Ok(published) = self.insist(&format!("publish a tick of {name}"), publish, retry).await;
        published
    }

    /// All records whose keys begin so.
    pub(super) async fn scan(&self, prefix: &str) -> Vec<(String, Entry)> {
        let retry = |error: StoreError| Ok::<_, Infallible>(anyhow::Error::new(error));
        let scan = || self.ports.store.scan(Bucket::Watch, prefix);
        let Ok(entries) = self.insist("read the records", scan, retry).await;
        entries
    }

    /// Returns when the store has done it, or when the record is not the one that was looked at.
    pub(super) async fn insist_on_write<T, F>(&self, name: &str, write: impl FnMut() -> F) -> Result<T, Stop>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let retry = |error: StoreError| match error {
            StoreError::Conflict => Err(Stop::Moved(name.to_owned())),
            StoreError::Full(_) | StoreError::Unavailable(_) => Ok(anyhow::Error::new(error)),
        };
        self.insist(&format!("keep the record of {name}"), write, retry).await
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
                    self.ports.pulse.flows();
                    return Ok(done);
                }
                Err(Ok(error)) => format!("{error:#}"),
                Err(Err(stop)) => return Err(stop),
            };
            failures += 1;
            let pause = backoff::after(SLOWEST.min(failures));
            self.ports.pulse.waits(format!("cannot {what}: {error}"));
            tracing::warn!(error, failures, "cannot {what}; trying again");
            tokio::time::sleep(pause).await;
        }
    }
}
