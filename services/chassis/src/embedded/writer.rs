//! The thread that writes the state: one batch after another, each synced before it is answered.
//!
//! sled takes nothing more after an error of the disk. The thread then closes it and opens it anew, with pauses, for as
//! long as it takes; meanwhile it answers that it cannot write.

use std::fs::File;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{broadcast, oneshot, watch};

use super::consumers::Consumers;
use super::database::guarded;
use super::folder::Folder;
use super::keys;
use super::overlay::Overlay;
use super::space::{Space, Use};
use super::state::{Mark, State};
use super::store::{self, StateWrite};
use super::sweep::Sweep;
use super::trouble::{Trouble, WriteError};
use crate::Clock;
use crate::store::{Bucket, Change, StoreError};

const WHAT: &str = "the state of the embedded bus";
/// Most commands of one batch.
const BATCH: usize = 256;
/// How long the thread waits for a command before it looks for expired state.
const SWEEP: Duration = Duration::from_secs(30);

/// Keys and their new values; `None` removes.
pub type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// What the writer can be asked.
pub enum Command {
    /// Write a state entry.
    State(StateWrite),
    /// Put and remove keys of a consumer or of ids; nobody else writes them at the same time.
    Raw {
        /// Keys and their new values.
        changes: Changes,
        /// When it is durable; with nobody who waits, it is synced with what comes next.
        reply: Option<oneshot::Sender<Result<(), WriteError>>>,
    },
    /// End after what was taken.
    Stop,
}

impl From<WriteError> for StoreError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Full(_) => Self::Full(error.into()),
            WriteError::Broken(_) | WriteError::Behind | WriteError::Ended => Self::unavailable(error),
        }
    }
}

/// Answers a command when its batch is durable, or has failed.
pub type Reply = Box<dyn FnOnce(Result<(), WriteError>)>;

/// The handle of the thread.
pub struct Writer {
    commands: mpsc::Sender<Command>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread works on.
pub struct Parts {
    /// Keeps the folder locked for as long as the thread runs.
    pub folder: Arc<Folder>,
    /// The database.
    pub state: Arc<State>,
    /// The disk.
    pub space: Space,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whose places are written anew after trouble.
    pub consumers: Arc<Consumers>,
    /// Why the database is not open yet.
    pub unopened: Option<WriteError>,
    /// Who watches keys.
    pub changes: broadcast::Sender<(Bucket, Change)>,
}

struct Thread {
    parts: Parts,
    files: Files,
    entries: Sweep,
    ids: Sweep,
    /// Something is applied and not yet synced.
    unsynced: bool,
    trouble: Trouble,
    _alive: watch::Sender<()>,
}

/// What is opened anew with the database.
struct Files {
    file: File,
    mark: Mark,
    /// The last revision that was given.
    revision: u64,
    /// The number of the last batch.
    batch: u64,
}

impl Files {
    fn of(state: &State) -> anyhow::Result<Self> {
        let (revision, batch) = (state.number(keys::REVISION_KEY)?, state.number(keys::BATCH_KEY)?);
        Ok(Self { file: state.file()?, mark: state.mark()?, revision, batch })
    }
}

impl Writer {
    /// Starts the thread; the receiver is closed when it ends.
    pub fn start(parts: Parts) -> anyhow::Result<(Self, watch::Receiver<()>)> {
        let trouble = match &parts.unopened {
            None => Trouble::new(WHAT),
            Some(error) => Trouble::begun(WHAT, error.clone()),
        };
        let files = if parts.unopened.is_none() { Some(Files::of(&parts.state)?) } else { None };
        let (alive, receiver) = watch::channel(());
        let (commands, queue) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("signalbox-state".to_owned())
            .spawn(move || {
                let mut opening = Opening { parts, trouble };
                if let Some(files) = files.or_else(|| opening.files(&queue)) {
                    let Opening { parts, trouble } = opening;
                    Thread::new(parts, files, trouble, alive).run(&queue);
                }
            })
            .context("cannot start the writer of the state")?;
        Ok((Self { commands, thread: Mutex::new(Some(thread)) }, receiver))
    }

    /// Hands a command over.
    pub fn send(&self, command: Command) -> Result<(), WriteError> {
        self.commands.send(command).map_err(|_| WriteError::Ended)
    }

    /// Writes keys of the engine itself, and returns when they are durable.
    pub async fn write(&self, changes: Changes) -> Result<(), WriteError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Raw { changes, reply: Some(reply) })?;
        answer.await.map_err(|_| WriteError::Ended)?
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

impl Command {
    fn fail(self, error: &WriteError) {
        match self {
            Self::State(write) => write.fail(error.clone().into()),
            Self::Raw { reply: Some(reply), .. } => drop(reply.send(Err(error.clone()))),
            Self::Raw { reply: None, .. } | Self::Stop => {}
        }
    }
}

/// The database could not be opened when the engine was, for want of space.
struct Opening {
    parts: Parts,
    trouble: Trouble,
}

impl Opening {
    /// Answers that nothing can be written until the database is open; `None` when it is to end before.
    fn files(&mut self, queue: &mpsc::Receiver<Command>) -> Option<Files> {
        loop {
            match queue.recv_timeout(self.trouble.patience().unwrap_or_default()) {
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
                Ok(command) => {
                    if let Err(error) = self.trouble.check() {
                        command.fail(&error);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.trouble.is_due() {
                let Parts { state, .. } = &self.parts;
                match state.reopen().and_then(|()| Files::of(state)) {
                    Ok(files) => {
                        self.trouble.is_over();
                        return Some(files);
                    }
                    Err(error) => self.trouble.goes_on(&error),
                }
            }
        }
    }
}

impl Thread {
    fn new(parts: Parts, files: Files, trouble: Trouble, alive: watch::Sender<()>) -> Self {
        let (entries, ids) = (Sweep::of(keys::STATE), Sweep::of(keys::IDS));
        Self { parts, files, entries, ids, unsynced: false, trouble, _alive: alive }
    }

    fn run(mut self, queue: &mpsc::Receiver<Command>) {
        loop {
            let mut batch = match queue.recv_timeout(self.trouble.patience().unwrap_or(SWEEP)) {
                Ok(first) => vec![first],
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return self.finish(),
            };
            batch.extend(queue.try_iter().take(BATCH - 1));
            let stop = batch.iter().any(|command| matches!(command, Command::Stop));
            match self.usable() {
                Ok(()) => self.apply(batch),
                Err(error) => batch.into_iter().for_each(|command| command.fail(&error)),
            }
            if stop {
                return self.finish();
            }
        }
    }

    fn finish(&mut self) {
        if self.unsynced
            && let Err(error) = self.sync()
        {
            let folder = self.parts.folder.path().display();
            tracing::warn!(%folder, error = format!("{error:#}"), "the last places of consumers are not kept");
        }
    }

    /// Whether it can write now; mends what can be mended.
    fn usable(&mut self) -> Result<(), WriteError> {
        if self.trouble.is_due() {
            let Parts { state, .. } = &self.parts;
            match state.reopen().and_then(|()| Files::of(state)) {
                Ok(files) => {
                    (self.files, self.unsynced) = (files, false);
                    self.trouble.is_over();
                    // What they were told is not kept may be settled in their memory.
                    self.parts.consumers.save_all();
                }
                Err(error) => {
                    self.trouble.goes_on(&error);
                }
            }
        }
        self.trouble.check()?;
        let room = self.parts.space.room_for(Use::State);
        if self.trouble.space(room)? {
            self.parts.consumers.save_all();
        }
        Ok(())
    }

    /// Applies a batch and answers.
    fn apply(&mut self, batch: Vec<Command>) {
        let mut replies: Vec<Reply> = Vec::with_capacity(batch.len());
        let mut changed = Vec::new();
        let revision = self.files.revision;
        let written = guarded(|| {
            let waited_for = batch.iter().any(Command::is_waited_for);
            let prepared = self.prepare(batch, &mut replies, &mut changed)?;
            self.write(prepared, waited_for)
        });
        if let Err(error) = written.and_then(|written| written) {
            self.files.revision = revision;
            let answer = self.trouble.begins(&error);
            for reply in replies {
                reply(Err(answer.clone()));
            }
            return;
        }
        // Watchers first: whoever hears the answer may look at once.
        for change in changed {
            // No watcher is no error.
            let _ = self.parts.changes.send(change);
        }
        for reply in replies {
            reply(Ok(()));
        }
    }

    fn prepare(
        &mut self,
        batch: Vec<Command>,
        replies: &mut Vec<Reply>,
        changed: &mut Vec<(Bucket, Change)>,
    ) -> anyhow::Result<Option<sled::Batch>> {
        let now = self.parts.clock.now();
        let db = self.parts.state.db()?;
        let mut overlay = Overlay::new(&db);
        for command in batch {
            match command {
                Command::State(write) => {
                    let applied = store::apply(write, &mut overlay, &mut self.files.revision, now)?;
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
        self.entries.some(&mut overlay, &db, |place, value| store::is_expired(place, value, now, changed))?;
        self.ids.some(&mut overlay, &db, |key, value| store::is_forgotten(key, value, now))?;
        if overlay.is_empty() {
            return Ok(None);
        }
        self.files.batch += 1;
        overlay.put(keys::REVISION_KEY.to_vec(), self.files.revision.to_be_bytes().to_vec());
        overlay.put(keys::BATCH_KEY.to_vec(), self.files.batch.to_be_bytes().to_vec());
        Ok(Some(overlay.into_batch()))
    }

    fn write(&mut self, batch: Option<sled::Batch>, waited_for: bool) -> anyhow::Result<()> {
        if let Some(batch) = batch {
            self.unsynced = true;
            self.parts.state.db()?.apply_batch(batch).context("cannot write to the state")?;
        }
        if self.unsynced && waited_for { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> anyhow::Result<()> {
        self.parts.state.db()?.flush().context("cannot flush the state")?;
        self.parts.state.sync(&self.files.file).context("cannot fsync the state")?;
        self.files.mark.write(self.files.batch).context("cannot write the mark of the state")?;
        self.unsynced = false;
        Ok(())
    }
}

impl Command {
    fn is_waited_for(&self) -> bool {
        match self {
            Self::State(_) | Self::Stop => true,
            Self::Raw { reply, .. } => reply.is_some(),
        }
    }
}
