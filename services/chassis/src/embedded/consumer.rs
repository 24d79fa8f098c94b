//! A durable consumer: a floor below which all is settled, what is settled above it, and what was given back.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, oneshot};

use super::bus::REDRIVE;
use super::keys::{self, Part};
use super::ranges::Ranges;
use super::state::State as Database;
use super::trouble::WriteError;
use super::writer::{Changes, Command};
use crate::bus::{ConsumerSpec, Settle};

/// After this many positions that are not the consumer's, its floor is saved, so that a restart need not read them again.
const SAVE_EVERY: u64 = 1000;
/// What is put off for longer than a machine can count is put off for this long.
const LONGEST: Duration = Duration::from_hours(24 * 365);

/// A durable consumer.
pub struct Consumer {
    spec: ConsumerSpec,
    state: Mutex<State>,
    /// Something was settled: there may be room, or a delivery that is due.
    wake: Notify,
    replaced: AtomicBool,
    commands: mpsc::Sender<Command>,
}

struct State {
    floor: u64,
    saved_floor: u64,
    /// The next position to be read.
    cursor: u64,
    /// Settled or not ours, above the floor.
    settled: Ranges,
    /// Where those of `settled` begin that have a key on disk.
    on_disk: BTreeSet<u64>,
    /// Under way, each with the time at which it is delivered again.
    pending: BTreeMap<u64, Instant>,
    /// Given back in this life, each with the earliest time at which it is delivered again.
    returned: BTreeMap<u64, Instant>,
    /// Those that were given back and have a key on disk, also while they are under way again, and those that were given
    /// back in an earlier life.
    returned_on_disk: BTreeSet<u64>,
    /// So many of the next deliveries may have been under way when an earlier process died: those that it had taken
    /// and those whose settling was not durable yet.
    under_way: usize,
    /// How many were passed over without waiting for the disk, and how many of them are on it.
    skipped: u64,
    skipped_on_disk: u64,
}

/// What is to be waited for until a delivery is settled for good.
pub struct Settling {
    answer: oneshot::Receiver<Result<(), WriteError>>,
    /// So many were passed over before: they are on the disk with it.
    skipped: u64,
}

/// What a feed does next.
pub enum Turn {
    /// Deliver what was delivered before.
    Deliver(u64),
    /// Read this position: it may be the consumer's.
    Read(u64),
    /// Wait for an event, for room, or for this time.
    Wait(Option<Duration>),
}

impl Consumer {
    /// Resumes the consumer, or begins it behind `begin`; the changes record where it stands, and that it is open.
    ///
    /// `first` is the first position of the log that is kept: what was before it is gone.
    pub fn open(
        database: &Database,
        spec: ConsumerSpec,
        (first, begin): (u64, u64),
        now: DateTime<Utc>,
        commands: mpsc::Sender<Command>,
    ) -> anyhow::Result<(Self, Changes)> {
        let name = &spec.name;
        let mut changes = vec![(keys::opened(name), Some(now.timestamp_millis().to_be_bytes().to_vec()))];
        let saved = database.get(&keys::floor(name))?.as_deref().and_then(keys::number);
        let mut floor = saved.unwrap_or(begin);
        let lost = first.saturating_sub(1);
        if saved.is_some() && floor < lost {
            tracing::error!(
                consumer = %name, from = floor + 1, to = lost,
                "events that this consumer has not seen are gone: nobody had it open for too long"
            );
        }
        floor = floor.max(lost);
        if saved != Some(floor) {
            // Where a new consumer begins must not move with a restart.
            changes.push((keys::floor(name), Some(floor.to_be_bytes().to_vec())));
        }
        let (mut settled, mut on_disk) = (Ranges::default(), BTreeSet::new());
        for (key, value) in scan(database, name, Part::Settled)? {
            let from = keys::number(&key).context("the key of what is settled has no position")?;
            // Format 1 had no value: a position was settled alone.
            let to = keys::number(&value).unwrap_or(from);
            if to > floor {
                settled.insert(from.max(floor + 1), to);
                on_disk.insert(from);
            } else {
                changes.push((key.to_vec(), None));
            }
        }
        let mut returned_on_disk = BTreeSet::new();
        for (key, _) in scan(database, name, Part::Returned)? {
            let position = keys::number(&key).context("the key of a returned delivery has no position")?;
            // Its removal was not durable when the process died.
            if position <= floor || settled.contains(position) {
                changes.push((key.to_vec(), None));
                continue;
            }
            // It comes where it stands in the log, so that nothing of its key that stands before it comes later.
            returned_on_disk.insert(position);
        }
        let state = State {
            floor,
            saved_floor: floor,
            cursor: floor + 1,
            settled,
            on_disk,
            pending: BTreeMap::new(),
            returned: BTreeMap::new(),
            returned_on_disk,
            // Those that were with it, those whose settling was on its way to the disk, and those that were passed over.
            under_way: if saved.is_some() { 3 * spec.max_in_flight } else { 0 },
            skipped: 0,
            skipped_on_disk: 0,
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
    pub fn turn(&self, last: u64) -> Turn {
        let mut state = self.lock();
        let instant = Instant::now();
        let again = instant + self.spec.ack_wait;
        let expired = state.pending.iter().find(|(_, deadline)| **deadline <= instant).map(|(at, _)| *at);
        if let Some(position) = expired {
            state.pending.insert(position, again);
            return Turn::Deliver(position);
        }
        let room = state.pending.len() < self.spec.max_in_flight;
        let due = state.returned.iter().find(|(_, not_before)| **not_before <= instant).map(|(at, _)| *at);
        if let (true, Some(position)) = (room, due) {
            state.returned.remove(&position);
            state.pending.insert(position, again);
            return Turn::Deliver(position);
        }
        // The floor may have moved over what was settled in an earlier life.
        state.cursor = state.cursor.max(state.floor + 1);
        loop {
            let cursor = state.cursor;
            if let Some(end) = state.settled.end_of(cursor) {
                state.cursor = end + 1;
            } else if state.returned.contains_key(&cursor) || state.pending.contains_key(&cursor) {
                state.cursor += 1;
            } else {
                break;
            }
        }
        if room && state.cursor <= last {
            return Turn::Read(state.cursor);
        }
        let deadline = state.pending.values().min().map(|at| at.saturating_duration_since(instant));
        let due = state.returned.values().min().map(|at| at.saturating_duration_since(instant));
        Turn::Wait(deadline.into_iter().chain(due.filter(|_| room)).min())
    }

    /// The position at the cursor is ours: it becomes pending. Returns whether it may have been delivered before.
    pub fn take(&self, position: u64) -> bool {
        let mut state = self.lock();
        state.cursor = position + 1;
        let returned = state.returned_on_disk.contains(&position);
        let again = returned || state.under_way > 0;
        state.under_way = state.under_way.saturating_sub(usize::from(!returned));
        state.pending.insert(position, Instant::now() + self.spec.ack_wait);
        again
    }

    /// The positions from the cursor up to this one are not ours, or nothing is there.
    pub fn pass(&self, to: u64) {
        let mut state = self.lock();
        let from = state.cursor;
        state.cursor = to + 1;
        state.settled.insert(from, to);
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

    /// Everything up to here is settled.
    pub fn floor(&self) -> u64 {
        self.lock().floor
    }

    /// Writes all that it knows: the disk may have missed some of it.
    pub fn save_all(&self) {
        let mut state = self.lock();
        let name = self.name();
        let mut changes = vec![state.save(name)];
        let stretches: Vec<_> = state.settled.iter().collect();
        for (start, end) in stretches {
            changes.extend(state.write_stretch(name, start, end));
        }
        changes.extend(state.returned.keys().map(|at| returned(name, *at, DateTime::UNIX_EPOCH)));
        let _ = self.commands.send(Command::Raw { changes, reply: None });
    }

    /// Records it; the returned receiver says when it is durable.
    pub fn settle(&self, position: u64, how: Settle, now: DateTime<Utc>) -> Option<Settling> {
        let mut state = self.lock();
        let name = self.name();
        let mut changes = match how {
            Settle::Progress => {
                if let Some(deadline) = state.pending.get_mut(&position) {
                    *deadline = Instant::now() + self.spec.ack_wait;
                }
                return None;
            }
            Settle::Return(delay) => {
                state.pending.remove(&position);
                let wait = chrono::Duration::from_std(delay).unwrap_or(chrono::Duration::MAX);
                let not_before = now.checked_add_signed(wait).unwrap_or(now);
                // By this process's own measure: a clock that is set back must hold nothing up.
                let due = Instant::now().checked_add(delay).unwrap_or_else(|| Instant::now() + LONGEST);
                state.returned.insert(position, due);
                state.returned_on_disk.insert(position);
                vec![returned(name, position, not_before)]
            }
            Settle::Ack | Settle::Skip | Settle::Term => {
                state.pending.remove(&position);
                state.returned.remove(&position);
                let (start, end) = state.settled.insert(position, position);
                let mut changes = state.advance(name);
                if state.settled.contains(position) {
                    changes.extend(state.write_stretch(name, start, end));
                }
                if state.returned_on_disk.remove(&position) {
                    changes.push((keys::returned(name, position), None));
                }
                changes
            }
        };
        if state.floor > state.saved_floor {
            changes.push(state.save(name));
        }
        let unsaved = usize::try_from(state.skipped - state.skipped_on_disk).unwrap_or(usize::MAX);
        let (reply, answer) = if how == Settle::Skip && unsaved < self.spec.max_in_flight {
            // Whatever is waited for next takes it along to the disk.
            state.skipped += 1;
            (None, None)
        } else {
            let (reply, answer) = oneshot::channel();
            (Some(reply), Some(Settling { answer, skipped: state.skipped }))
        };
        // Sent under the lock, so that the order on disk is the order in memory. A writer that is gone drops `reply`.
        let _ = self.commands.send(Command::Raw { changes, reply });
        drop(state);
        self.wake.notify_waiters();
        answer
    }

    /// Waits until it is on the disk.
    pub async fn settled(&self, settling: Settling) -> Result<(), WriteError> {
        settling.answer.await.map_err(|_| WriteError::Ended)??;
        let mut state = self.lock();
        state.skipped_on_disk = state.skipped_on_disk.max(settling.skipped);
        Ok(())
    }
}

impl State {
    /// Moves the floor over what is settled; returns the keys that are no longer needed.
    fn advance(&mut self, name: &str) -> Changes {
        if let Some(end) = self.settled.take(self.floor + 1) {
            self.floor = end;
        }
        let above = self.on_disk.split_off(&(self.floor + 1));
        let below = std::mem::replace(&mut self.on_disk, above);
        let above = self.returned_on_disk.split_off(&(self.floor + 1));
        let returned = std::mem::replace(&mut self.returned_on_disk, above);
        let returned = returned.into_iter().map(|position| (keys::returned(name, position), None));
        below.into_iter().map(|start| (keys::settled(name, start), None)).chain(returned).collect()
    }

    /// Writes a stretch above the floor, and removes the keys of those that it has swallowed.
    fn write_stretch(&mut self, name: &str, start: u64, end: u64) -> Changes {
        let swallowed: Vec<u64> =
            self.on_disk.range((Bound::Excluded(start), Bound::Included(end))).copied().collect();
        for start in &swallowed {
            self.on_disk.remove(start);
        }
        self.on_disk.insert(start);
        let gone = swallowed.into_iter().map(|start| (keys::settled(name, start), None));
        gone.chain([(keys::settled(name, start), Some(end.to_be_bytes().to_vec()))]).collect()
    }

    fn save(&mut self, name: &str) -> (Vec<u8>, Option<Vec<u8>>) {
        self.saved_floor = self.floor;
        (keys::floor(name), Some(self.floor.to_be_bytes().to_vec()))
    }
}

/// The key of a delivery that was given back, with the earliest time of the next one.
fn returned(name: &str, position: u64, not_before: DateTime<Utc>) -> (Vec<u8>, Option<Vec<u8>>) {
    (keys::returned(name, position), Some(not_before.timestamp_millis().to_be_bytes().to_vec()))
}

fn scan(database: &Database, name: &str, part: Part) -> anyhow::Result<Vec<(sled::IVec, sled::IVec)>> {
    let prefix = keys::consumer(name, part);
    database.scan(&prefix, &prefix, usize::MAX)
}
