//! Apply: the one place that writes. Keeps what is to be announced, publishes it, and keeps that it is published.
//!
//! | step | a crash after it |
//! |---|---|
//! | 1. the new state and its events go to the store, in one write, if the state is still the one that was compared | 2 is made up for at the next start, before anything else |
//! | 2. the events are published, each until the bus has it | 2 is repeated; the bus drops what it has |
//! | 3. the state without the events goes to the store (or away, if the Application is gone) | nothing is left to do |

mod insist;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chassis::{Bucket, Bus, Clock, Expect, Metrics, Store, failpoint};
use events::payload::application::Transition;
use kube::runtime::watcher::Event;
use thiserror::Error;

use crate::decide::{Change, Decision, decide};
use crate::gather::{Object, Sight};
use crate::key::AppKey;
use crate::metrics::WatcherMetrics;
use crate::pulse::Pulse;
use crate::record::{self, Record};

pub use insist::pause;

/// What the watcher stands on.
#[derive(Clone)]
pub struct Ports {
    pub bus: Arc<dyn Bus>,
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub watcher_metrics: WatcherMetrics,
}

/// Why nothing more can be applied for now.
#[derive(Debug, Error)]
pub enum Stop {
    /// Another process wrote the state, or a write of ours whose answer was lost. Read the state anew, then the world.
    #[error("the state of {0} is not the one that was compared")]
    Moved(AppKey),
    /// A state that was kept cannot be read. A person has to look.
    #[error("cannot read the state `{key}` in the bucket `{bucket}`; without it, its Application begins anew", bucket = Bucket::Watch.name())]
    Unreadable {
        /// Where it is in the store.
        key: String,
        /// Why.
        #[source]
        source: record::Unreadable,
    },
    /// A key of the state is none of ours.
    #[error("the key `{key}` in the bucket `{bucket}` names no Application", key = .0, bucket = Bucket::Watch.name())]
    Stray(String),
}

/// Keeps the state of the Applications of one watch and announces what changes.
pub struct Announcer {
    ports: Ports,
    pulse: Arc<Pulse>,
    prefix: String,
    known: BTreeMap<AppKey, Known>,
    /// While a list runs: who was in it.
    listed: Option<BTreeSet<AppKey>>,
}

struct Known {
    record: Record,
    revision: u64,
}

impl Announcer {
    /// For the Applications of a namespace, or of all.
    pub fn new(ports: Ports, pulse: Arc<Pulse>, namespace: Option<&str>) -> Self {
        Self { ports, pulse, prefix: AppKey::prefix(namespace), known: BTreeMap::new(), listed: None }
    }

    /// Reads the state and publishes what still waits in it. Must come before the first event of a stream.
    pub async fn load(&mut self) -> Result<(), Stop> {
        self.listed = None;
        self.forget_all();
        for (name, entry) in self.scan().await {
            let key = AppKey::from_store(&name).ok_or_else(|| Stop::Stray(name.clone()))?;
            let record =
                Record::decode(&entry.value).map_err(|source| Stop::Unreadable { key: name, source })?;
            let waits = !record.unpublished.is_empty();
            self.remember(key.clone(), Known { record, revision: entry.revision });
            if waits {
                self.finish(&key).await?;
            }
        }
        Ok(())
    }

    /// Takes one event of the stream, and returns when all that it means is announced and kept.
    pub async fn heed(&mut self, event: Event<Object>) -> Result<(), Stop> {
        self.ports.watcher_metrics.last_event.set(self.ports.clock.now().timestamp());
        match event {
            Event::Init => {
                self.ports.watcher_metrics.relists.inc();
                self.listed = Some(BTreeSet::new());
                Ok(())
            }
            Event::InitApply(object) => {
                if let (Some(listed), Some(key)) = (&mut self.listed, object.key()) {
                    listed.insert(key);
                }
                self.applied(object).await
            }
            Event::InitDone => self.list_done().await,
            Event::Apply(object) => self.applied(object).await,
            Event::Delete(object) => self.deleted(object).await,
        }
    }

    /// Whether a list is running.
    pub fn is_listing(&self) -> bool {
        self.listed.is_some()
    }

    async fn list_done(&mut self) -> Result<(), Stop> {
        // Without a list nobody was missing in it.
        let Some(listed) = self.listed.take() else { return Ok(()) };
        let gone: Vec<AppKey> = self.known.keys().filter(|key| !listed.contains(key)).cloned().collect();
        for key in gone {
            self.end(&key, None).await?;
        }
        self.pulse.listed();
        Ok(())
    }

    async fn applied(&mut self, object: Object) -> Result<(), Stop> {
        let Some((key, sight)) = self.readable(object) else { return Ok(()) };
        match decide(self.known.get(&key).map(|known| &known.record.seen), &sight) {
            Decision::Unchanged => Ok(()),
            Decision::Changed(changes) => self.change(&key, sight, &changes).await,
            Decision::Replaced => {
                self.end(&key, None).await?;
                self.change(&key, sight, &[Change::new(Transition::Created)]).await
            }
        }
    }

    async fn deleted(&mut self, object: Object) -> Result<(), Stop> {
        let Some(key) = object.key() else { return Ok(()) };
        let Some(known) = self.known.get(&key) else { return Ok(()) };
        // The end of an older Application of the same name was announced when the newer one was seen.
        if object.uid() != Some(known.record.seen.uid.as_str()) {
            return Ok(());
        }
        self.end(&key, object.sight.ok()).await
    }

    fn readable(&self, object: Object) -> Option<(AppKey, Sight)> {
        let key = object.key();
        match (key, object.sight) {
            (Some(key), Ok(sight)) => Some((key, sight)),
            (key, sight) => {
                self.ports.watcher_metrics.unreadable.inc();
                let name = key.map(|key| key.to_string());
                let error = sight.err();
                let error = error.as_deref().map(|error| error as &dyn std::error::Error);
                tracing::warn!(
                    application = name,
                    error,
                    "an Application cannot be read; nothing is announced of it"
                );
                None
            }
        }
    }

    async fn change(&mut self, key: &AppKey, sight: Sight, changes: &[Change]) -> Result<(), Stop> {
        let before = self.known.get(key);
        let record =
            Record::after(before.map(|known| &known.record), key, sight, changes, self.ports.clock.now());
        let expect = before.map_or(Expect::Absent, |known| Expect::Revision(known.revision));
        self.keep(key, record, expect).await?;
        self.finish(key).await
    }

    async fn end(&mut self, key: &AppKey, last: Option<Sight>) -> Result<(), Stop> {
        let Some(Known { record, revision }) = self.known.get(key) else { return Ok(()) };
        let (record, expect) = (record.end(key, last, self.ports.clock.now()), Expect::Revision(*revision));
        self.keep(key, record, expect).await?;
        self.finish(key).await
    }

    /// Steps 2 and 3.
    async fn finish(&mut self, key: &AppKey) -> Result<(), Stop> {
        failpoint::hit("watcher-kept");
        let Some(Known { record, revision }) = self.known.get(key) else { return Ok(()) };
        for event in &record.unpublished {
            self.publish(key, event).await;
        }
        failpoint::hit("watcher-published");
        let expect = Expect::Revision(*revision);
        if record.gone {
            self.drop_record(key, expect).await?;
            self.forget(key);
            Ok(())
        } else {
            let record = Record { unpublished: Vec::new(), ..record.clone() };
            self.keep(key, record, expect).await
        }
    }

    async fn keep(&mut self, key: &AppKey, record: Record, expect: Expect) -> Result<(), Stop> {
        let (name, bytes) = (key.in_store(), record.encode());
        let write = || self.ports.store.put(Bucket::Watch, &name, bytes.clone(), expect, None);
        let revision = self.insist_on_write(key, write).await?;
        self.remember(key.clone(), Known { record, revision });
        Ok(())
    }

    async fn drop_record(&self, key: &AppKey, expect: Expect) -> Result<(), Stop> {
        let name = key.in_store();
        self.insist_on_write(key, || self.ports.store.delete(Bucket::Watch, &name, expect)).await
    }

    fn remember(&mut self, key: AppKey, known: Known) {
        if self.known.insert(key, known).is_none() {
            self.ports.watcher_metrics.objects.inc();
        }
    }

    fn forget(&mut self, key: &AppKey) {
        if self.known.remove(key).is_some() {
            self.ports.watcher_metrics.objects.dec();
        }
    }

    fn forget_all(&mut self) {
        let keys = std::mem::take(&mut self.known);
        self.ports.watcher_metrics.objects.sub(i64::try_from(keys.len()).unwrap_or(i64::MAX));
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.forget_all();
    }
}
