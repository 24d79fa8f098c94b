//! The thread that writes the log: it takes what has come, appends it in one piece, syncs it, and only then answers.
//! Whoever comes meanwhile is in the next batch (group commit).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::folder::Folder;
use super::log::entry::Id;
use super::log::{Log, MOST_ENTRIES, New, Writing};
use super::opening::Opening;
use super::options::Options;
use super::record;
use super::retention::Retention;
use super::space::{Space, Use};
use super::state::State;
use super::trouble::{Trouble, WriteError};
use super::{keys, store};
use crate::Clock;

/// Most commands of one batch. At 7 KB an event, some 2 MB a write.
const BATCH: usize = 256;
/// How often old files are looked for.
const TIDY: Duration = Duration::from_secs(30);

/// A probe asks for room for an event of this size: the largest that is no exception.
const PROBED_BYTES: u64 = 2 * crate::claim::EMBEDDED_INLINE_BYTES as u64;

/// Position, and whether it was there already.
pub type Appended = Result<(u64, bool), WriteError>;

/// The events of one batch of a publisher: after one that was not stored, none is.
#[derive(Debug, Clone, Default)]
pub struct Series(Arc<AtomicBool>);

impl Series {
    /// Whether one was not stored.
    pub fn is_broken(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// One was not stored.
    pub fn is_broken_from_now_on(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What the thread can be asked.
pub enum Command {
    /// Store an event once per id.
    Append {
        /// Hash of its source and id, or of a redelivery's token.
        id: Id,
        /// The message.
        message: events::nats::Message,
        /// Its place among those that wait: given back when it is written, not when its sender loses patience.
        place: OwnedSemaphorePermit,
        /// Its batch.
        series: Series,
        /// Where it stands.
        reply: oneshot::Sender<Appended>,
    },
    /// Store records as they were elsewhere; their places are after all others.
    Restore {
        /// The records.
        records: Vec<New>,
        /// When they are durable.
        reply: oneshot::Sender<Result<(), WriteError>>,
    },
    /// Say whether an event would be taken.
    Probe {
        /// Whether.
        reply: oneshot::Sender<Result<(), WriteError>>,
    },
    /// Drop now what is to be dropped.
    Tidy {
        /// When that is done.
        reply: oneshot::Sender<()>,
    },
    /// End after what was taken.
    Stop,
}

/// The handle of the thread.
pub struct Appender {
    commands: mpsc::Sender<Command>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread works on.
pub struct Parts {
    /// Keeps the folder locked for as long as the thread runs.
    pub folder: Arc<Folder>,
    /// The log.
    pub log: Arc<Log>,
    /// The state: it has the ids whose events are gone.
    pub state: Arc<State>,
    /// The disk.
    pub space: Space,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How much is kept.
    pub options: Options,
    /// What drops it.
    pub retention: Retention,
    /// Why the state is not open yet.
    pub unopened: Option<WriteError>,
}

struct Thread {
    parts: Parts,
    writing: Writing,
    last: u64,
    published: watch::Sender<u64>,
    trouble: Trouble,
    tidied: Instant,
    rotated: Option<Instant>,
}

impl Appender {
    /// Starts the thread; the receiver has the last place that is durable, and is closed when the thread ends.
    pub fn start(parts: Parts) -> anyhow::Result<(Self, watch::Receiver<u64>)> {
        let (commands, queue) = mpsc::channel();
        let mut opening = Opening::of(parts)?;
        let (published, receiver) = watch::channel(opening.last);
        let thread = thread::Builder::new()
            .name("signalbox-log".to_owned())
            .spawn(move || {
                if opening.until_known(&queue) {
                    let Opening { parts, trouble, last } = opening;
                    published.send_replace(last);
                    Thread::new(parts, trouble, last, published).run(&queue);
                }
            })
            .context("cannot start the writer of the log")?;
        Ok((Self { commands, thread: Mutex::new(Some(thread)) }, receiver))
    }

    /// Hands a command over.
    pub fn send(&self, command: Command) -> Result<(), WriteError> {
        self.commands.send(command).map_err(|_| WriteError::Ended)
    }

    /// Ends the thread after what it has taken.
    pub async fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// An event that waits for the disk.
struct Waiting {
    reply: oneshot::Sender<Appended>,
    appended: (u64, bool),
    series: Series,
    _place: OwnedSemaphorePermit,
}

/// What is to be answered when the batch is durable, or has failed.
struct Batch {
    records: Vec<New>,
    /// Ids of this batch.
    ids: HashMap<Id, u64>,
    appends: Vec<Waiting>,
    others: Vec<oneshot::Sender<Result<(), WriteError>>>,
    tidy: Vec<oneshot::Sender<()>>,
    bytes: u64,
    last: u64,
}

impl Thread {
    fn new(parts: Parts, trouble: Trouble, last: u64, published: watch::Sender<u64>) -> Self {
        let writing = parts.log.writing();
        Self { parts, writing, last, published, trouble, tidied: Instant::now(), rotated: None }
    }

    fn run(mut self, queue: &mpsc::Receiver<Command>) {
        loop {
            let patience = TIDY.saturating_sub(self.tidied.elapsed());
            let mut commands = match queue.recv_timeout(self.trouble.patience().unwrap_or(patience)) {
                Ok(first) => vec![first],
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            commands.extend(queue.try_iter().take(BATCH - 1));
            let stop = commands.iter().any(|command| matches!(command, Command::Stop));
            self.mend();
            let waiting = self.apply(commands);
            if stop {
                return;
            }
            self.rotate_if_full();
            if !waiting.is_empty() || self.tidied.elapsed() >= TIDY {
                self.tidied = Instant::now();
                self.tidy();
                for reply in waiting {
                    let _ = reply.send(());
                }
            }
        }
    }

    /// Cuts off what a failed write has left, and goes on in a new file: of the old one nobody knows what a failed fsync
    /// has done to it.
    fn mend(&mut self) {
        if !self.trouble.is_due() {
            return;
        }
        let mended = self.writing.repair().context("cannot cut the log off where it was");
        match mended.and_then(|()| self.writing.rotate()) {
            Ok(()) => self.trouble.is_over(),
            Err(error) => self.trouble.goes_on(&error),
        }
    }

    /// Applies the commands and answers; returns who waits for old files to be dropped.
    fn apply(&mut self, commands: Vec<Command>) -> Vec<oneshot::Sender<()>> {
        let mut batch = Batch {
            records: Vec::new(),
            ids: HashMap::new(),
            appends: Vec::with_capacity(commands.len()),
            others: Vec::new(),
            tidy: Vec::new(),
            bytes: 0,
            last: self.last,
        };
        for command in commands {
            self.take(command, &mut batch);
        }
        let Batch { records, ids: _, appends, others, tidy, bytes: _, last } = batch;
        let written = if records.is_empty() {
            Ok(())
        } else {
            let written = self.writing.append(records).context("cannot append to the log");
            written.map_err(|error| self.trouble.begins(&error))
        };
        if written.is_ok() && last != self.last {
            self.last = last;
            // Readers first: whoever hears the answer may look at once.
            self.published.send_replace(last);
        }
        for Waiting { reply, appended, series, _place } in appends {
            if written.is_err() {
                series.is_broken_from_now_on();
            }
            let _ = reply.send(written.clone().map(|()| appended));
        }
        for reply in others {
            let _ = reply.send(written.clone());
        }
        tidy
    }

    fn take(&mut self, command: Command, batch: &mut Batch) {
        match command {
            Command::Append { reply, series, .. } if series.is_broken() => {
                drop(reply.send(Err(WriteError::Behind)));
            }
            Command::Append { id, message, place, series, reply } => match self.append(id, message, batch) {
                Ok(appended) => batch.appends.push(Waiting { reply, appended, series, _place: place }),
                Err(error) => {
                    series.is_broken_from_now_on();
                    drop(reply.send(Err(error)));
                }
            },
            Command::Restore { records, reply } => {
                let bytes: u64 = records.iter().map(|record| record.framed.len() as u64).sum();
                match self.room_for(batch.bytes + bytes) {
                    Ok(()) => {
                        batch.bytes += bytes;
                        batch.last = records.iter().map(|record| record.position).fold(batch.last, u64::max);
                        batch.records.extend(records);
                        batch.others.push(reply);
                    }
                    Err(error) => drop(reply.send(Err(error))),
                }
            }
            Command::Probe { reply } => {
                let probed = self.room_for(PROBED_BYTES).and_then(|()| {
                    let probed = self.writing.probe().context("cannot fsync the log");
                    probed.map_err(|error| self.trouble.begins(&error))
                });
                let _ = reply.send(probed);
            }
            Command::Tidy { reply } => batch.tidy.push(reply),
            Command::Stop => {}
        }
    }

    /// Adds the event to the batch, unless it is known.
    fn append(&mut self, id: Id, message: events::nats::Message, batch: &mut Batch) -> Appended {
        let known = match batch.ids.get(&id) {
            Some(position) => Some(*position),
            None => self.known(&id).map_err(|error| WriteError::Broken(format!("{error:#}")))?,
        };
        if let Some(position) = known {
            return Ok((position, true));
        }
        let now = self.parts.clock.now();
        let framed = record::encode(now, message);
        let bytes = framed.len() as u64;
        self.room_for(batch.bytes + bytes)?;
        batch.bytes += bytes;
        batch.last += 1;
        let position = batch.last;
        batch.ids.insert(id, position);
        let recorded = now.timestamp_millis();
        batch.records.push(New { position, id, recorded, framed, damaged: false });
        Ok((position, false))
    }

    fn known(&self, id: &Id) -> anyhow::Result<Option<u64>> {
        if let Some(position) = self.parts.log.known(id)? {
            return Ok(Some(position));
        }
        if !self.parts.retention.has_dropped_ids() {
            return Ok(None);
        }
        let (key, now) = (keys::id(id), self.parts.clock.now());
        let value = self.parts.state.get(&key)?.filter(|value| !store::is_forgotten(&key, value, now));
        Ok(value.and_then(|value| keys::known_id(&key, &value)).map(|(_, position, _)| position))
    }

    fn room_for(&mut self, bytes: u64) -> Result<(), WriteError> {
        self.trouble.check()?;
        let room = self.parts.space.room_for(Use::Event(bytes));
        self.trouble.space(room).map(|_| ())
    }

    fn rotate_if_full(&mut self) {
        let Options { generation_bytes, generation_age, .. } = &self.parts.options;
        let (entries, bytes, oldest) = self.writing.active();
        let age = oldest.map(|oldest| self.parts.clock.now().timestamp_millis().saturating_sub(oldest));
        let old = age
            .and_then(|age| u64::try_from(age).ok())
            .is_some_and(|age| Duration::from_millis(age) > *generation_age);
        let full = bytes > *generation_bytes || entries >= MOST_ENTRIES || old;
        // After a failure not with each batch: the old file goes on taking events.
        let tried = self.rotated.is_some_and(|rotated| rotated.elapsed() < Duration::from_secs(1));
        if full && !tried && self.trouble.check().is_ok() {
            self.rotated = self.writing.rotate().err().map(|error| {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "cannot begin a new file of the log: the old one grows on"
                );
                Instant::now()
            });
        }
    }

    fn tidy(&mut self) {
        let now = self.parts.clock.now();
        let Parts { folder, log, state, options, retention, .. } = &mut self.parts;
        if let Err(error) = retention.drop_old(&self.writing, log, state, options, now) {
            tracing::error!(error = format!("{error:#}"), "cannot drop old events");
        }
        if let Err(error) = retention.drop_leftovers(folder, log, state, now) {
            tracing::error!(
                error = format!("{error:#}"),
                "cannot remove large bodies that nothing refers to"
            );
        }
    }
}
