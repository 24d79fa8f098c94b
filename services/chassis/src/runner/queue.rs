//! Which delivery may be handled next: in the order of the log for one partition key, in parallel for different keys.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::bus::{Delivery, Position};

/// How many events may wait in memory behind a failed event of their key.
const WAITING_BEHIND_HELD: usize = 4;

/// The deliveries that a runner holds.
pub struct Queue {
    keys: HashMap<Arc<str>, Key>,
    /// How often a position was given back without being handled: those deliveries are no attempts.
    returned: HashMap<Position, u32>,
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
        let free = self.held.is_none_or(|(held, until)| first <= held || until <= now);
        self.running.is_none() && free
    }
}

impl Queue {
    /// An empty queue that lets `slots` deliveries be handled at once.
    pub fn new(slots: usize) -> Self {
        Self { keys: HashMap::new(), returned: HashMap::new(), slots, running: 0 }
    }

    /// Takes a delivery in. One that is being handled already is dropped: its first delivery settles it.
    ///
    /// Gives one back, with the time after which it may come again, when many wait behind a failed event of their key:
    /// a key that is stuck may not fill the queue, or the failed event itself would find no room to come back.
    pub fn push(&mut self, mut delivery: Delivery, now: Instant) -> Option<(Delivery, Duration)> {
        let key: Arc<str> = match &delivery.event {
            Ok(event) => Arc::from(event.partition_key().as_ref()),
            // Nobody waits for what cannot be read.
            Err(_) => Arc::from(format!("\0{}", delivery.position)),
        };
        let key = self.keys.entry(key).or_default();
        if let Some((held, until)) = key.held
            && delivery.position > held
            && until > now
            && key.waiting.len() >= WAITING_BEHIND_HELD
        {
            *self.returned.entry(delivery.position).or_default() += 1;
            return Some((delivery, until - now));
        }
        if let Some(returned) = self.returned.get(&delivery.position) {
            delivery.attempt = delivery.attempt.saturating_sub(*returned).max(1);
        }
        if key.running != Some(delivery.position) {
            key.waiting.insert(delivery.position, delivery);
        }
        None
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
            self.returned.remove(&position);
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

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use events::Envelope;

    use super::*;
    use crate::bus::{Acker, BusError, Settle};

    struct Nobody;

    #[async_trait]
    impl Acker for Nobody {
        async fn settle(&self, _: Settle) -> Result<(), BusError> {
            Ok(())
        }
    }

    fn delivery(position: u64, key: &str) -> Delivery {
        let event = Envelope::builder(position.to_string(), "/s", "t").partition_key(key).build();
        Delivery {
            position: Position(position),
            attempt: 1,
            again: false,
            event: Ok(event.unwrap()),
            acker: Box::new(Nobody),
        }
    }

    fn filled(deliveries: &[(u64, &str)]) -> Queue {
        let mut queue = Queue::new(2);
        for (position, key) in deliveries {
            assert!(queue.push(delivery(*position, key), Instant::now()).is_none());
        }
        queue
    }

    fn started(queue: &mut Queue, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| queue.start(now)).map(|queued| queued.delivery.position.0).collect()
    }

    #[test]
    fn one_key_is_serial_and_different_keys_are_parallel() {
        let now = Instant::now();
        let mut queue = filled(&[(1, "a"), (2, "a"), (3, "b")]);
        assert_eq!(started(&mut queue, now), [1, 3]);
        queue.release("a", Position(1));
        assert_eq!(started(&mut queue, now), [2]);
    }

    #[test]
    fn no_more_are_started_than_there_are_slots() {
        let mut queue = filled(&[(1, "a"), (2, "b"), (3, "c")]);
        assert_eq!(started(&mut queue, Instant::now()), [1, 2]);
    }

    #[test]
    fn those_behind_a_failed_event_wait_until_it_is_back() {
        let now = Instant::now();
        let mut queue = filled(&[(1, "a"), (2, "a")]);
        assert_eq!(started(&mut queue, now), [1]);
        queue.hold("a", Position(1), now + Duration::from_mins(1));
        assert_eq!(started(&mut queue, now), [0; 0]);
        queue.push(delivery(1, "a"), now);
        assert_eq!(started(&mut queue, now), [1]);
    }

    #[test]
    fn a_failed_event_that_never_comes_back_does_not_block_its_key_for_ever() {
        let now = Instant::now();
        let mut queue = filled(&[(1, "a"), (2, "a")]);
        started(&mut queue, now);
        queue.hold("a", Position(1), now + Duration::from_mins(1));
        assert_eq!(started(&mut queue, now + Duration::from_secs(61)), [2]);
    }

    #[test]
    fn a_stuck_key_does_not_fill_the_queue() {
        let now = Instant::now();
        let mut queue = filled(&[(1, "a")]);
        started(&mut queue, now);
        queue.hold("a", Position(1), now + Duration::from_mins(1));
        let returned = (2..100).filter_map(|at| queue.push(delivery(at, "a"), now)).count();
        assert_eq!(returned, 98 - WAITING_BEHIND_HELD);
        assert!(queue.push(delivery(1, "a"), now).is_none(), "there is room for the failed event itself");
        assert_eq!(started(&mut queue, now), [1]);
        // To be given back was no attempt.
        queue.release("a", Position(1));
        let again = Delivery { attempt: 2, ..delivery(50, "b") };
        queue.push(again, now);
        assert_eq!(queue.start(now).map(|queued| queued.delivery.attempt), Some(1));
    }

    #[test]
    fn a_second_delivery_of_what_is_being_handled_is_dropped() {
        let now = Instant::now();
        let mut queue = filled(&[(1, "a")]);
        assert_eq!(started(&mut queue, now), [1]);
        queue.push(delivery(1, "a"), now);
        queue.release("a", Position(1));
        assert_eq!(started(&mut queue, now), [0; 0]);
    }
}
