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
    /// Given back, each with the earliest time at which it is delivered again.
    returned: BTreeMap<u64, DateTime<Utc>>,
    /// Those that were given back and have a key on disk, also while they are under way again.
    returned_on_disk: BTreeSet<u64>,
    /// So many of the next deliveries may have been under way when an earlier process died: those that it had taken
    /// and those whose settling was not durable yet.
    under_way: usize,
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
        let mut returned = BTreeMap::new();
        for (key, _) in scan(database, name, Part::Returned)? {
            let position = keys::number(&key).context("the key of a returned delivery has no position")?;
            // Its removal was not durable when the process died.
            if position <= floor || settled.contains(position) {
                changes.push((key.to_vec(), None));
                continue;
            }
            // Due at once: what came after it waits for nobody that this process knows of.
            returned.insert(position, DateTime::UNIX_EPOCH);
        }
        let returned_on_disk = returned.keys().copied().collect();
        let state = State {
            floor,
            saved_floor: floor,
            cursor: floor + 1,
            settled,
            on_disk,
            pending: BTreeMap::new(),
            returned,
            returned_on_disk,
            under_way: if saved.is_some() { 2 * spec.max_in_flight } else { 0 },
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
        let again = instant + self.spec.ack_wait;
        let expired = state.pending.iter().find(|(_, deadline)| **deadline <= instant).map(|(at, _)| *at);
        if let Some(position) = expired {
            state.pending.insert(position, again);
            return Turn::Deliver(position);
        }
        let room = state.pending.len() < self.spec.max_in_flight;
        let due = state.returned.iter().find(|(_, not_before)| **not_before <= now).map(|(at, _)| *at);
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
        let due = state.returned.values().min().map(|at| (*at - now).to_std().unwrap_or_default());
        Turn::Wait(deadline.into_iter().chain(due.filter(|_| room)).min())
    }

    /// The position at the cursor is ours: it becomes pending. Returns whether it may have been delivered before.
    pub fn take(&self, position: u64) -> bool {
        let mut state = self.lock();
        state.cursor = position + 1;
        let again = state.under_way > 0;
        state.under_way = state.under_way.saturating_sub(1);
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
        changes.extend(state.returned.iter().map(|(at, not_before)| returned(name, *at, *not_before)));
        let _ = self.commands.send(Command::Raw { changes, reply: None });
    }

    /// Records it; the returned receiver says when it is durable.
    pub fn settle(
        &self,
        position: u64,
        how: Settle,
        now: DateTime<Utc>,
    ) -> Option<oneshot::Receiver<Result<(), WriteError>>> {
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
                state.returned.insert(position, not_before);
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
        let (reply, answer) = match how {
            // Whatever is waited for next takes it along to the disk.
            Settle::Skip => (None, None),
            Settle::Ack | Settle::Term | Settle::Return(_) | Settle::Progress => {
                let (reply, answer) = oneshot::channel();
                (Some(reply), Some(answer))
            }
        };
        // Sent under the lock, so that the order on disk is the order in memory. A writer that is gone drops `reply`.
        let _ = self.commands.send(Command::Raw { changes, reply });
        drop(state);
        self.wake.notify_waiters();
        answer
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
        below.into_iter().map(|start| (keys::settled(name, start), None)).collect()
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
