//! A durable consumer: a floor below which all is settled, what is settled above it, and what waits for another attempt.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, oneshot};

use super::bus::REDRIVE;
use super::writer::{Command, WriteError};
use super::{keys, record};
use crate::bus::{ConsumerSpec, Settle, Start};

/// After this many positions that are not the consumer's, its floor is saved, so that a restart need not read them again.
const SAVE_EVERY: u64 = 1000;

/// A durable consumer.
pub struct Consumer {
    spec: ConsumerSpec,
    state: Mutex<State>,
    /// Something was settled: there may be room, or an attempt that is due.
    wake: Notify,
    replaced: AtomicBool,
    commands: mpsc::Sender<Command>,
}

type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

struct State {
    floor: u64,
    saved_floor: u64,
    /// The next position to be read.
    cursor: u64,
    /// Settled or not ours, above the floor.
    settled: BTreeSet<u64>,
    /// Those of `settled` that have a key on disk.
    on_disk: BTreeSet<u64>,
    pending: BTreeMap<u64, Pending>,
    retries: BTreeMap<u64, Retry>,
}

struct Pending {
    attempt: u32,
    deadline: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Retry {
    /// Attempts that were made.
    attempts: u32,
    not_before: DateTime<Utc>,
}

/// What a feed does next.
pub enum Turn {
    /// Deliver what was delivered before.
    Deliver {
        /// Where it stands.
        position: u64,
        /// Which attempt it is.
        attempt: u32,
    },
    /// Read this position: it may be the consumer's.
    Read(u64),
    /// Wait for an event, for room, or for this time.
    Wait(Option<Duration>),
}

impl Consumer {
    /// Resumes the consumer, or begins it as the spec says; the changes record where a new one begins.
    pub fn open(
        db: &sled::Db,
        spec: ConsumerSpec,
        last: u64,
        commands: mpsc::Sender<Command>,
    ) -> anyhow::Result<(Self, Changes)> {
        let name = &spec.name;
        let saved = db.get(keys::floor(name))?.as_deref().and_then(keys::number);
        let (floor, changes) = if let Some(floor) = saved {
            (floor, Vec::new())
        } else {
            let floor = match spec.start {
                Start::Beginning => 0,
                Start::Now => last,
                Start::At(time) => before(db, time)?.unwrap_or(last),
            };
            (floor, vec![(keys::floor(name), Some(floor.to_be_bytes().to_vec()))])
        };
        let mut settled = BTreeSet::new();
        for key in db.scan_prefix(keys::acked_prefix(name)).keys() {
            settled.extend(keys::number(&key?));
        }
        let mut retries = BTreeMap::new();
        for item in db.scan_prefix(keys::retry_prefix(name)) {
            let (key, value) = item?;
            let position = keys::number(&key).context("the key of a retry has no position")?;
            // Due at once: what came after it waits for nobody that this process knows of.
            let retry = Retry { not_before: DateTime::UNIX_EPOCH, ..Retry::decode(&value)? };
            retries.insert(position, retry);
        }
        let on_disk = settled.clone();
        let state = State {
            floor,
            saved_floor: floor,
            cursor: floor + 1,
            settled,
            on_disk,
            pending: BTreeMap::new(),
            retries,
        };
        let consumer = Self {
            spec,
            state: Mutex::new(state),
            wake: Notify::new(),
            replaced: AtomicBool::new(false),
            commands,
        };
        Ok((consumer, changes))
    }

    /// Its durable name.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Another has taken its place: its deliveries can no longer be settled.
    pub fn replace(&self) {
        self.replaced.store(true, Ordering::SeqCst);
        self.wake.notify_waiters();
    }

    /// Whether another has taken its place.
    pub fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::SeqCst)
    }

    /// Resolves when something was settled.
    pub fn woken(&self) -> Notified<'_> {
        self.wake.notified()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do next, when the log ends at `last`.
    pub fn turn(&self, last: u64, now: DateTime<Utc>) -> Turn {
        let mut state = self.lock();
        let instant = Instant::now();
        let expired =
            state.pending.iter().find(|(_, pending)| pending.deadline <= instant).map(|(at, _)| *at);
        if let Some(position) = expired {
            let attempt = state.pending.get(&position).map_or(1, |pending| pending.attempt + 1);
            state.pending.insert(position, Pending { attempt, deadline: instant + self.spec.ack_wait });
            return Turn::Deliver { position, attempt };
        }
        let room = state.pending.len() < self.spec.max_in_flight;
        let due =
            state.retries.iter().find(|(_, retry)| retry.not_before <= now).map(|(at, retry)| (*at, *retry));
        if let (true, Some((position, retry))) = (room, due) {
            let attempt = retry.attempts + 1;
            state.retries.remove(&position);
            state.pending.insert(position, Pending { attempt, deadline: instant + self.spec.ack_wait });
            return Turn::Deliver { position, attempt };
        }
        // The floor may have moved over what was settled in an earlier life.
        state.cursor = state.cursor.max(state.floor + 1);
        let known = |state: &State, position: &u64| {
            state.settled.contains(position)
                || state.retries.contains_key(position)
                || state.pending.contains_key(position)
        };
        while known(&state, &state.cursor) {
            state.cursor += 1;
        }
        if room && state.cursor <= last {
            return Turn::Read(state.cursor);
        }
        let deadline =
            state.pending.values().map(|pending| pending.deadline.saturating_duration_since(instant)).min();
        let retry =
            state.retries.values().map(|retry| (retry.not_before - now).to_std().unwrap_or_default()).min();
        Turn::Wait(deadline.into_iter().chain(retry.filter(|_| room)).min())
    }

    /// The position at the cursor is ours: it becomes pending.
    pub fn take(&self, position: u64) {
        let mut state = self.lock();
        state.cursor = position + 1;
        state.pending.insert(position, Pending { attempt: 1, deadline: Instant::now() + self.spec.ack_wait });
    }

    /// The position at the cursor is not ours.
    pub fn pass(&self, position: u64) {
        let mut state = self.lock();
        state.cursor = position + 1;
        state.settled.insert(position);
        let mut changes = state.advance(self.name());
        // Keys that are dropped must be under a saved floor, or they would be delivered again.
        if !changes.is_empty() || state.floor >= state.saved_floor + SAVE_EVERY {
            changes.push(state.save(self.name()));
        }
        if !changes.is_empty() {
            // Nobody waits for it: if it is lost, these positions are read again.
            let _ = self.commands.send(Command::Raw { changes, reply: None });
        }
    }

    /// Whether a message of this subject, and of this type if it is an event, is the consumer's.
    pub fn hears(&self, subject: &str, ty: Option<&str>) -> bool {
        match subject.strip_prefix(REDRIVE) {
            Some(handler) => handler == self.spec.name,
            // What cannot be decoded is everybody's who listens to everything, so that it ends as a dead letter.
            None => match ty {
                Some(ty) => self.spec.types.iter().any(|glob| events::subject::fits(glob, ty)),
                None => self.spec.types.iter().any(|glob| glob == "*"),
            },
        }
    }

    /// Records it; the returned receiver says when it is durable.
    pub fn settle(
        &self,
        position: u64,
        attempt: u32,
        how: Settle,
        now: DateTime<Utc>,
    ) -> Option<oneshot::Receiver<Result<(), WriteError>>> {
        let mut state = self.lock();
        let name = self.name();
        let mut changes = match how {
            Settle::Progress => {
                if let Some(pending) = state.pending.get_mut(&position) {
                    pending.deadline = Instant::now() + self.spec.ack_wait;
                }
                return None;
            }
            Settle::Return(delay) => {
                state.pending.remove(&position);
                let wait = chrono::Duration::from_std(delay).unwrap_or(chrono::Duration::MAX);
                let retry =
                    Retry { attempts: attempt, not_before: now.checked_add_signed(wait).unwrap_or(now) };
                state.retries.insert(position, retry);
                vec![(keys::retry(name, position), Some(retry.encode()))]
            }
            Settle::Ack | Settle::Term => {
                state.pending.remove(&position);
                state.retries.remove(&position);
                state.settled.insert(position);
                let mut changes = state.advance(name);
                if state.settled.contains(&position) {
                    state.on_disk.insert(position);
                    changes.push((keys::acked(name, position), Some(Vec::new())));
                }
                changes
            }
        };
        if attempt > 1 && !matches!(how, Settle::Return(_)) {
            changes.push((keys::retry(name, position), None));
        }
        if state.floor > state.saved_floor {
            changes.push(state.save(name));
        }
        let (reply, answer) = oneshot::channel();
        // Sent under the lock, so that the order on disk is the order in memory. A writer that is gone drops `reply`.
        let _ = self.commands.send(Command::Raw { changes, reply: Some(reply) });
        drop(state);
        self.wake.notify_waiters();
        Some(answer)
    }
}

impl State {
    /// Moves the floor over what is settled; returns the keys that are no longer needed.
    fn advance(&mut self, name: &str) -> Changes {
        let mut changes = Vec::new();
        while self.settled.remove(&(self.floor + 1)) {
            self.floor += 1;
            if self.on_disk.remove(&self.floor) {
                changes.push((keys::acked(name, self.floor), None));
            }
        }
        changes
    }

    fn save(&mut self, name: &str) -> (Vec<u8>, Option<Vec<u8>>) {
        self.saved_floor = self.floor;
        (keys::floor(name), Some(self.floor.to_be_bytes().to_vec()))
    }
}

impl Retry {
    fn encode(self) -> Vec<u8> {
        [&self.attempts.to_be_bytes()[..], &self.not_before.timestamp_millis().to_be_bytes()[..]].concat()
    }

    fn decode(bytes: &[u8]) -> anyhow::Result<Self> {
        let (attempts, millis) =
            bytes.split_first_chunk::<4>().context("a retry is shorter than it should be")?;
        let millis = i64::from_be_bytes(millis.try_into().context("a retry has no time")?);
        let not_before =
            DateTime::from_timestamp_millis(millis).context("the time of a retry is out of range")?;
        Ok(Self { attempts: u32::from_be_bytes(*attempts), not_before })
    }
}

/// The last position recorded before that time.
fn before(db: &sled::Db, time: DateTime<Utc>) -> anyhow::Result<Option<u64>> {
    for item in db.scan_prefix(keys::LOG) {
        let (key, framed) = item?;
        let (_, recorded) = record::recorded(keys::log_position(&key).unwrap_or(0), &framed);
        if recorded.recorded >= time {
            return Ok(Some(recorded.position.0.saturating_sub(1)));
        }
    }
    Ok(None)
}
