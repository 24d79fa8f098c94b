//! Bounded space: what is dropped, and what is not.

use super::damage::files;
use super::*;
use crate::embedded::{Held, Options};

const DAY: Duration = Duration::from_hours(24);

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(DateTime::from_timestamp(1_767_323_045, 0).unwrap()))
}

fn options() -> Options {
    Options { generation_bytes: 2_000, ..Options::default() }
}

async fn opened(dir: &Path, clock: &Arc<ManualClock>, options: Options) -> Embedded {
    Embedded::open_with(dir, clock.clone(), options).await.unwrap()
}

async fn publish(engine: &Embedded, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        engine.publish(&event(&id.to_string())).await.unwrap();
    }
}

#[tokio::test]
async fn old_events_go_a_file_at_a_time_and_new_ones_stay() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = opened(dir.path(), &clock, options()).await;
    publish(&engine, 1..=50).await;
    clock.advance(DAY * 20);
    publish(&engine, 51..=60).await;
    clock.advance(DAY * 15);
    engine.tidy().await;
    let first = engine.first().await.unwrap();
    assert!((30..=51).contains(&first.0), "{first}");
    let read = engine.read(Position(1), 100).await.unwrap();
    assert_eq!(read.iter().map(|of| of.position.0).collect::<Vec<_>>(), (first.0..=60).collect::<Vec<_>>());
    // The rest by their own time, also when nothing comes any more.
    clock.advance(DAY * 20);
    engine.tidy().await;
    engine.tidy().await;
    assert_eq!(engine.first().await.unwrap(), Position(61));
    assert_eq!(engine.publish(&event("61")).await.unwrap().position, Position(61));
    drop(engine);
    let engine = opened(dir.path(), &clock, options()).await;
    assert_eq!(engine.first().await.unwrap(), Position(61));
    assert_eq!(
        files(dir.path(), "index").len() + 1,
        files(dir.path(), "log").len(),
        "no index is left behind"
    );
}

#[tokio::test]
async fn a_log_that_is_too_large_loses_its_oldest_but_not_their_ids() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let most = Options { retention_bytes: 6_000, ..options() };
    let engine = opened(dir.path(), &clock, most.clone()).await;
    publish(&engine, 1..=100).await;
    engine.tidy().await;
    assert!(engine.usage().bytes <= 6_000, "{:?}", engine.usage());
    let first = engine.first().await.unwrap().0;
    assert!(first > 50, "{first}");
    // Dropped within the time in which an event may be sent again: it is still known, here and after a start.
    assert!(engine.publish(&event("1")).await.unwrap().duplicate);
    close(engine).await;
    let engine = opened(dir.path(), &clock, most.clone()).await;
    let again = engine.publish(&event("2")).await.unwrap();
    assert_eq!((again.position, again.duplicate), (Position(2), true));
    // For eight days.
    clock.advance(DAY * 8 + Duration::from_secs(1));
    assert!(!engine.publish(&event("3")).await.unwrap().duplicate);
    assert!(
        engine.publish(&event("100")).await.unwrap().duplicate,
        "as long as its event is here, it is known"
    );
}

#[tokio::test]
async fn what_a_living_consumer_has_not_seen_stays_with_an_alarm() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = opened(dir.path(), &clock, options()).await;
    publish(&engine, 1..=40).await;
    let mut deliveries = engine.consume(spec()).await.unwrap();
    let first = deliveries.next().await.unwrap();
    clock.advance(DAY * 40);
    publish(&engine, 41..=50).await;
    engine.tidy().await;
    assert_eq!(engine.first().await.unwrap(), Position(1), "nothing is dropped");
    let Some(Held { consumers, from, to }) = engine.usage().held else { panic!("no alarm") };
    assert_eq!((consumers, from), (vec!["h".to_owned()], 1));
    assert!((30..=41).contains(&to), "{to}");
    // It goes on: then they go, and the alarm with them.
    first.acker.settle(Settle::Ack).await.unwrap();
    for _ in 2..=45 {
        deliveries.next().await.unwrap().acker.settle(Settle::Ack).await.unwrap();
    }
    engine.tidy().await;
    assert!(engine.first().await.unwrap() > Position(30));
    assert_eq!(engine.usage().held, None);
}

#[tokio::test]
async fn a_consumer_that_is_away_holds_its_events_for_a_month_and_no_longer() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let options = Options { retention_age: DAY, ..options() };
    let engine = opened(dir.path(), &clock, options.clone()).await;
    drop(engine.consume(spec()).await.unwrap());
    publish(&engine, 1..=40).await;
    close(engine).await;
    clock.advance(DAY * 29);
    let engine = opened(dir.path(), &clock, options.clone()).await;
    engine.tidy().await;
    assert_eq!(engine.first().await.unwrap(), Position(1));
    assert!(engine.usage().held.is_some());
    clock.advance(DAY * 2);
    engine.tidy().await;
    engine.tidy().await;
    assert_eq!(engine.first().await.unwrap(), Position(41), "nobody had it open for 30 days");
    // Back again, it goes on with what is there.
    publish(&engine, 41..=41).await;
    let mut deliveries = engine.consume(spec()).await.unwrap();
    assert_eq!(deliveries.next().await.unwrap().position, Position(41));
}

#[tokio::test]
async fn a_large_body_goes_with_the_last_that_refers_to_it() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = opened(dir.path(), &clock, options()).await;
    let large = |id: &str, byte| {
        let body = vec![byte; crate::claim::EMBEDDED_INLINE_BYTES + 1];
        Envelope::builder(id, "/tests", "t").body("application/octet-stream", body).build().unwrap()
    };
    let light = |engine: &Embedded, at| {
        let engine = engine.clone();
        async move { engine.read(Position(at), 1).await.unwrap().remove(0).event.unwrap() }
    };
    for (id, byte) in [("gone", b'g'), ("used again", b'u'), ("dead", b'd')] {
        engine.publish(&large(id, byte)).await.unwrap();
    }
    let (gone, dead) = (light(&engine, 1).await, light(&engine, 3).await);
    let store: Arc<dyn crate::Store> = Arc::new(engine.clone());
    let letters = crate::dead::DeadLetters::new(store);
    let death = crate::dead::Death {
        handler: "h",
        event: Ok(&dead),
        position: Position(3),
        reasons: vec!["no".to_owned()],
        attempts: 1,
        failures: Vec::new(),
        first_tried: None,
        now: crate::Clock::now(&*clock),
    };
    letters.bury(death).await.unwrap();
    drop(letters);
    publish(&engine, 1..=40).await;
    clock.advance(DAY * 29);
    // Begins a new file: the old one is older than a day.
    engine.tidy().await;
    // The same bytes once more, in another event.
    engine.publish(&large("another", b'u')).await.unwrap();
    clock.advance(DAY * 2);
    close(engine).await;
    // A start looks at once; later it is once in an hour.
    let engine = opened(dir.path(), &clock, options()).await;
    engine.tidy().await;
    assert!(engine.first().await.unwrap() > Position(3));
    let there = |event: Envelope| {
        let engine = engine.clone();
        async move { crate::claim::check_out(&engine, event).await.is_ok() }
    };
    assert!(!there(gone).await, "nothing refers to it");
    assert!(there(dead).await, "a dead letter refers to it");
    let last = engine.last().await.unwrap();
    assert!(there(light(&engine, last.0).await).await, "another event refers to it");
}

#[tokio::test]
async fn what_was_put_aside_goes_after_a_month() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let aside = dir.path().join("events").join("damaged-1-2");
    close(opened(dir.path(), &clock, options()).await).await;
    std::fs::write(&aside, b"x").unwrap();
    let time = crate::Clock::now(&*clock);
    std::fs::File::options().write(true).open(&aside).unwrap().set_modified(time.into()).unwrap();
    for (days, there) in [(29, true), (2, false)] {
        clock.advance(DAY * days);
        let engine = opened(dir.path(), &clock, options()).await;
        engine.tidy().await;
        close(engine).await;
        assert_eq!(aside.exists(), there);
    }
}
