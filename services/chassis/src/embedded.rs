//! The embedded engine: the log, the state and the large bodies in one folder, for one process.
//!
//! - One writer thread applies everything: it takes what has come, checks it against the state, applies it as one
//!   atomic batch, flushes, **and calls fsync itself** (sled 0.34's flush is not an fsync), and only then answers.
//!   Whoever comes meanwhile is in the next batch (group commit).
//! - Each record has a version and a checksum ([`crate::frame`]).
//! - Any write error ends the writer: the engine then takes nothing more and says so in its readiness.

mod blob;
mod bus;
mod consumer;
mod feed;
mod keys;
mod open;
mod overlay;
pub mod record;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, broadcast, watch};

use crate::Clock;
use crate::engine::OpenError;
use crate::store::{Bucket, Change};

use consumer::Consumer;
use writer::Writer;

/// How many changes a watcher may lag behind before it misses some.
const WATCH_BUFFER: usize = 1024;
/// How many publishers may wait for the disk at once: bounds the memory of a burst (some 7 MiB with ordinary webhook
/// bodies, 256 MiB at the very worst).
const WAITING: usize = 1024;

/// The embedded engine. A handle: clones are the same engine.
#[derive(Clone)]
pub struct Embedded(Arc<Inner>);

struct Inner {
    db: sled::Db,
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    writer: Writer,
    last: watch::Receiver<u64>,
    changes: broadcast::Sender<(Bucket, Change)>,
    waiting: Arc<Semaphore>,
    consumers: Mutex<HashMap<String, Arc<Consumer>>>,
}

impl Embedded {
    /// Opens or makes the folder. Waits up to two seconds for a process that is just letting it go.
    pub async fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let dir = dir.to_owned();
        let failed = |source: anyhow::Error| OpenError::Embedded { dir: dir.clone(), source };
        let opening = dir.clone();
        let opened = tokio::task::spawn_blocking(move || open::open(&opening)).await;
        let db = opened.map_err(|error| failed(error.into()))??;
        let last = open::last_position(&db).map_err(failed)?;
        let (changes, _) = broadcast::channel(WATCH_BUFFER);
        let (writer, last) =
            Writer::start(db.clone(), &dir, last, clock.clone(), changes.clone()).map_err(failed)?;
        let waiting = Arc::new(Semaphore::new(WAITING));
        Ok(Self(Arc::new(Inner {
            db,
            dir,
            clock,
            writer,
            last,
            changes,
            waiting,
            consumers: Mutex::default(),
        })))
    }

    /// Resolves when the writer has ended: nothing can be written any more.
    pub async fn ended(&self) {
        let mut last = self.0.last.clone();
        // The writer has the only sender.
        while last.changed().await.is_ok() {}
    }

    /// Ends the writer after what it has taken. The folder is let go when the last handle is dropped.
    pub async fn close(&self) {
        self.0.writer.stop().await;
    }
}
