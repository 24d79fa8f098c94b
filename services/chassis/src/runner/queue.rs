//! Which delivery may be handled next: in the order of the log for one partition key, in parallel for different keys.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::time::Instant;

use crate::bus::{Delivery, Position};

/// The deliveries that a runner holds.
pub struct Queue {
    keys: HashMap<Arc<str>, Key>,
    slots: usize,
    running: usize,
}

/// A delivery with its key.
pub struct Queued {
    /// Its partition key.
    pub key: Arc<str>,
    /// The delivery.
    pub delivery: Delivery,
}

#[derive(Default)]
struct Key {
    running: Option<Position>,
    /// Its first event failed and comes back; until it does, or this time has come, those behind it wait.
    held: Option<(Position, Instant)>,
    waiting: BTreeMap<Position, Delivery>,
}

impl Key {
    fn ready(&self, now: Instant) -> bool {
        let Some((&first, _)) = self.waiting.first_key_value() else {
            return false;
        };
        let free = self
            .held
            .is_none_or(|(held, until)| first <= held || until <= now);
        self.running.is_none() && free
    }
}

impl Queue {
    /// An empty queue that lets `slots` deliveries be handled at once.
    pub fn new(slots: usize) -> Self {
        Self {
            keys: HashMap::new(),
            slots,
            running: 0,
        }
    }

    /// Takes a delivery in. One that is being handled already is dropped: its first delivery settles it.
    pub fn push(&mut self, delivery: Delivery) {
        let key: Arc<str> = match &delivery.event {
            Ok(event) => Arc::from(event.partition_key().as_ref()),
            // Nobody waits for what cannot be read.
            Err(_) => Arc::from(format!("\0{}", delivery.position)),
        };
        let key = self.keys.entry(key).or_default();
        if key.running != Some(delivery.position) {
            key.waiting.insert(delivery.position, delivery);
        }
    }

    /// The next delivery that may be handled now.
    pub fn start(&mut self, now: Instant) -> Option<Queued> {
        if self.running == self.slots {
            return None;
        }
        // The oldest first, so that no key starves.
        let ready = self.keys.iter().filter(|(_, key)| key.ready(now));
        let name = ready
            .min_by_key(|(_, key)| key.waiting.keys().next().copied())
            .map(|(name, _)| name.clone())?;
        let key = self.keys.get_mut(&name)?;
        let (position, delivery) = key.waiting.pop_first()?;
        key.running = Some(position);
        key.held = None;
        self.running += 1;
        Some(Queued { key: name, delivery })
    }

    /// A delivery was settled.
    pub fn release(&mut self, name: &str, position: Position) {
        if let Some(key) = self.keys.get_mut(name)
            && key.running == Some(position)
        {
            key.running = None;
            self.running -= 1;
            if key.waiting.is_empty() {
                self.keys.remove(name);
            }
        }
    }

    /// A delivery failed and comes back: those behind it wait for it until `until`.
    pub fn hold(&mut self, name: &str, position: Position, until: Instant) {
        if let Some(key) = self.keys.get_mut(name)
            && key.running == Some(position)
        {
            key.running = None;
            key.held = Some((position, until));
            self.running -= 1;
        }
    }

    /// How many deliveries it holds, those being handled included.
    pub fn held(&self) -> usize {
        self.running + self.keys.values().map(|key| key.waiting.len()).sum::<usize>()
    }

    /// The deliveries that wait.
    pub fn waiting(&self) -> impl Iterator<Item = &Delivery> {
        self.keys.values().flat_map(|key| key.waiting.values())
    }
}
