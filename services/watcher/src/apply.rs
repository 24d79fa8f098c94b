//! Apply: the one place that writes. Keeps what is to be announced, publishes it, and keeps that it is published.
//!
//! | step | a crash after it |
//! |---|---|
//! | 1. the new state and its events go to the store, in one write, if the state is still the one that was compared | 2 is made up for at the next start, before anything else |
//! | 2. the events are published, each until the bus has it | 2 is repeated; the bus drops what it has |
//! | 3. the state without the events goes to the store (or away, if the object is gone) | nothing is left to do |

mod complaints;
mod insist;
mod keep;
mod waiting;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chassis::record::Unreadable;
use chassis::{Bucket, Bus, Clock, Metrics, Store};
use chrono::{DateTime, Utc};
use kube::runtime::watcher::Event;
use thiserror::Error;

use crate::gather::{self, Body as _, Object};
use crate::key::Key;
use crate::metrics::WatcherMetrics;
use crate::pulse::Pulse;
use crate::record::Record;
use crate::watched::{Baseline, Watched};

use complaints::Complaints;
use waiting::Waiting;

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
    Moved(Key),
    /// A state that was kept cannot be read. A person has to look.
    #[error("cannot read the state `{key}` in the bucket `{bucket}`; without it, its {one} begins anew", bucket = Bucket::Watch.name())]
    Unreadable {
        /// Where it is in the store.
        key: String,
        /// What its object is.
        one: Cow<'static, str>,
        /// Why.
        #[source]
        source: Unreadable,
    },
    /// A key of the state is none of ours.
    #[error("the key `{key}` in the bucket `{bucket}` names no {one}", bucket = Bucket::Watch.name())]
    Stray {
        /// Where it is in the store.
        key: String,
        /// What its object should be.
        one: Cow<'static, str>,
    },
}

/// Keeps the state of the objects of one watch and announces what changes.
pub struct Announcer<W: Watched> {
    watched: Arc<W>,
    ports: Ports,
    pulse: Arc<Pulse>,
    namespace: Option<String>,
    /// What is kept. An object of which nothing is worth keeping is not in it.
    known: BTreeMap<Key, Known<W::Sight>>,
    /// What time alone will change.
    waiting: Waiting<W::Sight>,
    /// States that are kept without an event, and not written yet: only while a list runs.
    quiet: BTreeMap<Key, Known<W::Sight>>,
    /// The kind was listed to the end once.
    has_baseline: bool,
    complaints: Complaints,
    /// While a list runs: who is known and was not in it yet.
    unlisted: Option<BTreeSet<Key>>,
}

#[derive(Clone)]
struct Known<S> {
    record: Record<S>,
    /// Of the entry in the store; `None` if it is not there yet.
    revision: Option<u64>,
}

impl<W: Watched> Announcer<W> {
    /// For the objects of a namespace, or of all.
    pub fn new(watched: Arc<W>, ports: Ports, pulse: Arc<Pulse>, namespace: Option<&str>) -> Self {
        Self {
            watched,
            ports,
            pulse,
            namespace: namespace.map(str::to_owned),
            known: BTreeMap::new(),
            waiting: Waiting::default(),
            quiet: BTreeMap::new(),
            has_baseline: false,
            complaints: Complaints::default(),
            unlisted: None,
        }
    }

    /// What is watched.
    pub fn watched(&self) -> &W {
        &self.watched
    }

    /// Reads the state and publishes what still waits in it. Must come before the first event of a stream.
    pub async fn load(&mut self) -> Result<(), Stop> {
        self.unlisted = None;
        self.waiting.clear();
        self.quiet.clear();
        self.forget_all();
        self.has_baseline = self.watched.what().baseline == Baseline::Said || self.marked().await;
        let one = self.watched.what().one.clone();
        for (name, entry) in self.scan().await {
            let key = self.watched.key_of(&name);
            let key = key.ok_or_else(|| Stop::Stray { key: name.clone(), one: one.clone() })?;
            let record = Record::decode(&entry.value);
            let record = record.map_err(|source| Stop::Unreadable { key: name, one: one.clone(), source })?;
            let waits = record.gone || !record.unpublished.is_empty();
            self.remember(key.clone(), Known { record, revision: Some(entry.revision) });
            if waits {
                self.finish(&key).await?;
            }
        }
        Ok(())
    }

    /// Takes one event of the stream, and returns when all that it means is announced and kept.
    pub async fn heed(&mut self, event: Event<Object<W::Body>>) -> Result<(), Stop> {
        self.ports.watcher_metrics.last_event.set(self.ports.clock.now().timestamp());
        match event {
            Event::Init => {
                self.ports.watcher_metrics.relists.inc();
                self.waiting.clear();
                self.unlisted = Some(self.known.keys().cloned().collect());
                Ok(())
            }
            Event::InitDone => self.list_done().await,
            Event::InitApply(object) | Event::Apply(object) => self.applied(object).await,
            Event::Delete(object) => self.deleted(object).await,
        }
    }

    /// Whether a list is running.
    pub fn is_listing(&self) -> bool {
        self.unlisted.is_some()
    }

    /// When time alone will change something.
    pub fn wakes_at(&self) -> Option<DateTime<Utc>> {
        self.waiting.first()
    }

    /// Looks again at all that time has changed.
    pub async fn wake(&mut self) -> Result<(), Stop> {
        while let Some((key, sight)) = self.waiting.due(self.ports.clock.now()) {
            self.consider(key, sight).await?;
        }
        Ok(())
    }

    async fn list_done(&mut self) -> Result<(), Stop> {
        // Without a list nobody was missing in it.
        let Some(gone) = self.unlisted.take() else { return Ok(()) };
        self.flush().await?;
        for key in gone {
            self.end(&key, None).await?;
        }
        if !self.has_baseline {
            self.mark().await;
            self.has_baseline = true;
        }
        self.pulse.listed();
        Ok(())
    }

    async fn applied(&mut self, object: Object<W::Body>) -> Result<(), Stop> {
        let (key, sight) = self.read(object);
        if let (Some(unlisted), Some(key)) = (&mut self.unlisted, &key) {
            unlisted.remove(key);
        }
        let (Some(key), Some(sight)) = (key, sight) else { return Ok(()) };
        let other =
            |known: &Known<W::Sight>| self.watched.uid(&known.record.seen) != self.watched.uid(&sight);
        if self.known.get(&key).is_some_and(other) {
            self.end(&key, None).await?;
        }
        self.consider(key, sight).await
    }

    async fn deleted(&mut self, object: Object<W::Body>) -> Result<(), Stop> {
        let uid = object.body.metadata().uid.clone();
        let (key, sight) = self.read(object);
        let Some(key) = key else { return Ok(()) };
        self.complaints.settled(&key);
        let uid = sight.as_ref().map(|sight| self.watched.uid(sight).to_owned()).or(uid);
        self.waiting.forget(&key);
        let Some(known) = self.known.get(&key) else { return Ok(()) };
        // The end of an older object of the same name was announced when the newer one was seen.
        if uid.as_deref() != Some(self.watched.uid(&known.record.seen)) {
            return Ok(());
        }
        self.end(&key, sight).await
    }

    /// Which object, and how it stands, as far as that can be read.
    fn read(&mut self, object: Object<W::Body>) -> (Option<Key>, Option<W::Sight>) {
        let metadata = object.body.metadata().clone();
        let sight = self.watched.read(object.body, self.ports.clock.now());
        let key = self.watched.key(&metadata, sight.as_ref().ok());
        match (&key, &sight) {
            (Some(key), Ok(_)) => self.complaints.settled(key),
            (key, sight) => self.complain(key.as_ref(), sight.as_ref().err()),
        }
        (key, sight.ok())
    }

    /// Counts an object that cannot be read, and logs it, unless it was logged for the same reason before.
    fn complain(&mut self, key: Option<&Key>, error: Option<&gather::Unreadable>) {
        self.ports.watcher_metrics.unreadable.inc();
        let why = error.map(ToString::to_string).unwrap_or_default();
        if key.is_some_and(|key| !self.complaints.is_new(key, &why)) {
            return;
        }
        let (name, one) = (key.map(ToString::to_string), &self.watched.what().one);
        let error = error.map(|error| error as &dyn std::error::Error);
        tracing::warn!(object = name, error, "{one}: cannot be read; nothing is announced of it");
    }

    /// Says and keeps what there is to say and to keep about an object that stands like this.
    async fn consider(&mut self, key: Key, sight: W::Sight) -> Result<(), Stop> {
        if self.quiet.contains_key(&key) {
            self.flush().await?;
        }
        let now = self.ports.clock.now();
        let before = self.known.get(&key);
        let seen = before.map(|known| &known.record.seen);
        let mut verdict = self.watched.decide(seen, &sight, now);
        // How it stood before anybody looked.
        if before.is_none() && !self.has_baseline {
            verdict.changes.clear();
        }
        let (again, unchanged) = (verdict.again.take(), verdict.keep.as_ref() == seen);
        if !(verdict.changes.is_empty() && unchanged) {
            self.settle(&key, &sight, verdict, now).await?;
        }
        self.waiting.set(key, again.map(|at| (at, sight)));
        Ok(())
    }

    async fn end(&mut self, key: &Key, last: Option<W::Sight>) -> Result<(), Stop> {
        let Some(known) = self.known.get(key) else { return Ok(()) };
        let seen = known.record.seen.clone();
        let verdict = self.watched.end(&seen, last.as_ref());
        if verdict.changes.is_empty() && verdict.keep.as_ref() == Some(&seen) {
            return Ok(());
        }
        self.settle(key, &last.unwrap_or(seen), verdict, self.ports.clock.now()).await
    }
}

impl<W: Watched> Drop for Announcer<W> {
    fn drop(&mut self) {
        self.forget_all();
    }
}
