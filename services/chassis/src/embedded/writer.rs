//! The one thread that writes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::sync::{OwnedSemaphorePermit, broadcast, oneshot, watch};

use super::open::{blob_folder, log_file};
use super::overlay::Overlay;
use super::store::{self, StateWrite, Sweep};
use super::{keys, record};
use crate::Clock;
use crate::store::{Bucket, Change, StoreError};

/// Most commands of one batch. At 7 KB an event, some 2 MB a write.
const BATCH: usize = 256;
/// How long the thread waits for a command before it looks for expired state.
const SWEEP: Duration = Duration::from_secs(30);

/// What the writer can be asked.
pub enum Command {
    /// Store an event once per `hash`.
    Append {
        /// Hash of its source and id, or of a redelivery's token.
        hash: String,
        /// The message.
        message: events::nats::Message,
        /// Its place among those that wait: given back when it is written, not when its sender loses patience.
        place: OwnedSemaphorePermit,
        /// Position, and whether it was there already.
        reply: oneshot::Sender<Result<(u64, bool), WriteError>>,
    },
    /// Write a state entry.
    State(StateWrite),
    /// Put and remove keys of a consumer; nobody else writes them.
    Raw {
        /// Keys and their new values.
        changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
        /// When it is durable.
        reply: Option<oneshot::Sender<Result<(), WriteError>>>,
    },
    /// End after what was taken.
    Stop,
}

/// Why a write did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// The disk is full.
    #[error("no space left on the device")]
    Full,
    /// The disk or the log is broken, or the writer has ended.
    #[error("the writer of the embedded bus has ended: {0}")]
    Ended(String),
}

impl From<WriteError> for StoreError {
    fn from(error: WriteError) -> Self {
        Self::unavailable(error)
    }
}

/// Answers a command when its batch is durable, or has failed.
pub type Reply = Box<dyn FnOnce(Result<(), WriteError>)>;

/// The handle of the thread.
pub struct Writer {
    commands: mpsc::Sender<Command>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Thread {
    db: sled::Db,
    file: File,
    blobs: PathBuf,
    swept: Sweep,
    last: u64,
    revision: u64,
    clock: Arc<dyn Clock>,
    published: watch::Sender<u64>,
    changes: broadcast::Sender<(Bucket, Change)>,
}

impl Writer {
    /// Starts the thread.
    pub fn start(
        db: sled::Db,
        dir: &Path,
        last: u64,
        clock: Arc<dyn Clock>,
        changes: broadcast::Sender<(Bucket, Change)>,
    ) -> anyhow::Result<(Self, watch::Receiver<u64>)> {
        let file = File::open(log_file(dir)).context("cannot open sled's log for fsync")?;
        let revision = db.get(keys::REVISION_KEY)?.as_deref().and_then(keys::number).unwrap_or(0);
        let (published, receiver) = watch::channel(last);
        let (commands, queue) = mpsc::channel();
        let (blobs, swept) = (blob_folder(dir), Sweep::default());
        let state = Thread { db, file, blobs, swept, last, revision, clock, published, changes };
        let thread = thread::Builder::new()
            .name("signalbox-writer".to_owned())
            .spawn(move || state.run(&queue))
            .context("cannot start the writer")?;
        Ok((Self { commands, thread: Mutex::new(Some(thread)) }, receiver))
    }

    /// Hands a command over.
    pub fn send(&self, command: Command) -> Result<(), WriteError> {
        self.commands.send(command).map_err(|_| ended())
    }

    /// A sender for those who settle deliveries.
    pub fn commands(&self) -> mpsc::Sender<Command> {
        self.commands.clone()
    }

    /// Ends the thread after what it has taken.
    pub async fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
        let thread = self.thread.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// The answer of a writer that is gone.
pub fn ended() -> WriteError {
    WriteError::Ended("it was stopped, or it failed earlier (see the log)".to_owned())
}

impl Thread {
    fn run(mut self, queue: &mpsc::Receiver<Command>) {
        loop {
            let mut batch = match queue.recv_timeout(SWEEP) {
                Ok(first) => vec![first],
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            batch.extend(queue.try_iter().take(BATCH - 1));
            let stop = batch.iter().any(|command| matches!(command, Command::Stop));
            if let Err(error) = self.apply(batch) {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the embedded bus cannot write and takes nothing more"
                );
                return;
            }
            if stop {
                return;
            }
        }
    }

    /// Applies a batch and answers. An error has been answered too; it ends the writer.
    fn apply(&mut self, batch: Vec<Command>) -> anyhow::Result<()> {
        let mut replies: Vec<Reply> = Vec::with_capacity(batch.len());
        let mut changed = Vec::new();
        let (last, revision) = (self.last, self.revision);
        let prepared = self.prepare(batch, &mut replies, &mut changed);
        let written = prepared.and_then(|batch| batch.map_or(Ok(()), |batch| self.write(batch)));
        match written {
            Ok(()) => {
                // Watchers and readers first: whoever hears the answer may look at once.
                self.published
                    .send_if_modified(|published| std::mem::replace(published, self.last) != self.last);
                for change in changed {
                    // No watcher is no error.
                    let _ = self.changes.send(change);
                }
                for reply in replies {
                    reply(Ok(()));
                }
                Ok(())
            }
            Err(error) => {
                (self.last, self.revision) = (last, revision);
                let answer = write_error(&error);
                for reply in replies {
                    reply(Err(answer.clone()));
                }
                Err(error)
            }
        }
    }

    fn prepare(
        &mut self,
        batch: Vec<Command>,
        replies: &mut Vec<Reply>,
        changed: &mut Vec<(Bucket, Change)>,
    ) -> anyhow::Result<Option<sled::Batch>> {
        let now = self.clock.now();
        let db = self.db.clone();
        let mut overlay = Overlay::new(&db);
        for command in batch {
            match command {
                Command::Append { hash, message, place, reply } => {
                    let key = keys::dedup(&hash);
                    let known = overlay.get(&key)?.as_deref().and_then(keys::number);
                    // An id whose event is gone is no duplicate.
                    let known = match known {
                        Some(position) if overlay.get(&keys::log(position))?.is_some() => Some(position),
                        Some(_) | None => None,
                    };
                    let position = known.unwrap_or(self.last + 1);
                    if known.is_none() {
                        self.last = position;
                        overlay.put(keys::log(position), record::encode(now, message));
                        overlay.put(key, position.to_be_bytes().to_vec());
                        overlay.put(keys::LAST_KEY.to_vec(), position.to_be_bytes().to_vec());
                    }
                    replies.push(Box::new(move |written| {
                        let _ = reply.send(written.map(|()| (position, known.is_some())));
                        drop(place);
                    }));
                }
                Command::State(write) => {
                    let applied = store::apply(write, &mut overlay, &mut self.revision, now)?;
                    replies.push(applied.0);
                    changed.extend(applied.1);
                }
                Command::Raw { changes, reply } => {
                    for (key, value) in changes {
                        match value {
                            Some(value) => overlay.put(key, value),
                            None => overlay.remove(key),
                        }
                    }
                    if let Some(reply) = reply {
                        replies.push(Box::new(move |written| {
                            let _ = reply.send(written);
                        }));
                    }
                }
                Command::Stop => {}
            }
        }
        changed.extend(self.swept.some(&mut overlay, &db, now)?);
        if overlay.is_empty() {
            return Ok(None);
        }
        overlay.put(keys::REVISION_KEY.to_vec(), self.revision.to_be_bytes().to_vec());
        Ok(Some(overlay.into_batch()))
    }

    fn write(&self, batch: sled::Batch) -> anyhow::Result<()> {
        self.db.apply_batch(batch).context("cannot append to the log")?;
        self.db.flush().context("cannot flush the log")?;
        self.sync_blobs().context("cannot fsync what sled keeps beside the log")?;
        // sled's flush is sync_file_range, which neither writes the file's size nor empties the disk's cache.
        self.file.sync_all().context("cannot fsync the log")
    }

    /// With the segment size that we set, sled has no reason to write files beside its log; should it, they are synced
    /// before the log that points at them.
    fn sync_blobs(&self) -> std::io::Result<()> {
        let mut any = false;
        for entry in fs::read_dir(&self.blobs)? {
            File::open(entry?.path())?.sync_all()?;
            any = true;
        }
        if any { File::open(&self.blobs)?.sync_all() } else { Ok(()) }
    }
}

fn write_error(error: &anyhow::Error) -> WriteError {
    let full = error.chain().any(|cause| {
        let io = match cause.downcast_ref::<sled::Error>() {
            Some(sled::Error::Io(io)) => Some(io),
            _ => cause.downcast_ref::<std::io::Error>(),
        };
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::StorageFull)
    });
    if full { WriteError::Full } else { WriteError::Ended(anyhow!("{error:#}").to_string()) }
}
