//! Ports that are away are waited for: a transition is never passed over.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use chassis::store::Entry;
use chassis::{Bucket, Expect, PublishError, StoreError, backoff};
use events::Envelope;

use super::{Announcer, Stop};
use crate::announce;
use crate::key::Key;
use crate::watched::Watched;

/// From this failure on the wait stays the same (half a minute): people should be told soon after the bus is back.
const SLOWEST: u32 = 6;

/// How long to wait after that many failures in a row.
pub fn pause(failures: u32) -> Duration {
    backoff::after(failures.min(SLOWEST))
}

impl<W: Watched> Announcer<W> {
    /// Returns when the bus has the event. (One that is too large for the bus would be tried for ever, in plain sight;
    /// the gatherer bounds every text and list, so that there is none.)
    pub(super) async fn publish(&self, key: &Key, event: &Envelope) {
        let retry = |error: PublishError| Ok::<_, Infallible>(error.into());
        let Ok(published) = self.insist("publish an event", || self.ports.bus.publish(event), retry).await;
        self.ports.metrics.published(published.duplicate);
        let transition = announce::label(event);
        self.ports.watcher_metrics.transitions.with_label_values(&[transition]).inc();
        tracing::info!(
            event.id = event.id(),
            event.r#type = event.ty(),
            object = %key,
            duplicate = published.duplicate,
            "{} has changed",
            self.watched.what().one
        );
    }

    /// All states of this watch.
    pub(super) async fn scan(&self) -> Vec<(String, Entry)> {
        let retry = |error: StoreError| Ok::<_, Infallible>(error.into());
        let prefix = self.prefix();
        let scan = || self.ports.store.scan(Bucket::Watch, &prefix);
        let Ok(entries) = self.insist("read the state", scan, retry).await;
        entries
    }

    /// Whether there is such an entry.
    pub(super) async fn get(&self, name: &str) -> bool {
        let retry = |error: StoreError| Ok::<_, Infallible>(error.into());
        let Ok(entry) =
            self.insist("read the state", || self.ports.store.get(Bucket::Watch, name), retry).await;
        entry.is_some()
    }

    /// Returns when the store has the entry, whatever was there.
    pub(super) async fn put(&self, name: &str, value: Vec<u8>) {
        let retry = |error: StoreError| Ok::<_, Infallible>(error.into());
        let put = || self.ports.store.put(Bucket::Watch, name, value.clone(), Expect::Any, None);
        let Ok(_revision) = self.insist("keep the state", put, retry).await;
    }

    /// Returns when the store has done it, or when the state is not the one that was expected.
    pub(super) async fn insist_on_write<T, F>(&self, key: &Key, write: impl FnMut() -> F) -> Result<T, Stop>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let retry = |error: StoreError| match error {
            StoreError::Conflict => Err(Stop::Moved(key.clone())),
            StoreError::Full(_) | StoreError::Unavailable(_) => Ok(error.into()),
        };
        self.insist("keep the state", write, retry).await
    }

    /// Tries until it works. `retry` says of each error whether it is worth another attempt (`Ok`).
    async fn insist<T, E, S, F>(
        &self,
        what: &'static str,
        mut attempt: impl FnMut() -> F,
        retry: impl Fn(E) -> Result<anyhow::Error, S>,
    ) -> Result<T, S>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut failures = 0;
        loop {
            let error = match attempt().await {
                Ok(done) => break Ok(done),
                Err(error) => match retry(error) {
                    Ok(error) => error,
                    Err(stop) => break Err(stop),
                },
            };
            failures += 1;
            let pause = pause(failures);
            self.pulse.waits(format!("cannot {what}: {error:#}"));
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(error = format!("{error:#}"), failures, pause_ms, "cannot {what}; trying again");
            tokio::time::sleep(pause).await;
        }
        .inspect(|_| self.pulse.flows())
    }
}
