//! The embedded engine: the log, the state and the large bodies in one folder, for one process.
//!
//! - The log is a row of files of our own (`log`); the state is a sled database (`state`). Each has one thread that
//!   writes it: it takes what has come, writes it in one piece, **calls fsync itself** (sled 0.34's flush is not an
//!   fsync), and only then answers. Whoever comes meanwhile is in the next batch (group commit).
//! - Each record has a version and a checksum ([`crate::frame`]). One that is damaged is told, and the rest is read.
//! - Space is bounded: the oldest files of the log are dropped (`retention`).
//! - On a full or failing disk the engine refuses, says so in its readiness, tries again, and goes on (`trouble`).

mod appender;
mod archive;
mod blob;
mod bus;
mod consumer;
mod consumers;
mod database;
mod feed;
mod folder;
mod gauges;
mod keys;
mod log;
mod migrate;
mod options;
mod overlay;
mod ranges;
pub mod record;
mod retention;
mod space;
mod state;
mod store;
mod sweep;
#[cfg(test)]
mod tests;
mod trouble;
mod usage;
mod verify;
mod writer;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, broadcast, oneshot, watch};

use crate::Clock;
use crate::engine::OpenError;
use crate::store::{Bucket, Change};

use appender::Appender;
use consumers::Consumers;
use folder::{Folder, Found};
use log::Log;
use retention::Retention;
use space::Space;
use state::State;
use writer::Writer;

pub use options::Options;
pub use retention::Held;
pub use usage::Usage;

/// How many changes a watcher may lag behind before it misses some.
const WATCH_BUFFER: usize = 1024;
/// How many publishers may wait for the disk at once: bounds the memory of a burst (some 7 MiB with ordinary webhook
/// bodies, 64 MiB at the very worst).
const WAITING: usize = 1024;

/// The embedded engine. A handle: clones are the same engine.
#[derive(Clone)]
pub struct Embedded(Arc<Inner>);

struct Inner {
    folder: Arc<Folder>,
    log: Arc<Log>,
    state: Arc<State>,
    space: Space,
    clock: Arc<dyn Clock>,
    appender: Appender,
    writer: Writer,
    /// The last place that is durable; closed when the log is.
    last: watch::Receiver<u64>,
    /// Closed when the state is.
    alive: watch::Receiver<()>,
    changes: broadcast::Sender<(Bucket, Change)>,
    waiting: Arc<Semaphore>,
    consumers: Arc<Consumers>,
    held: Arc<Mutex<Option<Held>>>,
    /// Whether the state has ids that the log has not.
    dropped_ids: Arc<AtomicBool>,
}

impl Embedded {
    /// Opens or makes the folder. Waits up to two seconds for a process that is just letting it go.
    pub async fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        Self::open_with(dir, clock, Options::default()).await
    }

    /// Opens or makes the folder, and keeps as much as the options say.
    pub async fn open_with(dir: &Path, clock: Arc<dyn Clock>, options: Options) -> Result<Self, OpenError> {
        let failed = |source: anyhow::Error| OpenError::Embedded { dir: dir.to_owned(), source };
        let (opening, time) = (dir.to_owned(), clock.clone());
        let opened = tokio::task::spawn_blocking(move || open_files(&opening, &*time)).await;
        let (folder, log, state) = opened.map_err(|error| failed(error.into()))??;
        Self::start(folder, log, state, clock, options).map_err(failed)
    }

    fn start(
        folder: Folder,
        log: Log,
        state: State,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> anyhow::Result<Self> {
        let (folder, log, state) = (Arc::new(folder), Arc::new(log), Arc::new(state));
        let consumers = Arc::new(Consumers::default());
        let held = Arc::<Mutex<_>>::default();
        let last = last_given(&log, &state)?;
        let (changes, _) = broadcast::channel(WATCH_BUFFER);
        let space = Space::new(folder.path(), &options);
        let (writer, alive) = Writer::start(writer::Parts {
            folder: folder.clone(),
            state: state.clone(),
            space: space.clone(),
            clock: clock.clone(),
            consumers: consumers.clone(),
            changes: changes.clone(),
        })?;
        let dropped_ids = Arc::<AtomicBool>::default();
        let retention =
            Retention::new(&state, consumers.clone(), writer.commands(), held.clone(), dropped_ids.clone())?;
        let (appender, last) = Appender::start(appender::Parts {
            folder: folder.clone(),
            log: log.clone(),
            state: state.clone(),
            space: space.clone(),
            clock: clock.clone(),
            options,
            retention,
            last,
        })?;
        let waiting = Arc::new(Semaphore::new(WAITING));
        Ok(Self(Arc::new(Inner {
            folder,
            log,
            state,
            space,
            clock,
            appender,
            writer,
            last,
            alive,
            changes,
            waiting,
            consumers,
            held,
            dropped_ids,
        })))
    }

    /// Resolves when the engine was closed: nothing can be written any more. A disk that is full or fails does not close
    /// it.
    pub async fn ended(&self) {
        let (mut last, mut alive) = (self.0.last.clone(), self.0.alive.clone());
        let log = async { while last.changed().await.is_ok() {} };
        let state = async { while alive.changed().await.is_ok() {} };
        tokio::select! {
            () = log => {}
            () = state => {}
        }
    }

    /// Drops now what is to be dropped; else that happens twice a minute.
    pub async fn tidy(&self) {
        let (reply, answer) = oneshot::channel();
        if self.0.appender.send(appender::Command::Tidy { reply }).is_ok() {
            let _ = answer.await;
        }
    }

    /// Ends the writers after what they have taken. The folder is let go when the last handle is dropped.
    pub async fn close(&self) {
        self.0.appender.stop().await;
        self.0.writer.stop().await;
    }
}

fn open_files(dir: &Path, clock: &dyn Clock) -> Result<(Folder, Log, State), OpenError> {
    let failed = |source: anyhow::Error| OpenError::Embedded { dir: dir.to_owned(), source };
    let folder = Folder::lock(dir)?;
    match folder.found().map_err(failed)? {
        Found::Present => {}
        Found::Nothing => folder.mark().map_err(|error| failed(error.into()))?,
        Found::One => migrate::from_format_1(&folder, clock.now())?,
    }
    folder.retire_old(clock.now()).map_err(|error| failed(error.into()))?;
    let log = Log::open(&folder.events()).map_err(failed)?;
    let state = State::open(&folder.state()).map_err(failed)?;
    Ok((folder, log, state))
}

/// The last place that was given to an event. A place that is used twice would hide the second event from whoever has
/// settled the first, so it is never below one that a consumer has passed.
fn last_given(log: &Log, state: &State) -> anyhow::Result<u64> {
    let mut given = 0;
    for (key, value) in state.scan(keys::CONSUMERS, keys::CONSUMERS, usize::MAX)? {
        given = given.max(keys::passed(&key, &value).unwrap_or(0));
    }
    let last = log.last();
    if given > last && log.first().is_some() {
        tracing::error!(
            last,
            given,
            "the end of the log is missing: the disk has lost what it said it had written"
        );
    }
    Ok(last.max(given))
}
