//! The index of ids: remembers them for longer than the server's own window.
//!
//! It follows the log. Whoever finds it behind reads the headers of what is missing and writes it into the chunk of
//! those places, by compare-and-set: any number of processes may do so at once, and a crash leaves it behind, never
//! wrong. Each process keeps a filter of all chunks in memory, so that an id that is not known costs no request.
//!
//! What is younger than the server's window the server itself knows. So it is enough that the index and the filter are
//! never older than the window; while they are, nothing is published.

mod follow;

pub use follow::write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::DirectGetErrorKind;
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::chunk::{Chunk, Id};
use super::filter::Filter;
use super::ground::Ground;
use super::stream::Assets;
use crate::{Clock as _, SystemClock};

/// The key that the readiness check writes.
pub const PROBE: &str = "readiness";
/// What the keys of chunks begin with.
pub const CHUNKS: &str = "ids.";
/// How long a publisher waits for an index that is behind.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often an index that changes is asked.
const TRIES: usize = 3;
/// Wait after an error.
const PAUSE: Duration = Duration::from_secs(1);
/// The index is brought up to date so many times in the server's window, …
const ROUNDS_PER_WINDOW: u32 = 60;
/// … and is too old when this part of the window has passed (of 6).
const SIXTHS_OF_WINDOW: u32 = 5;

/// A moment by both clocks of the machine: one stands still while it sleeps, the other can be set back.
#[derive(Debug, Clone, Copy)]
struct Moment(Instant, DateTime<Utc>);

impl Moment {
    fn now() -> Self {
        Self(Instant::now(), SystemClock.now())
    }

    fn age(&self) -> Duration {
        let by_wall = (SystemClock.now() - self.1).to_std().unwrap_or_default();
        self.0.elapsed().max(by_wall)
    }
}

/// A chunk as this process knows it.
#[derive(Debug)]
struct Piece {
    revision: u64,
    /// Up to where it covers the log.
    to: u64,
    filter: Filter,
}

#[derive(Debug, Default)]
struct Known {
    /// Tells this index bucket and this log from others of the same names.
    bucket: Option<time::OffsetDateTime>,
    pieces: BTreeMap<String, Piece>,
    /// The last revision of the bucket that was read.
    seen: u64,
}

/// What the chunks say of an id.
enum Asked {
    Known(u64),
    Unknown,
    /// A chunk that would have to be asked is not there any more.
    Gone,
}

/// The index of ids, as this process knows it.
pub struct Index {
    known: RwLock<Known>,
    fresh: watch::Sender<Option<(Moment, Duration)>>,
    wake: Notify,
    trouble: Mutex<Option<String>>,
    /// The chunk that was asked last, with its revision.
    asked: Mutex<Option<(String, u64, Arc<Chunk>)>>,
}

impl Index {
    /// An index of which nothing is known yet.
    pub fn new() -> Self {
        Self {
            known: RwLock::default(),
            fresh: watch::Sender::new(None),
            wake: Notify::new(),
            trouble: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// Where the event of that id stands, if it is known: 0 when that place is not in this log any more.
    pub async fn find(&self, assets: &Assets, id: &Id) -> anyhow::Result<Option<u64>> {
        for _ in 0..TRIES {
            self.wait().await?;
            match self.ask(assets, id).await? {
                Asked::Known(position) => return Ok(Some(position)),
                Asked::Unknown => return Ok(None),
                // It has expired, or somebody deleted the index: it is read anew, or made again from the log.
                Asked::Gone => self.is_stale(),
            }
        }
        anyhow::bail!("the index of event ids changes all the time")
    }

    async fn ask(&self, assets: &Assets, id: &Id) -> anyhow::Result<Asked> {
        let maybe: Vec<String> = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let maybe = known.pieces.iter().filter(|(_, piece)| piece.filter.may_have(id));
            maybe.map(|(key, _)| key.clone()).collect()
        };
        for key in maybe {
            let Some(chunk) = self.chunk(assets, &key).await? else {
                return Ok(Asked::Gone);
            };
            if let Some(position) = chunk.find(id) {
                let here = key.starts_with(&prefix(assets)) || key.starts_with(RESTORED);
                return Ok(Asked::Known(if here { position } else { 0 }));
            }
        }
        Ok(Asked::Unknown)
    }

    /// Keeps the index up to date, for ever.
    pub async fn keep(self: Arc<Self>, ground: Arc<Ground>) {
        let mut told = None;
        loop {
            let pause = match self.refresh(&ground).await {
                Ok(window) => {
                    if told.take().is_some() {
                        tracing::info!("the index of event ids is up to date again");
                    }
                    self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
                    window / ROUNDS_PER_WINDOW
                }
                Err(error) => {
                    ground.doubt();
                    let error = format!("{error:#}");
                    if ground.connected().is_ok() && told.as_ref() != Some(&error) {
                        tracing::warn!(error, "the index of event ids is behind, trying again");
                        told = Some(error.clone());
                    }
                    *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// Ids were put in by the way: what this process knows must be read before anything is published.
    pub fn is_stale(&self) {
        self.fresh.send_replace(None);
        self.wake.notify_one();
    }

    fn is_fresh(&self) -> bool {
        self.fresh.borrow().is_some_and(|(since, limit)| since.age() < limit)
    }

    async fn wait(&self) -> anyhow::Result<()> {
        if self.is_fresh() {
            return Ok(());
        }
        let mut fresh = self.fresh.subscribe();
        self.wake.notify_one();
        let fresh = fresh.wait_for(|fresh| fresh.is_some_and(|(since, limit)| since.age() < limit));
        if tokio::time::timeout(PATIENCE, fresh).await.is_ok() {
            return Ok(());
        }
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        anyhow::bail!(
            "the index of event ids is not up to date: {}",
            trouble.as_deref().unwrap_or("it is being read")
        )
    }

    async fn chunk(&self, assets: &Assets, key: &str) -> anyhow::Result<Option<Arc<Chunk>>> {
        let revision = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            known.pieces.get(key).map(|piece| piece.revision)
        };
        if let Some((asked, at, chunk)) = &*self.asked.lock().unwrap_or_else(PoisonError::into_inner)
            && asked == key
            && Some(*at) == revision
        {
            return Ok(Some(chunk.clone()));
        }
        let entry = assets.dedup.entry(key).await.context("cannot read the index of event ids")?;
        let Some(entry) = entry.filter(|entry| entry.operation == kv::Operation::Put) else {
            return Ok(None);
        };
        let chunk =
            Arc::new(Chunk::decode(&entry.value).with_context(|| format!("chunk {key} of the index"))?);
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((key.to_owned(), entry.revision, chunk.clone()));
        Ok(Some(chunk))
    }
}

/// What the keys of the chunks of restored ids begin with.
pub const RESTORED: &str = "ids.restored.";

/// What the keys of this log's chunks begin with: a log that is made anew counts its places anew.
fn prefix(assets: &Assets) -> String {
    format!("{CHUNKS}{}.", assets.stream.cached_info().created.unix_timestamp_nanos())
}

/// All chunks, and when they were written; for an archive.
pub async fn chunks(assets: &Assets) -> anyhow::Result<Vec<(Chunk, DateTime<Utc>)>> {
    let mut chunks = Vec::new();
    let mut seen = 0;
    while let Some(entry) = next(&assets.dedup, seen).await? {
        seen = entry.sequence;
        if !entry.payload.is_empty() {
            chunks.push((Chunk::decode(&entry.payload)?, super::message::time(entry.time)));
        }
    }
    Ok(chunks)
}

async fn next(
    bucket: &kv::Store,
    seen: u64,
) -> anyhow::Result<Option<async_nats::jetstream::message::StreamMessage>> {
    let subject = format!("{}{CHUNKS}>", bucket.prefix);
    match bucket.stream.direct_get_next_for_subject(subject, Some(seen + 1)).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("cannot read the index of event ids"),
    }
}
