use async_trait::async_trait;
use events::Envelope;

use super::*;
use crate::bus::{Acker, BusError, Settle};

const PATIENCE: Duration = Duration::from_secs(20);

struct Nobody;

#[async_trait]
impl Acker for Nobody {
    async fn settle(&self, _: Settle) -> Result<(), BusError> {
        Ok(())
    }
}

fn queued(position: u64, key: &str, not_before: Instant) -> Queued {
    sized(position, key, not_before, 0)
}

fn sized(position: u64, key: &str, not_before: Instant, bytes: usize) -> Queued {
    let event = Envelope::builder(position.to_string(), "/s", "t").partition_key(key);
    let event = event.body("text/plain", vec![b'x'; bytes]).build();
    let (position, event) = (Position(position), Ok(event.unwrap()));
    let delivery = Delivery { position, again: false, first_tried: None, event, acker: Box::new(Nobody) };
    Queued { key: Queue::key(&delivery), delivery, attempts: Attempts::default(), not_before }
}

fn queue() -> Queue {
    Queue::new(2, 64, PATIENCE)
}

fn filled(deliveries: &[(u64, &str)], now: Instant) -> Queue {
    let mut queue = queue();
    for (position, key) in deliveries {
        assert!(queue.push(queued(*position, key, now), now).is_none());
    }
    queue
}

fn started(queue: &mut Queue, now: Instant) -> Vec<u64> {
    std::iter::from_fn(|| queue.start(now)).map(|queued| queued.delivery.position.0).collect()
}

fn position(given_back: Option<GivenBack>) -> Option<u64> {
    given_back.map(|(delivery, _)| delivery.position.0)
}

#[test]
fn one_key_is_serial_and_different_keys_are_parallel() {
    let now = Instant::now();
    let mut queue = filled(&[(1, "a"), (2, "a"), (3, "b")], now);
    assert_eq!(started(&mut queue, now), [1, 3]);
    queue.release("a", Position(1));
    assert_eq!(started(&mut queue, now), [2]);
}

#[test]
fn no_more_run_than_there_are_slots() {
    let now = Instant::now();
    let mut queue = filled(&[(1, "a"), (2, "b"), (3, "c")], now);
    assert_eq!(started(&mut queue, now), [1, 2]);
    queue.release("b", Position(2));
    assert_eq!(started(&mut queue, now), [3]);
}

#[test]
fn those_behind_a_failed_event_of_their_key_wait_for_it_and_others_do_not() {
    let now = Instant::now();
    let later = now + Duration::from_mins(5);
    let mut queue = filled(&[(1, "a"), (2, "a"), (3, "b")], now);
    let first = queue.start(now).unwrap();
    assert!(queue.retry(Queued { not_before: later, ..first }, now).is_none());
    assert_eq!(started(&mut queue, now), [3]);
    assert_eq!(queue.wakes(now), Some(later));
    assert_eq!(started(&mut queue, later), [1]);
    queue.release("a", Position(1));
    queue.release("b", Position(3));
    assert_eq!(started(&mut queue, later), [2]);
}

#[test]
fn the_same_delivery_twice_is_handled_once() {
    let now = Instant::now();
    let mut queue = filled(&[(1, "a"), (1, "a")], now);
    assert_eq!(started(&mut queue, now), [1]);
    assert!(queue.is_running("a", Position(1)));
    assert!(queue.push(queued(1, "a", now), now).is_none());
    queue.release("a", Position(1));
    assert_eq!(started(&mut queue, now), [0; 0]);
}

#[test]
fn a_stuck_key_leaves_room_for_the_others_and_keeps_its_order() {
    let now = Instant::now();
    let mut queue = queue();
    let mut away = Vec::new();
    for at in 1..=500 {
        away.extend(position(queue.push(queued(at, "stuck", now + PATIENCE), now)));
    }
    assert!(queue.has_room());
    assert!(away.len() > 480, "only {} were given back", away.len());
    assert!(queue.push(queued(501, "other", now), now).is_none());
    assert_eq!(started(&mut queue, now), [501]);

    // Its time comes. Those that are away come back in any order; each is handled in its own place.
    let now = now + PATIENCE;
    let mut seen = Vec::new();
    while seen.len() < 500 {
        while let Some(next) = queue.start(now) {
            seen.push(next.delivery.position.0);
            queue.release("stuck", next.delivery.position);
        }
        away.reverse();
        for back in std::mem::take(&mut away) {
            away.extend(position(queue.push(queued(back, "stuck", now), now)));
        }
    }
    assert!(seen.is_sorted(), "{seen:?}");
}

#[test]
fn many_stuck_keys_leave_room() {
    let now = Instant::now();
    let mut queue = queue();
    let mut given_back = 0;
    for at in 0..1000 {
        let first = queued(at, &format!("k{at}"), now);
        assert!(queue.push(first, now).is_none(), "the first of a key always finds room");
        let first = queue.start(now).unwrap();
        let again = queue.retry(Queued { not_before: now + PATIENCE, ..first }, now);
        given_back += usize::from(again.is_some());
        assert!(queue.has_room());
    }
    assert_eq!(given_back, 1000 - 32, "half of the places is for those whose time has come");
}

#[test]
fn one_that_never_comes_back_is_not_waited_for_for_ever() {
    let now = Instant::now();
    let mut queue = queue();
    let mut away = Vec::new();
    assert!(queue.push(queued(1, "a", now), now).is_none());
    assert_eq!(started(&mut queue, now), [1]);
    let now = now + SLOW;
    for at in 2..=40 {
        away.extend(position(queue.push(queued(at, "a", now), now)));
    }
    let first_away = *away.iter().min().unwrap();
    let last = position(queue.push(queued(41, "a", now), now));
    assert_eq!(last, Some(41));
    queue.release("a", Position(1));
    let mut done = 0;
    while let Some(next) = queue.start(now) {
        done = next.delivery.position.0;
        queue.release("a", Position(done));
    }
    assert_eq!(done, first_away - 1);
    assert!(queue.push(queued(50, "a", now), now).is_none());
    assert_eq!(started(&mut queue, now), [0; 0]);
    let later = queue.wakes(now).unwrap();
    assert!(later >= now + PATIENCE && later <= now + PATIENCE + 2 * BACK_AFTER);
    assert_eq!(started(&mut queue, later), [50]);
    queue.release("a", Position(50));
    queue.prune(later);
    assert!(queue.keys.is_empty());
}

#[test]
fn large_bodies_are_bounded_by_their_bytes() {
    let now = Instant::now();
    let mut queue = queue();
    let large = 6 * 1024 * 1024;
    for at in 1..=3 {
        assert!(queue.has_room());
        assert!(queue.push(sized(at, "a", now, large), now).is_none());
    }
    assert!(!queue.has_room(), "18 MiB wait");
    assert_eq!(started(&mut queue, now), [1]);
    assert!(queue.has_room());
    // Now it is stuck: others could be handled.
    assert!(queue.push(sized(4, "a", now, large), now).is_none());
    let later = now + SLOW;
    let given_back: Vec<u64> =
        queue.make_room(later).into_iter().filter_map(|back| position(Some(back))).collect();
    assert_eq!(given_back, [4]);
    assert!(queue.push(sized(5, "b", later, large), later).is_none(), "the first of a key always finds room");
    assert_eq!(started(&mut queue, later), [5]);
}

#[test]
fn while_every_key_moves_nothing_is_given_back_however_long_the_log_is() {
    let mut now = Instant::now();
    for keys in [1, 2, 64] {
        let mut queue = queue();
        let (mut next, mut handled, mut running) = (0, Vec::new(), Vec::new());
        while handled.len() < 2000 {
            while queue.has_room() && next < 2000 {
                let delivery = queued(next, &format!("k{}", next % keys), now);
                assert!(queue.push(delivery, now).is_none(), "{next} of {keys} keys");
                next += 1;
            }
            running.extend(std::iter::from_fn(|| queue.start(now)));
            assert!(queue.make_room(now).is_empty(), "{next} of {keys} keys");
            now += SLOW / 3;
            for done in running.drain(..) {
                queue.release(&done.key, done.delivery.position);
                handled.push(done.delivery.position.0);
            }
        }
        handled.sort_unstable();
        assert_eq!(handled, (0..2000).collect::<Vec<u64>>());
    }
}

#[test]
fn a_key_that_filled_the_queue_and_gets_stuck_makes_room_for_the_others() {
    let now = Instant::now();
    let mut queue = queue();
    let mut next = 1;
    while queue.has_room() {
        assert!(queue.push(queued(next, "a", now), now).is_none());
        next += 1;
    }
    assert_eq!(started(&mut queue, now), [1]);
    assert!(queue.push(queued(next, "a", now), now).is_none());
    assert!(queue.make_room(now).is_empty(), "it may end in a moment");
    let later = queue.wakes(now).unwrap();
    let mut away: Vec<u64> =
        queue.make_room(later).into_iter().filter_map(|back| position(Some(back))).collect();
    assert!(away.len() > 10 && queue.has_room(), "{away:?}");
    assert!(queue.push(queued(1000, "b", later), later).is_none());
    assert_eq!(started(&mut queue, later), [1000]);

    // It goes on, and those that are away come back in any order: each is handled in its own place.
    queue.release("a", Position(1));
    let mut seen = vec![1];
    while !away.is_empty() || seen.len() < usize::try_from(next).unwrap() {
        while let Some(started) = queue.start(later) {
            seen.push(started.delivery.position.0);
            queue.release("a", started.delivery.position);
        }
        for back in std::mem::take(&mut away) {
            away.extend(position(queue.push(queued(back, "a", later), later)));
        }
    }
    assert!(seen.is_sorted() && seen.len() == usize::try_from(next).unwrap(), "{seen:?}");
}

#[test]
fn what_was_lost_frees_its_slot_and_those_behind_it_wait_for_it_in_vain_only_so_long() {
    let now = Instant::now();
    let mut queue = filled(&[(1, "a"), (2, "a"), (3, "b"), (4, "c")], now);
    assert_eq!(started(&mut queue, now), [1, 3]);
    queue.lose("a", Position(1), now);
    assert_eq!(started(&mut queue, now), [4], "its slot is free, and its key waits");
    queue.release("b", Position(3));
    assert_eq!(queue.wakes(now), Some(now + PATIENCE));
    assert_eq!(started(&mut queue, now + PATIENCE), [2]);
    // What does not run is not lost.
    queue.lose("a", Position(9), now);
    queue.lose("nobody", Position(1), now);
    queue.release("a", Position(2));
    assert!(queue.push(queued(5, "a", now), now).is_none());
    assert_eq!(started(&mut queue, now), [5]);
}
