//! Where a consumer stands, beside what the server knows: in case its durable is deleted, and so that what was put off
//! can be told from what a dead process had under way.
//!
//! In the bucket of places, `c.<consumer>` is a [`Record`] of its place and `p.<consumer>.<position>` says that a
//! delivery was put off; the latter is gone when its time has come, by the server's clock.

mod alarm;
mod delayed;
mod unsettled;

pub use delayed::{all_put_off, put_off};
pub use unsettled::Known;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::kv;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::fit;
use super::ground::Ground;
use super::history;
use super::loss::Passed;
use super::stream::Assets;
use crate::bus::ConsumerSpec;

/// How often the place is written down, when it moved.
const WRITTEN: Duration = Duration::from_secs(10);
/// Version of the record.
const VERSION: u8 = 1;
/// What is settled above the floor is remembered up to here; beyond, it would be delivered again.
const MAX_SETTLED: usize = 65_536;
/// The server keeps whole seconds over a restart, so something may come so much too early.
const EARLY: Duration = Duration::from_millis(1500);

/// The place of a consumer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    v: u8,
    /// When the log was made, in nanoseconds: the places of another log mean nothing.
    log: String,
    /// Everything up to here is settled.
    pub floor: u64,
    /// What is settled above.
    pub settled: BTreeSet<u64>,
    /// When the durable was made, in nanoseconds: one that somebody else made anew is not ours to skip in. `None` for a
    /// place from an archive, whose durable was not made yet.
    #[serde(default)]
    made: Option<String>,
    /// Everything of the handler's up to here was given to it; absent where that was not written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passed: Option<u64>,
    /// What was given to it and is not settled.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    unsettled: BTreeSet<u64>,
}

impl Record {
    /// The place of a durable.
    pub fn of(assets: &Assets, info: &Info) -> Self {
        let floor = info.ack_floor.stream_sequence;
        Self { made: Some(nanos(info.created)), ..Self::restored(assets, floor, BTreeSet::new()) }
    }

    /// A place from an archive.
    pub fn restored(assets: &Assets, floor: u64, settled: BTreeSet<u64>) -> Self {
        Self {
            v: VERSION,
            log: log(assets),
            floor,
            settled,
            made: None,
            passed: None,
            unsettled: BTreeSet::new(),
        }
    }

    /// Whether it comes from an archive.
    pub fn is_restored(&self) -> bool {
        self.made.is_none()
    }

    /// What was settled above the floor, if `before` is about the same durable.
    #[must_use]
    pub fn with_settled_of(mut self, before: Option<Self>) -> Self {
        if let Some(before) = before.filter(|before| before.log == self.log && before.made == self.made) {
            let above = self.floor + 1;
            self.settled = { before.settled }.split_off(&above);
            self.passed = before.passed;
            // Not above the floor alone: it passes what was dropped meanwhile.
            self.unsettled = before.unsettled;
        }
        self
    }

    /// The same place, for a durable that was made anew there.
    #[must_use]
    pub fn taken_over(self, info: &Info) -> Self {
        Self { made: Some(nanos(info.created)), ..self }
    }

    /// Whether it is about this log.
    pub fn is_of(&self, assets: &Assets) -> bool {
        self.log == log(assets)
    }
}

fn log(assets: &Assets) -> String {
    nanos(assets.stream.cached_info().created)
}

fn nanos(time: time::OffsetDateTime) -> String {
    time.unix_timestamp_nanos().to_string()
}

/// The place of one consumer, as this process sees it.
pub struct Place {
    name: String,
    spec: ConsumerSpec,
    /// How many deliveries may be unsettled, as we told the server; 0 while that is changed.
    limit: AtomicI64,
    record: Mutex<Record>,
    /// Delivered to this process and not settled.
    outstanding: Mutex<BTreeSet<u64>>,
    /// Of these, those that the server was told of and did not confirm: it may have settled them, or deliver them again.
    unconfirmed: Mutex<BTreeSet<u64>>,
    /// Put off, and until when. A server that is killed forgets what was put off in the last moment, and delivers it at
    /// once.
    put_off: Mutex<BTreeMap<u64, Instant>>,
    /// The durable on the server is not that which was opened.
    replaced: Notify,
    passed: Mutex<Passed>,
}

impl Place {
    /// Known from the record.
    pub fn new(spec: &ConsumerSpec, record: Record) -> Self {
        let now = Instant::now();
        Self {
            name: spec.name.clone(),
            spec: spec.clone(),
            limit: AtomicI64::new(0),
            // What a former process had in hand comes again, as what is put off does.
            put_off: Mutex::new(record.unsettled.iter().map(|position| (*position, now)).collect()),
            passed: Mutex::new(Passed::known(record.passed)),
            record: Mutex::new(record),
            outstanding: Mutex::default(),
            unconfirmed: Mutex::default(),
            replaced: Notify::new(),
        }
    }

    /// How many deliveries the server lets be unsettled from now on; `None` before that is changed.
    pub fn limited(&self, limit: Option<i64>) {
        self.limit.store(limit.unwrap_or(0), Ordering::SeqCst);
    }

    fn limit(&self) -> Option<i64> {
        Some(self.limit.load(Ordering::SeqCst)).filter(|limit| *limit != 0)
    }

    /// Returns when somebody has put another durable in the place of ours, with which pulls by name would go on, or has
    /// changed ours.
    pub async fn replaced(&self) {
        self.replaced.notified().await;
    }

    /// A delivery is put off until then.
    pub fn put_off(&self, position: u64, until: Instant) {
        self.given_back(position);
        self.put_off.lock().unwrap_or_else(PoisonError::into_inner).insert(position, until);
    }

    /// For how much longer a delivery that came was put off.
    pub fn early(&self, position: u64, now: Instant) -> Option<Duration> {
        let mut put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
        match put_off.get(&position) {
            Some(until) if *until > now + EARLY => Some(*until - now),
            Some(_) => {
                put_off.remove(&position);
                None
            }
            None => None,
        }
    }

    /// The consumer was opened anew, there.
    pub fn adopt(&self, record: Record) {
        let mut known = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        if known.log != record.log {
            // The places of another log mean nothing.
            *self.passed() = Passed::known(record.passed);
        }
        *known = record;
    }

    /// A delivery came; false when it is settled already: the durable was made anew, and delivers it once more.
    pub fn arrived(&self, position: u64) -> bool {
        self.passed().arrived(position);
        if self.record.lock().unwrap_or_else(PoisonError::into_inner).settled.contains(&position) {
            return false;
        }
        self.outstanding.lock().unwrap_or_else(PoisonError::into_inner).insert(position);
        self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner).remove(&position);
        true
    }

    fn passed(&self) -> MutexGuard<'_, Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A delivery is settled for good.
    pub fn settled(&self, position: u64) {
        self.given_back(position);
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        if position > record.floor && record.settled.len() < MAX_SETTLED {
            record.settled.insert(position);
        }
    }

    /// A delivery went back to the server.
    pub fn given_back(&self, position: u64) {
        self.outstanding.lock().unwrap_or_else(PoisonError::into_inner).remove(&position);
        self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner).remove(&position);
    }

    /// What this process has and has not settled.
    pub fn outstanding(&self) -> BTreeSet<u64> {
        self.outstanding.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The place as it is known now.
    pub fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The server's floor moved.
    fn advance(&self, floor: u64) -> Record {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        // The floor passes what was dropped, too: what stood below at the last look was not dropped at this one.
        let before = record.floor + 1;
        record.floor = record.floor.max(floor);
        let above = record.floor + 1;
        record.settled = record.settled.split_off(&above);
        record.passed = self.passed().up_to();
        self.forget_unconfirmed(before);
        let mut put_off = self.put_off.lock().unwrap_or_else(PoisonError::into_inner);
        *put_off = put_off.split_off(&before);
        record.unsettled = self.outstanding();
        record.unsettled.extend(put_off.keys().copied());
        record.clone()
    }

    /// Writes the place down now and then, for ever.
    pub async fn keep(self: Arc<Self>, ground: Arc<Ground>) {
        let mut written = None;
        loop {
            match self.write(&ground, written.as_ref()).await {
                Ok(record) => written = Some(record),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::debug!(
                        handler = self.name,
                        error,
                        "the place of the consumer was not written down"
                    );
                }
            }
            tokio::time::sleep(WRITTEN).await;
        }
    }

    async fn write(&self, ground: &Ground, written: Option<&Record>) -> anyhow::Result<Record> {
        let assets = ground.assets().await?;
        if !self.record().is_of(&assets) {
            anyhow::bail!("the log is another one than before");
        }
        let (info, changed) = self.alarm(ground, &assets).await?;
        let ours = self.record().made;
        if ours.is_some() && ours != Some(nanos(info.created)) {
            self.replaced.notify_one();
            anyhow::bail!("somebody has put another durable in its place");
        }
        if !changed.is_empty() {
            let differences = fit::list(&changed);
            tracing::error!(
                handler = self.name,
                differences,
                "somebody changed the durable consumer: it is made again as it should be"
            );
            self.passed_over(ground, &assets, &info).await?;
            self.replaced.notify_one();
        }
        let record = self.advance(info.ack_floor.stream_sequence);
        if written != Some(&record) {
            write(&assets, &self.name, &record).await?;
        }
        Ok(record)
    }
}

/// The place that was written down.
pub async fn read(assets: &Assets, name: &str) -> anyhow::Result<Option<Record>> {
    let entry =
        assets.places.entry(format!("c.{name}")).await.context("cannot read the place of a consumer")?;
    let Some(entry) = entry.filter(|entry| entry.operation == kv::Operation::Put) else {
        return Ok(None);
    };
    parse(name, &entry.value).map(Some)
}

/// Writes a place down.
pub async fn write(assets: &Assets, name: &str, record: &Record) -> anyhow::Result<()> {
    let bytes = serde_json::to_vec(record).context("cannot write a place")?;
    assets.places.put(format!("c.{name}"), bytes.into()).await.map(|_| ()).context("cannot write a place")
}

/// All places of consumers of this log that were written down.
pub async fn all(ground: &Ground, assets: &Assets) -> anyhow::Result<BTreeMap<String, Record>> {
    let prefix = format!("{}c.", assets.places.prefix);
    let stream = &assets.places.stream_name;
    let mut records = BTreeMap::new();
    for stored in history::page(ground, stream, &format!("{prefix}*"), 1, usize::MAX).await? {
        let Some(name) = stored.subject.strip_prefix(&prefix) else { continue };
        if !stored.payload.is_empty() {
            records.insert(name.to_owned(), parse(name, &stored.payload)?);
        }
    }
    records.retain(|_, record| record.is_of(assets));
    Ok(records)
}

fn parse(name: &str, bytes: &[u8]) -> anyhow::Result<Record> {
    let record: Record = serde_json::from_slice(bytes)
        .with_context(|| format!("the place of the consumer {name} cannot be read"))?;
    anyhow::ensure!(
        record.v == VERSION,
        "the place of the consumer {name} has version {}, this program reads version {VERSION}",
        record.v
    );
    Ok(record)
}
