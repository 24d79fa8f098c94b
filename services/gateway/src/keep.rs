//! Writes down when each Source was last accepted and last refused, so that it is known after a restart, and to others.

use std::sync::Arc;
use std::time::Duration;

use chassis::sources::Sources;
use chassis::{Shutdown, Store, StoreError};
use tokio::time::{Instant, sleep, timeout};

use crate::Gateway;

/// At most so often: what comes more often is written down together. Strangers can make refusals, not writes.
const EVERY: Duration = Duration::from_secs(5);
/// How long writing all of it down may take before it is tried again.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks whether requests are still under way at the end.
const LOOK: Duration = Duration::from_millis(20);

impl Gateway {
    /// Keeps what is known of each Source in the store, until shutdown: what comes alone at once, what comes often every
    /// five seconds. Ends when the last request of [`router`](Self::router) is answered.
    ///
    /// It is not needed for taking events, so trouble of the store is told and does not end it.
    pub async fn keep(self: Arc<Self>, store: Arc<dyn Store>, shutdown: Shutdown) {
        let sources = Sources::new(store);
        let mut told = Told::default();
        while let Err(error) = self.recall(&sources).await {
            told.trouble(&error);
            tokio::select! {
                () = sleep(EVERY) => {}
                () = shutdown.triggered() => break,
            }
        }
        loop {
            tokio::select! {
                () = self.seen.some() => {}
                () = shutdown.triggered() => break,
            }
            told.tell(self.write_down(&sources).await);
            tokio::select! {
                () = sleep(EVERY) => {}
                () = shutdown.triggered() => break,
            }
        }
        // A request that is under way has the other hand on this gateway.
        let end = Instant::now() + self.limits.body_within + self.limits.publish_within;
        while Arc::strong_count(&self) > 1 && Instant::now() < end {
            sleep(LOOK).await;
        }
        told.tell(self.write_down(&sources).await);
    }

    /// Knows what was written down before this process began.
    async fn recall(&self, sources: &Sources) -> Result<(), StoreError> {
        for (name, record) in in_time(sources.all()).await? {
            self.seen.learn(&name, &record);
        }
        Ok(())
    }

    async fn write_down(&self, sources: &Sources) -> Result<(), StoreError> {
        let mut result = Ok(());
        for (name, news) in self.seen.take() {
            if result.is_err() {
                // The others are not tried: the store is away.
                self.seen.give_back(&name, news);
                continue;
            }
            match in_time(sources.add(&name, &news)).await {
                Ok(record) => self.seen.learn(&name, &record),
                Err(error) => {
                    self.seen.give_back(&name, news);
                    result = Err(error);
                }
            }
        }
        result
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_| StoreError::unavailable(std::io::Error::from(std::io::ErrorKind::TimedOut));
    timeout(PATIENCE, work).await.map_err(late)?
}

/// Whether trouble was told: once when it begins, and once when it is over.
#[derive(Default)]
struct Told(bool);

impl Told {
    fn tell(&mut self, result: Result<(), StoreError>) {
        match result {
            Err(error) => self.trouble(&error),
            Ok(()) if std::mem::take(&mut self.0) => {
                tracing::info!("when sources were last accepted and refused is written down again");
            }
            Ok(()) => {}
        }
    }

    fn trouble(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.0, true) {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "when sources were last accepted and refused cannot be written down; it is tried again"
            );
        }
    }
}
