use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chassis::dead::DeadLetters;
use chassis::{
    Bus, BusError, BusUrl, ConsumerSpec, Deliveries, Engine, Position, PublishError, Published, Recorded,
};
use chrono::{DateTime, TimeDelta, Utc};
use events::Envelope;
use futures::StreamExt as _;

use super::{Filter, QueryError, find, first_since, latest, list, story, tail};
use crate::api::Entry;

fn began() -> DateTime<Utc> {
    "2026-09-01T10:00:00Z".parse().expect("a time")
}

fn event(id: &str, bytes: usize) -> Envelope {
    Envelope::builder(id, "/test", "com.example.a")
        .body("text/plain", "x".repeat(bytes))
        .build()
        .expect("the event is valid")
}

/// A log that is only read, with times and gaps as a test wants them; counts the events that are read.
#[derive(Default)]
struct Log {
    events: Vec<Recorded>,
    read: AtomicUsize,
}

impl Log {
    fn of(events: impl IntoIterator<Item = (u64, i64, Envelope)>) -> Self {
        let recorded = |(position, seconds, event)| Recorded {
            position: Position(position),
            recorded: began() + TimeDelta::seconds(seconds),
            event: Ok(event),
        };
        Self { events: events.into_iter().map(recorded).collect(), read: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Bus for Log {
    async fn publish(&self, _: &Envelope) -> Result<Published, PublishError> {
        Err(PublishError::Busy)
    }
    async fn redeliver(&self, _: &str, _: &Envelope, _: &str) -> Result<Published, PublishError> {
        Err(PublishError::Busy)
    }
    async fn consume(&self, _: ConsumerSpec) -> Result<Box<dyn Deliveries>, BusError> {
        Err(BusError::new("consume", anyhow::anyhow!("this log is only read")))
    }
    async fn read(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, BusError> {
        let page: Vec<_> =
            self.events.iter().filter(|event| event.position >= from).take(limit).cloned().collect();
        self.read.fetch_add(page.len(), Ordering::Relaxed);
        Ok(page)
    }
    async fn last(&self) -> Result<Position, BusError> {
        Ok(self.events.last().map_or(Position(0), |event| event.position))
    }
    async fn changed(&self, _: Position) -> Result<(), BusError> {
        std::future::pending().await
    }
    async fn check(&self) -> Result<(), BusError> {
        Ok(())
    }
}

fn ids(entries: &[Entry]) -> Vec<String> {
    let id = |entry: &Entry| entry.envelope().expect("an event").expect("it can be read").id().to_owned();
    entries.iter().map(id).collect()
}

#[tokio::test]
async fn the_beginning_of_a_time_is_found_by_halving() {
    // One event a minute, with gaps between the positions.
    let log = Log::of((1..=5_000_u64).map(|n| (n * 3, 60 * n.cast_signed(), event(&n.to_string(), 0))));
    for minute in [1, 2, 77, 2_500, 4_999, 5_000, 5_001] {
        let since = began() + TimeDelta::minutes(minute);
        let from = first_since(&log, since).await.expect("the log can be read");
        // Five minutes are allowed for a clock that is set back.
        let oldest = u64::try_from((minute - 5).max(1)).expect("positive");
        assert!(from <= Position(oldest * 3), "{minute}: {from} is too late");
        assert!(from > Position((oldest - 1) * 3), "{minute}: {from} is too early");
    }
    assert!(log.read.load(Ordering::Relaxed) < 7 * 20, "{:?} events were read", log.read);
    let filter = Filter { since: Some(began() + TimeDelta::minutes(4_999)), ..Filter::default() };
    let page = list(&log, &filter, Position(0), 10).await.expect("the log can be read");
    assert_eq!(ids(&page.events), ["4999", "5000"]);
}

#[tokio::test]
async fn an_empty_log_has_no_beginning_and_no_end() {
    let log = Log::default();
    assert_eq!(first_since(&log, began()).await.expect("it can be read"), Position(1));
    assert!(list(&log, &Filter::default(), Position(0), 10).await.expect("it can be read").events.is_empty());
    assert!(latest(&log, &Filter::default(), 10).await.expect("it can be read").is_empty());
    assert!(matches!(find(&log, "x").await, Err(QueryError::NotFound(_))));
}

#[tokio::test]
async fn an_event_whose_clock_was_set_back_is_not_missed() {
    let log = Log::of([
        (1, 0, event("a", 0)),
        (2, 600, event("b", 0)),
        (3, 590, event("c", 0)),
        (4, 610, event("d", 0)),
    ]);
    let filter = Filter { since: Some(began() + TimeDelta::seconds(595)), ..Filter::default() };
    let page = list(&log, &filter, Position(0), 10).await.expect("the log can be read");
    assert_eq!(ids(&page.events), ["b", "d"]);
}

#[tokio::test]
async fn a_page_of_large_bodies_is_short_and_leads_on() {
    let log = Log::of((1..=20).map(|n| (n, 0, event(&n.to_string(), 1_000_000))));
    let (mut after, mut pages) = (Position(0), Vec::new());
    while pages.len() < 10 {
        let page = list(&log, &Filter::default(), after, 100).await.expect("the log can be read");
        pages.push(page.events.len());
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(pages, [9, 9, 2]);
    let newest = latest(&log, &Filter::default(), 100).await.expect("the log can be read");
    assert_eq!(ids(&newest).last().map(String::as_str), Some("20"));
    assert_eq!(newest.len(), 8);
}

#[tokio::test]
async fn a_filter_that_fits_nothing_answers_and_leads_on() {
    let log = Log::of((1..=50_000).map(|n| (n, 0, event("x", 0))));
    let filter = Filter { ty: Some("nothing".to_owned()), ..Filter::default() };
    let page = list(&log, &filter, Position(0), 10).await.expect("the log can be read");
    assert_eq!((page.events.len(), page.next), (0, Some(Position(20_000))));
}

#[tokio::test]
async fn an_ambiguous_id_names_ten_and_counts_the_others() {
    let log = Log::of((1..=15).map(|n| (n, 0, event(&format!("e{n}"), 0))));
    let Err(QueryError::Ambiguous { candidates, more, .. }) = find(&log, "e").await else {
        panic!("it is ambiguous")
    };
    assert_eq!((candidates.len(), more), (10, 5));
    let error = find(&log, "e").await.expect_err("it is ambiguous");
    assert_eq!(error.to_string(), "`e` may mean 15 events");
    assert!(matches!(find(&log, "").await, Err(QueryError::NotFound(_))));
    assert!(matches!(find(&log, "@x").await, Err(QueryError::NotFound(_))));
}

#[tokio::test]
async fn a_tail_ends_with_what_is_too_late() {
    let log = Arc::new(Log::of((1..=600_u64).map(|n| (n, n.cast_signed(), event(&n.to_string(), 0)))));
    let filter = Filter { until: Some(began() + TimeDelta::seconds(500)), ..Filter::default() };
    let events: Vec<_> = tail(log, filter, Some(Position(297))).collect().await;
    let positions: Vec<_> =
        events.into_iter().map(|recorded| recorded.expect("an event").position.0).collect();
    assert_eq!(positions, (298..500).collect::<Vec<_>>());
}

/// A log that counts how often it is asked.
struct Counted(Arc<dyn Bus>, AtomicUsize);

#[async_trait]
impl Bus for Counted {
    async fn publish(&self, event: &Envelope) -> Result<Published, PublishError> {
        self.0.publish(event).await
    }
    async fn redeliver(
        &self,
        handler: &str,
        event: &Envelope,
        token: &str,
    ) -> Result<Published, PublishError> {
        self.0.redeliver(handler, event, token).await
    }
    async fn consume(&self, spec: ConsumerSpec) -> Result<Box<dyn Deliveries>, BusError> {
        self.0.consume(spec).await
    }
    async fn read(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, BusError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read(from, limit).await
    }
    async fn last(&self) -> Result<Position, BusError> {
        self.0.last().await
    }
    async fn changed(&self, position: Position) -> Result<(), BusError> {
        self.0.changed(position).await
    }
    async fn check(&self) -> Result<(), BusError> {
        self.0.check().await
    }
}

/// A redelivery stands in the log, and is no event of it.
#[tokio::test]
async fn a_tail_rests_at_the_end_of_the_log_also_behind_a_redelivery() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.expect("the bus opens");
    let bus = Arc::new(Counted(engine.bus.clone(), AtomicUsize::new(0)));
    let mut events = tail(bus.clone(), Filter::default(), Some(Position(0))).boxed();
    bus.publish(&event("a", 0)).await.expect("published");
    bus.redeliver("deployer", &event("a", 0), "token").await.expect("published");
    let first = events.next().await.expect("an item").expect("an event");
    assert_eq!(first.event.expect("an event").id(), "a");
    // Nothing more comes: time enough to ask a million times.
    assert!(tokio::time::timeout(Duration::from_millis(300), events.next()).await.is_err());
    assert!(bus.1.load(Ordering::Relaxed) < 10, "the log was read {:?} times", bus.1);
    bus.publish(&event("b", 0)).await.expect("published");
    let second = events.next().await.expect("an item").expect("an event");
    assert_eq!(second.event.expect("an event").id(), "b");
}

#[tokio::test]
async fn a_story_is_told_although_a_dead_letter_is_damaged_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.expect("the bus opens");
    engine.bus.publish(&event("a", 0)).await.expect("published");
    let (bucket, any) = (chassis::Bucket::DeadLetters, chassis::Expect::Any);
    engine.store.put(bucket, "damaged", b"{".to_vec(), any, None).await.expect("it is stored");
    let dead = DeadLetters::new(engine.store.clone());
    let story = story(&*engine.bus, &dead, "a").await.expect("there is a story");
    assert_eq!(story.events, 1);
    assert!(
        story.notes[0].starts_with("dead letters are not shown: dead letter damaged cannot be read"),
        "{:?}",
        story.notes
    );
}
