//! Ports that are away are waited for: a transition is never passed over.

use std::future::Future;

use chassis::store::Entry;
use chassis::{Bucket, Expect, StoreError, insist, insist_unless};
use events::Envelope;

use super::{Announcer, Stop};
use crate::announce;
use crate::key::Key;
use crate::watched::Watched;

impl<W: Watched> Announcer<W> {
    /// Returns when the bus has the event. (One that is too large for the bus would be tried for ever, in plain sight;
    /// the gatherer bounds every text and list, so that there is none.)
    pub(super) async fn publish(&self, key: &Key, event: &Envelope) {
        let publish = || self.ports.bus.publish(event);
        let published = insist("publish an event", &*self.pulse, publish).await;
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
        let prefix = self.prefix();
        insist("read the state", &*self.pulse, || self.ports.store.scan(Bucket::Watch, &prefix)).await
    }

    /// Whether there is such an entry.
    pub(super) async fn get(&self, name: &str) -> bool {
        let get = || self.ports.store.get(Bucket::Watch, name);
        insist("read the state", &*self.pulse, get).await.is_some()
    }

    /// Returns when the store has the entry, whatever was there.
    pub(super) async fn put(&self, name: &str, value: Vec<u8>) {
        let put = || self.ports.store.put(Bucket::Watch, name, value.clone(), Expect::Any, None);
        let _revision = insist("keep the state", &*self.pulse, put).await;
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
        insist_unless("keep the state", &*self.pulse, write, retry).await
    }
}
