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
mod opening;
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
use trouble::WriteError;
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
        let files = opened.map_err(|error| failed(error.into()))??;
        Self::start(files, clock, options).map_err(failed)
    }

    fn start(files: Files, clock: Arc<dyn Clock>, options: Options) -> anyhow::Result<Self> {
        let Files { folder, log, state, unopened } = files;
        let (folder, log, state) = (Arc::new(folder), Arc::new(log), Arc::new(state));
        let consumers = Arc::new(Consumers::default());
        let held = Arc::<Mutex<_>>::default();
        let (changes, _) = broadcast::channel(WATCH_BUFFER);
        let space = Space::new(folder.path(), &options);
        let (writer, alive) = Writer::start(writer::Parts {
            folder: folder.clone(),
            state: state.clone(),
            space: space.clone(),
            clock: clock.clone(),
            consumers: consumers.clone(),
            unopened: unopened.clone(),
            changes: changes.clone(),
        })?;
        let dropped_ids = Arc::<AtomicBool>::default();
        let retention =
            Retention::new(consumers.clone(), writer.commands(), held.clone(), dropped_ids.clone());
        let (appender, last) = Appender::start(appender::Parts {
            folder: folder.clone(),
            log: log.clone(),
            state: state.clone(),
            space: space.clone(),
            clock: clock.clone(),
            options,
            retention,
            unopened,
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

/// What is open of a folder.
struct Files {
    folder: Folder,
    log: Log,
    state: State,
    /// Why the state is not.
    unopened: Option<WriteError>,
}

fn open_files(dir: &Path, clock: &dyn Clock) -> Result<Files, OpenError> {
    let failed = |source: anyhow::Error| OpenError::Embedded { dir: dir.to_owned(), source };
    let folder = Folder::lock(dir)?;
    match folder.found().map_err(failed)? {
        Found::Present => {}
        Found::Nothing => folder.mark().map_err(|error| failed(error.into()))?,
        Found::One => migrate::from_format_1(&folder, clock.now())?,
    }
    folder.retire_old(clock.now()).map_err(|error| failed(error.into()))?;
    let log = Log::open(&folder.events()).map_err(failed)?;
    let (state, unopened) = State::open(&folder.state()).map_err(failed)?;
    if let Some(error) = &unopened {
        tracing::error!(
            folder = %dir.display(), %error,
            "there is no space to open the state: events can be read, nothing is taken, and it goes on by itself when there is \
             space"
        );
    }
    Ok(Files { folder, log, state, unopened })
}
