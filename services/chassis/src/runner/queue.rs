//! Which delivery may be handled next: in the order of the log for one partition key, in parallel for different keys.
//!
//! What failed stays here until its time has come, and those behind it on its key wait for it. The queue is bounded, in
//! deliveries and in bytes. As long as every key moves, a full queue takes no more: the bus waits. A key that is *stuck*
//! (its first delivery waits for its time, or takes long) may not take more than a share of what is free, and when others
//! could be handled it has to make room: what finds none is given back to the bus, and its *position* is remembered, so
//! that nothing of its key that stands behind it is handled before it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::attempts::Attempts;
use crate::bus::{Delivery, Position};

/// How many bytes of bodies may wait. A single delivery is always taken, whatever its size.
const BYTES: usize = 16 * 1024 * 1024;
/// A stuck key may take one in so many of the free places, so that they never run out, however many keys are stuck.
const SHARE: usize = 4;
/// A key may always have this many places.
const ALWAYS: usize = 2;
/// A key whose delivery is handled for longer than this is stuck: what is given back comes again only after some seconds,
/// so a short wait for a place is better.
const SLOW: Duration = Duration::from_millis(250);
/// When what found no room may come again.
const BACK_AFTER: Duration = Duration::from_secs(2);

/// The deliveries that a runner holds.
pub struct Queue {
    keys: HashMap<Arc<str>, Key>,
    slots: usize,
    running: usize,
    /// How many deliveries may be held.
    places: usize,
    waiting: usize,
    bytes: usize,
    /// Longer than a delivery that was given back can take to come again, its wait not counted.
    patience: Duration,
}

/// A delivery with its key and what is known of its attempts.
pub struct Queued {
    /// Its partition key.
    pub key: Arc<str>,
    /// The delivery.
    pub delivery: Delivery,
    /// The attempts at it.
    pub attempts: Attempts,
    /// It is not handled before.
    pub not_before: Instant,
}

/// What is given back to the bus, and when it may come again.
pub type GivenBack = (Delivery, Duration);

#[derive(Default)]
struct Key {
    running: Option<Position>,
    /// Since when that one is handled.
    since: Option<Instant>,
    waiting: BTreeMap<Position, Queued>,
    /// Given back to the bus; should one not be here again at that time, those behind it no longer wait for it.
    away: BTreeMap<Position, Instant>,
}

impl Key {
    /// Whether its first delivery may be handled now.
    fn ready(&self, now: Instant) -> bool {
        let Some((_, queued)) = self.waiting.first_key_value() else { return false };
        self.running.is_none() && !self.waits_for_one_away(now) && queued.not_before <= now
    }

    fn waits_for_one_away(&self, now: Instant) -> bool {
        let Some((first, _)) = self.waiting.first_key_value() else { return false };
        self.away.range(..first).any(|(_, until)| *until > now)
    }

    /// Whether those behind its first delivery wait for longer than a moment.
    fn is_stuck(&self, now: Instant) -> bool {
        match self.running {
            Some(_) => self.since.is_some_and(|since| since + SLOW <= now),
            None => !self.ready(now),
        }
    }

    /// When [`Self::ready`] may change by itself.
    fn wakes(&self) -> Option<Instant> {
        let (first, queued) = self.waiting.first_key_value().filter(|_| self.running.is_none())?;
        self.away.range(..first).map(|(_, until)| *until).chain([queued.not_before]).max()
    }

    /// Gives a delivery back to the bus; those behind it wait for it, at most `patience` longer than it is put off.
    fn send_away(&mut self, queued: Queued, now: Instant, patience: Duration) -> GivenBack {
        let wait = queued.not_before.saturating_duration_since(now).max(BACK_AFTER);
        self.away.insert(queued.delivery.position, now + wait + patience);
        (queued.delivery, wait)
    }

    fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty() && self.away.is_empty()
    }
}

impl Queue {
    /// An empty queue that lets `slots` deliveries be handled at once and holds up to `places`. A delivery that was
    /// given back is waited for by those behind it, at most `patience` longer than it was put off.
    pub fn new(slots: usize, places: usize, patience: Duration) -> Self {
        Self { keys: HashMap::new(), slots, running: 0, places, waiting: 0, bytes: 0, patience }
    }

    /// The partition key of a delivery.
    pub fn key(delivery: &Delivery) -> Arc<str> {
        match &delivery.event {
            Ok(event) => Arc::from(event.partition_key().as_ref()),
            // Nobody waits for what cannot be read.
            Err(_) => Arc::from(format!("\0{}", delivery.position)),
        }
    }

    /// Whether it is being handled: its first delivery settles it.
    pub fn is_running(&self, key: &str, position: Position) -> bool {
        self.keys.get(key).is_some_and(|key| key.running == Some(position))
    }

    /// Takes a delivery in. One that is being handled already is dropped. Returns what has to be given back for it: it,
    /// or one of its key that stands behind it.
    #[must_use]
    pub fn push(&mut self, queued: Queued, now: Instant) -> Option<GivenBack> {
        let (name, position) = (queued.key.clone(), queued.delivery.position);
        if self.is_running(&name, position) {
            return None;
        }
        let free = self.places.saturating_sub(self.held());
        let full_of_bytes = self.bytes + size(&queued) > BYTES;
        let key = self.keys.entry(name.clone()).or_default();
        key.away.remove(&position);
        self.waiting += 1;
        self.bytes += size(&queued);
        if let Some(before) = key.waiting.insert(position, queued) {
            self.waiting -= 1;
            self.bytes -= size(&before);
        }
        let share = if full_of_bytes { 1 } else { (free / SHARE).max(ALWAYS) };
        // Those who wait for one that is away may not take the places that it needs to come back.
        let in_its_way = free < self.places / SHARE && key.waits_for_one_away(now);
        // The last of the key goes: the first must find room, or the key would never move.
        if (key.is_stuck(now) && key.waiting.len() > share) || in_its_way {
            self.give_back(&name, now)
        } else {
            None
        }
    }

    /// A failed delivery comes in again, to be tried after `queued.not_before`. Returns what has to be given back for it.
    #[must_use]
    pub fn retry(&mut self, queued: Queued, now: Instant) -> Option<GivenBack> {
        let name = queued.key.clone();
        self.release(&name, queued.delivery.position);
        // Those that wait for their time may not take the places of those whose time has come.
        let late = self.keys.values().filter(|key| !key.waiting.is_empty() && !key.ready(now)).count();
        if late * 2 >= self.places {
            let key = self.keys.entry(name).or_default();
            return Some(key.send_away(queued, now, self.patience));
        }
        self.push(queued, now)
    }

    /// What stuck keys have to give back so that others can be handled; nothing while there is room or every slot is used.
    #[must_use]
    pub fn make_room(&mut self, now: Instant) -> Vec<GivenBack> {
        let mut given_back = Vec::new();
        if self.has_room() || self.running == self.slots {
            return given_back;
        }
        while self.held() > self.places - self.places / SHARE || self.bytes >= BYTES {
            let stuck = self.keys.iter().filter(|(_, key)| key.waiting.len() > 1 && key.is_stuck(now));
            let Some(name) = stuck.max_by_key(|(_, key)| key.waiting.len()).map(|(name, _)| name.clone())
            else {
                break;
            };
            given_back.extend(self.give_back(&name, now));
        }
        given_back
    }

    fn give_back(&mut self, name: &str, now: Instant) -> Option<GivenBack> {
        let key = self.keys.get_mut(name)?;
        let (_, queued) = key.waiting.pop_last()?;
        self.waiting -= 1;
        self.bytes -= size(&queued);
        Some(key.send_away(queued, now, self.patience))
    }

    /// The next delivery that may be handled now.
    pub fn start(&mut self, now: Instant) -> Option<Queued> {
        if self.running == self.slots {
            return None;
        }
        // The oldest first, so that no key starves.
        let ready = self.keys.iter().filter(|(_, key)| key.ready(now));
        let name =
            ready.min_by_key(|(_, key)| key.waiting.keys().next().copied()).map(|(name, _)| name.clone())?;
        let key = self.keys.get_mut(&name)?;
        let (position, queued) = key.waiting.pop_first()?;
        // Those that never came back are no longer waited for.
        key.away = key.away.split_off(&position);
        key.running = Some(position);
        key.since = Some(now);
        self.running += 1;
        self.waiting -= 1;
        self.bytes -= size(&queued);
        Some(queued)
    }

    /// A delivery is no longer being handled.
    pub fn release(&mut self, name: &str, position: Position) {
        if let Some(key) = self.keys.get_mut(name)
            && key.running == Some(position)
        {
            key.running = None;
            self.running -= 1;
            if key.is_idle() {
                self.keys.remove(name);
            }
        }
    }

    /// A delivery is no longer being handled, and is not here any more. Should it come again, those behind it have waited.
    pub fn lose(&mut self, name: &str, position: Position, now: Instant) {
        if self.is_running(name, position)
            && let Some(key) = self.keys.get_mut(name)
        {
            key.away.insert(position, now + self.patience);
            self.release(name, position);
        }
    }

    /// When a delivery that waits for its time may be started or a key may become stuck that holds places, if a slot is
    /// free.
    pub fn wakes(&self, now: Instant) -> Option<Instant> {
        if self.running == self.slots {
            return None;
        }
        let full = !self.has_room();
        let stuck = |key: &Key| key.since.filter(|_| full && key.running.is_some()).map(|since| since + SLOW);
        let instants = self.keys.values().flat_map(|key| [key.wakes(), stuck(key)]).flatten();
        instants.filter(|at| *at > now).min()
    }

    /// Forgets those that were given back and did not come again in their time.
    pub fn prune(&mut self, now: Instant) {
        self.keys.retain(|_, key| {
            key.away.retain(|_, until| *until > now);
            !key.is_idle()
        });
    }

    /// Whether another delivery may be taken in.
    pub fn has_room(&self) -> bool {
        self.held() < self.places && self.bytes < BYTES
    }

    fn held(&self) -> usize {
        self.running + self.waiting
    }

    /// The deliveries that wait.
    pub fn waiting(&self) -> impl Iterator<Item = &Delivery> {
        self.keys.values().flat_map(|key| key.waiting.values().map(|queued| &queued.delivery))
    }
}

fn size(queued: &Queued) -> usize {
    match &queued.delivery.event {
        Ok(event) => event.body().len(),
        Err(undecodable) => undecodable.payload.len(),
    }
}

#[cfg(test)]
mod tests;
