//! Where a consumer begins and goes on, and how a place in the log is found.

use super::damage::small;
use super::*;
use crate::embedded::consumer::Consumer;
use crate::embedded::writer::Command;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(DateTime::from_timestamp(1_767_323_045, 0).unwrap()))
}

#[tokio::test]
async fn a_time_is_found_in_every_file_of_the_log() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = Embedded::open_with(dir.path(), clock.clone(), small()).await.unwrap();
    let begun = crate::Clock::now(&*clock);
    for id in 1..=60 {
        engine.publish(&event(&id.to_string())).await.unwrap();
        clock.advance(Duration::from_mins(1));
    }
    assert!(engine.usage().files > 3, "{:?}", engine.usage());
    for minute in 0..60_u32 {
        let time = begun + chrono::Duration::minutes(minute.into());
        assert_eq!(engine.seek(time).await.unwrap(), Position(u64::from(minute) + 1));
        assert_eq!(
            engine.seek(time - chrono::Duration::seconds(1)).await.unwrap(),
            Position(u64::from(minute) + 1)
        );
    }
    let after = begun + chrono::Duration::hours(2);
    assert_eq!(engine.seek(after).await.unwrap(), Position(61), "none is so late: the next one");
    let start = Start::At(begun + chrono::Duration::minutes(30));
    let mut deliveries = engine.consume(ConsumerSpec { start, ..spec() }).await.unwrap();
    assert_eq!(deliveries.next().await.unwrap().position, Position(31));
}

#[tokio::test]
async fn only_what_may_have_been_under_way_is_said_to_come_again() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path()).await;
    for id in 1..=40 {
        first.publish(&event(&id.to_string())).await.unwrap();
    }
    let mut deliveries = first.consume(spec()).await.unwrap();
    for _ in 0..8 {
        assert!(!deliveries.next().await.unwrap().again, "a new consumer has seen nothing");
    }
    drop(deliveries);
    close(first).await;
    let second = engine(dir.path()).await;
    let mut deliveries = second.consume(spec()).await.unwrap();
    let mut again = Vec::new();
    for _ in 0..40 {
        let delivery = deliveries.next().await.unwrap();
        again.push(delivery.again);
        delivery.acker.settle(Settle::Ack).await.unwrap();
    }
    assert!(again[..8].iter().all(|again| *again), "{again:?}");
    assert!(!again[39], "{again:?}");
    // One that was given back comes again, and says so.
    second.publish(&event("41")).await.unwrap();
    deliveries.next().await.unwrap().acker.settle(Settle::Return(Duration::ZERO)).await.unwrap();
    assert!(deliveries.next().await.unwrap().again);
}

#[tokio::test]
async fn after_a_restart_what_was_given_back_comes_where_it_stands_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path()).await;
    for id in 1..=20 {
        first.publish(&event(&id.to_string())).await.unwrap();
    }
    let mut deliveries = first.consume(spec()).await.unwrap();
    let held = deliveries.next().await.unwrap();
    deliveries.next().await.unwrap().acker.settle(Settle::Return(Duration::from_hours(1))).await.unwrap();
    deliveries.next().await.unwrap().acker.settle(Settle::Return(Duration::ZERO)).await.unwrap();
    drop((held, deliveries));
    close(first).await;
    let second = engine(dir.path()).await;
    let mut deliveries = second.consume(spec()).await.unwrap();
    for position in 1..=20 {
        let delivery = deliveries.next().await.unwrap();
        assert_eq!(delivery.position, Position(position));
        assert!(delivery.again || position > 3, "{position} was delivered before");
        delivery.acker.settle(Settle::Ack).await.unwrap();
    }
    let prefix = keys::consumer("h", keys::Part::Returned);
    assert!(second.0.state.scan(&prefix, &prefix, usize::MAX).unwrap().is_empty(), "nothing is put off");
}

#[tokio::test]
async fn a_clock_that_is_set_back_holds_up_nothing_that_was_given_back() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = Embedded::open_with(dir.path(), clock.clone(), small()).await.unwrap();
    engine.publish(&event("1")).await.unwrap();
    let mut deliveries = engine.consume(spec()).await.unwrap();
    deliveries.next().await.unwrap().acker.settle(Settle::Return(Duration::ZERO)).await.unwrap();
    clock.set(crate::Clock::now(&*clock) - chrono::Duration::minutes(10));
    let again = tokio::time::timeout(Duration::from_secs(30), deliveries.next()).await;
    assert_eq!(again.expect("it is due").unwrap().position, Position(1));
}

/// Or a restart would not know which deliveries may have ended the process before.
#[tokio::test]
async fn no_more_is_passed_over_without_waiting_for_the_disk_than_may_be_in_flight() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    // Nobody writes what is sent here until we do.
    let (commands, queue) = std::sync::mpsc::channel();
    let (consumer, _) =
        Consumer::open(&engine.0.state, spec(), (1, 0), DateTime::UNIX_EPOCH, commands).unwrap();
    let skip = |position| {
        consumer.take(position);
        consumer.settle(position, Settle::Skip, DateTime::UNIX_EPOCH)
    };
    let waiting: Vec<bool> = (1..=10).map(|position| skip(position).is_some()).collect();
    assert_eq!(waiting, [[false; 8].as_slice(), &[true; 2]].concat());
    let settling = skip(11).unwrap();
    for command in queue.try_iter() {
        if let Command::Raw { reply: Some(reply), .. } = command {
            let _ = reply.send(Ok(()));
        }
    }
    consumer.settled(settling).await.unwrap();
    assert!(skip(12).is_none(), "the earlier ones are on the disk");
}

#[tokio::test]
async fn what_is_settled_behind_one_that_waits_takes_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path()).await;
    for id in 1..=200 {
        first.publish(&event(&id.to_string())).await.unwrap();
    }
    let mut deliveries = first.consume(spec()).await.unwrap();
    let waits = deliveries.next().await.unwrap();
    for _ in 2..=200 {
        deliveries.next().await.unwrap().acker.settle(Settle::Ack).await.unwrap();
    }
    let prefix = keys::consumer("h", keys::Part::Settled);
    let stretches = first.0.state.scan(&prefix, &prefix, usize::MAX).unwrap();
    assert_eq!(stretches.len(), 1, "{stretches:?}");
    drop((waits, deliveries));
    close(first).await;
    let second = engine(dir.path()).await;
    second.publish(&event("201")).await.unwrap();
    let mut deliveries = second.consume(spec()).await.unwrap();
    for position in [1, 201] {
        let delivery = deliveries.next().await.unwrap();
        assert_eq!(delivery.position, Position(position));
        delivery.acker.settle(Settle::Ack).await.unwrap();
    }
    assert!(second.0.state.scan(&prefix, &prefix, usize::MAX).unwrap().is_empty(), "the floor has passed it");
}

#[tokio::test]
async fn a_batch_is_stored_in_its_order_and_answered_in_its_order() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    engine.publish(&event("5")).await.unwrap();
    // More than may wait at once.
    let events: Vec<_> = (1..=3_000).map(|id| event(&id.to_string())).collect();
    let results = engine.publish_all(&events).await;
    let mut expected = 1;
    for (at, result) in results.iter().enumerate() {
        let published = result.as_ref().unwrap();
        if at == 4 {
            assert_eq!((published.position, published.duplicate), (Position(1), true));
        } else {
            expected += 1;
            assert_eq!((published.position, published.duplicate), (Position(expected), false));
        }
    }
    assert_eq!(engine.last().await.unwrap(), Position(3_000));
}
