//! Ports that are away are waited for: a tick that was decided is never passed over.

use std::future::Future;

use chassis::store::Entry;
use chassis::{Bucket, Published, StoreError, insist, insist_unless};
use events::Envelope;

use super::{Stop, Ticker};

impl Ticker {
    /// Returns when the bus has the event.
    pub(super) async fn publish(&self, name: &str, event: &Envelope) -> Published {
        let publish = || self.ports.bus.publish(event);
        insist(&format!("publish a tick of {name}"), &*self.ports.pulse, publish).await
    }

    /// All records whose keys begin so.
    pub(super) async fn scan(&self, prefix: &str) -> Vec<(String, Entry)> {
        insist("read the records", &*self.ports.pulse, || self.ports.store.scan(Bucket::Watch, prefix)).await
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
        insist_unless(&format!("keep the record of {name}"), &*self.ports.pulse, write, retry).await
    }
}
