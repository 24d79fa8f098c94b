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

use super::{Budget, Filter, Found, Order, PAGE_TIME, QueryError, Range, find, list, story, tail};
use crate::api::Entry;

/// All of the log, oldest first.
async fn oldest(bus: &dyn Bus, filter: &Filter, after: Position, limit: usize) -> Found {
    let range = Range { after: Some(after), before: None };
    list(bus, filter, range, Order::Oldest, limit, Budget::of(PAGE_TIME)).await.expect("the log can be read")
}

async fn newest(bus: &dyn Bus, filter: &Filter, before: Option<Position>, limit: usize) -> Found {
    let range = Range { after: None, before };
    list(bus, filter, range, Order::Newest, limit, Budget::of(PAGE_TIME)).await.expect("the log can be read")
}

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
    /// How long it takes to be read once.
    slow: Duration,
}

impl Log {
    fn of(events: impl IntoIterator<Item = (u64, i64, Envelope)>) -> Self {
        let recorded = |(position, seconds, event)| Recorded {
            position: Position(position),
            recorded: began() + TimeDelta::seconds(seconds),
            event: Ok(event),
        };
        Self { events: events.into_iter().map(recorded).collect(), ..Self::default() }
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
        if self.slow > Duration::ZERO {
            tokio::time::sleep(self.slow).await;
        }
        let page: Vec<_> =
            self.events.iter().filter(|event| event.position >= from).take(limit).cloned().collect();
        self.read.fetch_add(page.len(), Ordering::Relaxed);
        Ok(page)
    }
    async fn seek(&self, time: DateTime<Utc>) -> Result<Position, BusError> {
        let found = self.events.iter().find(|event| event.recorded >= time);
        Ok(found.map_or(Position(self.last().await?.0 + 1), |event| event.position))
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
async fn a_time_is_looked_up_and_not_scanned_for() {
    // One event a minute, with gaps between the positions.
    let log = Log::of((1..=5_000_u64).map(|n| (n * 3, 60 * n.cast_signed(), event(&n.to_string(), 0))));
    let at = |minute| Some(began() + TimeDelta::minutes(minute));
    let filter = Filter { since: at(2_500), until: at(2_503), ..Filter::default() };
    assert_eq!(ids(&oldest(&log, &filter, Position(0), 10).await.events), ["2500", "2501", "2502"]);
    assert_eq!(ids(&newest(&log, &filter, None, 10).await.events), ["2502", "2501", "2500"]);
    // What is read: five minutes on each side, for a clock that is set back, and the first of the log.
    let read = log.read.load(Ordering::Relaxed);
    assert!(read < 100, "{read} events were read");
    let filter = Filter { since: at(4_999), ..Filter::default() };
    assert_eq!(ids(&oldest(&log, &filter, Position(0), 10).await.events), ["4999", "5000"]);
    let filter = Filter { until: at(2), ..Filter::default() };
    assert_eq!(ids(&newest(&log, &filter, None, 10).await.events), ["1"]);
}

#[tokio::test]
async fn an_empty_log_has_no_beginning_and_no_end() {
    let log = Log::default();
    assert!(oldest(&log, &Filter::default(), Position(0), 10).await.events.is_empty());
    let newest = newest(&log, &Filter::default(), None, 10).await;
    assert!(newest.events.is_empty() && newest.cursor.is_none());
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
    let at = |seconds| Some(began() + TimeDelta::seconds(seconds));
    let filter = Filter { since: at(595), ..Filter::default() };
    assert_eq!(ids(&oldest(&log, &filter, Position(0), 10).await.events), ["b", "d"]);
    let filter = Filter { until: at(595), ..Filter::default() };
    assert_eq!(ids(&newest(&log, &filter, None, 10).await.events), ["c", "a"]);
}

#[tokio::test]
async fn pages_meet_where_they_should_in_both_directions() {
    // Gaps of all sizes, also larger than a page.
    let positions: Vec<u64> = (1..60).map(|n: u64| n * n * n).collect();
    let log = Log::of(positions.iter().map(|n| (*n, 0, event(&n.to_string(), 0))));
    let filter = Filter::default();
    let mut seen = Vec::new();
    let mut after = Position(0);
    loop {
        let found = oldest(&log, &filter, after, 7).await;
        seen.extend(found.events.iter().map(|entry| entry.position.0));
        let Some(cursor) = found.cursor else { break };
        after = cursor;
    }
    assert_eq!(seen, positions);
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let found = newest(&log, &filter, before, 7).await;
        seen.extend(found.events.iter().map(|entry| entry.position.0));
        let Some(cursor) = found.cursor else { break };
        before = Some(cursor);
    }
    seen.reverse();
    assert_eq!(seen, positions);
    let range = Range { after: Some(Position(8)), before: Some(Position(125)) };
    let between = list(&log, &filter, range, Order::Newest, 10, Budget::of(PAGE_TIME)).await.expect("a page");
    assert_eq!(ids(&between.events), ["64", "27"], "both ends are left out");
}

#[tokio::test]
async fn a_page_of_large_bodies_is_short_and_leads_on() {
    let log = Log::of((1..=20).map(|n| (n, 0, event(&n.to_string(), 1_000_000))));
    let (mut after, mut pages) = (Position(0), Vec::new());
    while pages.len() < 10 {
        let page = oldest(&log, &Filter::default(), after, 100).await;
        pages.push(page.events.len());
        match page.cursor {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(pages, [9, 9, 2]);
    let newest = newest(&log, &Filter::default(), None, 100).await;
    assert_eq!(ids(&newest.events).first().map(String::as_str), Some("20"));
    assert_eq!((newest.events.len(), newest.cursor), (9, Some(Position(12))));
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_fits_nothing_answers_in_time_and_leads_on() {
    let mut log = Log::of((1..=5_000).map(|n| (n, 0, event("x", 0))));
    log.slow = Duration::from_millis(300);
    let filter = Filter { ty: Some("nothing".to_owned()), ..Filter::default() };
    let began = tokio::time::Instant::now();
    // One read for the first position, then pages of 128, 256 and 512 until two seconds are over.
    let looked_at = 128 + 256 + 4 * 512;
    let page = oldest(&log, &filter, Position(0), 10).await;
    assert_eq!((page.events.len(), page.cursor), (0, Some(Position(looked_at))));
    let page = newest(&log, &filter, None, 10).await;
    assert_eq!((page.events.len(), page.cursor), (0, Some(Position(5_001 - looked_at))));
    assert!(began.elapsed() < 2 * (PAGE_TIME + Duration::from_millis(300)), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_not_found_in_time_is_told_apart_from_one_that_is_not_there() {
    let mut log = Log::of((1..=5_000_u64).map(|n| (n, n.cast_signed(), event(&format!("e{n}."), 0))));
    log.slow = Duration::from_secs(2);
    assert!(find(&log, "e4999.").await.is_ok());
    let Err(QueryError::NotFoundSince { looked_to, .. }) = find(&log, "e1.").await else {
        panic!("ten seconds are not enough")
    };
    assert!(looked_to > began() + TimeDelta::seconds(500), "{looked_to}");
    log.slow = Duration::ZERO;
    assert!(find(&log, "e1.").await.is_ok());
    assert!(matches!(find(&log, "f").await, Err(QueryError::NotFound(_))));
}

fn of_story(id: &str, root: &str) -> Envelope {
    let event = event(id, 0).to_builder().extension("correlationid", root);
    event.extension("causationid", root).build().expect("the event is valid")
}

#[tokio::test(start_paused = true)]
async fn a_story_is_read_from_its_root_on_and_says_what_it_did_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.expect("the bus opens");
    let dead = DeadLetters::new(engine.store.clone());
    let stories = |n: u64| match n {
        4_000 => event("root", 0),
        4_001 | 4_998 => of_story(&format!("effect{n}"), "root"),
        n => event(&format!("e{n}"), 0),
    };
    let mut log = Log::of((1..=5_000).map(|n| (n, 0, stories(n))));
    let told = story(&log, &dead, "effect4001").await.expect("there is a story");
    assert_eq!((told.events, told.notes.as_slice()), (3, &[][..]));
    // Backwards to the focus and on for a twin, back to the root, and forwards to the end: the first 4 000 once at most.
    let read = log.read.load(Ordering::Relaxed);
    assert!(read < 5_000 + 300 + 1_200, "{read} events were read");
    log.slow = Duration::from_secs(6);
    let told = story(&log, &dead, "effect4998").await.expect("there is a story");
    assert_eq!(told.events, 1, "{told:?}");
    assert!(told.notes[0].starts_with("the log was not looked at before position 4"), "{:?}", told.notes);
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
    assert!(story.notes[0].starts_with("the dead letter damaged is damaged"), "{:?}", story.notes);
}
