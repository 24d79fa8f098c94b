use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{Envelope, extension};

use super::{marked, unmarked};
use crate::attempts::Failed;
use crate::dead::{DeadError, DeadLetter, DeadLetters, Death};
use crate::store::{Bucket, Expect};
use crate::{BusUrl, Clock, ConsumerSpec, Engine, ManualClock, Position, Start, Store};

const DAY: Duration = Duration::from_hours(24);
const HANDLER: &str = "h";

/// When everything begins.
fn began() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn event() -> Envelope {
    Envelope::builder("1", "/tests", "t").extension("other", "x").build().unwrap()
}

struct Stage {
    _folder: tempfile::TempDir,
    engine: Engine,
    clock: ManualClock,
    dead: DeadLetters,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.unwrap();
        let dead = DeadLetters::new(engine.store.clone());
        Self { _folder: folder, engine, clock: ManualClock::at(began()), dead }
    }

    /// The event dies now, for the first time if it has no earlier life.
    async fn dies(&self, position: u64, failures: Vec<Failed>, earlier: Option<DateTime<Utc>>) -> DeadLetter {
        let event = event();
        let death = Death {
            handler: HANDLER,
            event: Ok(&event),
            position: Position(position),
            reasons: vec!["no".to_owned()],
            attempts: 1,
            failures,
            first_tried: earlier,
            now: self.clock.now(),
        };
        self.dead.bury(death).await.unwrap()
    }

    async fn redrive(&self, letter: &DeadLetter) -> Result<DeadLetter, DeadError> {
        self.dead.redrive(&*self.engine.bus, &letter.id, self.clock.now()).await
    }
}

#[tokio::test]
async fn a_letter_is_driven_again_as_long_as_the_ledger_surely_remembers() {
    for (age, taken) in [(DAY * 44, true), (DAY * 44 + Duration::from_secs(1), false), (DAY * 46, false)] {
        let stage = Stage::new().await;
        let letter = stage.dies(1, Vec::new(), None).await;
        stage.clock.advance(age);
        match stage.redrive(&letter).await {
            Ok(_) => assert!(taken, "{age:?}"),
            Err(error) => {
                assert!(!taken, "{age:?}: {error}");
                let said = error.to_string();
                for part in ["was tried first at 2026-01-01", "44 days ago", "could do it twice", "force it"]
                {
                    assert!(said.contains(part), "{said}");
                }
                assert_eq!(stage.engine.bus.last().await.unwrap(), Position(0), "nothing was delivered");
                assert_eq!(stage.dead.get(&letter.id).await.unwrap(), letter, "it is still there");
                stage.dead.redrive_forced(&*stage.engine.bus, &letter.id).await.unwrap();
                assert!(matches!(stage.dead.get(&letter.id).await, Err(DeadError::Unknown(_))));
            }
        }
    }
}

#[tokio::test]
async fn what_counts_is_the_first_attempt_and_not_the_death() {
    let stage = Stage::new().await;
    let failed = Failed { at: stage.clock.now(), reasons: vec!["no".to_owned()] };
    stage.clock.advance(DAY * 5);
    let letter = stage.dies(1, vec![failed], None).await;
    assert_eq!((letter.first_tried(), letter.died_at), (began(), began() + DAY * 5));
    stage.clock.advance(DAY * 40);
    assert!(matches!(stage.redrive(&letter).await, Err(DeadError::Forgotten { .. })));
}

#[tokio::test]
async fn a_second_life_keeps_the_time_of_the_first_attempt() {
    let stage = Stage::new().await;
    let letter = stage.dies(1, Vec::new(), None).await;
    stage.clock.advance(DAY * 40);
    stage.redrive(&letter).await.unwrap();
    let spec = ConsumerSpec {
        name: HANDLER.to_owned(),
        types: vec!["nothing".to_owned()],
        start: Start::Beginning,
        max_in_flight: 1,
        ack_wait: Duration::from_secs(30),
    };
    let delivery = stage.engine.bus.consume(spec).await.unwrap().next().await.unwrap();
    assert_eq!(delivery.first_tried, Some(began()));
    assert_eq!(delivery.event.unwrap(), event(), "the handler sees it as it was");

    let failed = Failed { at: stage.clock.now(), reasons: vec!["no".to_owned()] };
    let letter = stage.dies(2, vec![failed], delivery.first_tried).await;
    stage.clock.advance(DAY * 5);
    assert!(matches!(stage.redrive(&letter).await, Err(DeadError::Forgotten { .. })));
}

#[tokio::test]
async fn a_death_that_takes_the_place_of_one_that_is_still_there_keeps_its_time() {
    let stage = Stage::new().await;
    stage.dies(1, Vec::new(), None).await;
    stage.clock.advance(DAY * 10);
    let letter = stage.dies(2, Vec::new(), None).await;
    assert_eq!((letter.first_tried(), letter.died_at), (began(), began() + DAY * 10));
}

#[tokio::test]
async fn a_letter_of_an_older_version_counts_from_its_first_failure() {
    let stage = Stage::new().await;
    let letter = stage.dies(1, vec![Failed { at: began(), reasons: Vec::new() }], None).await;
    let mut record = serde_json::to_value(&letter).unwrap();
    assert!(record.as_object_mut().unwrap().remove("first_tried").is_some());
    let store: &Arc<dyn Store> = &stage.engine.store;
    let bytes = serde_json::to_vec(&record).unwrap();
    store.put(Bucket::DeadLetters, &letter.id, bytes, Expect::Any, None).await.unwrap();
    let read = stage.dead.get(&letter.id).await.unwrap();
    assert_eq!((read.first_tried, read.first_tried()), (None, began()));
    stage.clock.advance(DAY * 46);
    assert!(matches!(stage.redrive(&letter).await, Err(DeadError::Forgotten { .. })));
}

#[test]
fn a_mark_that_is_no_time_is_somebody_elses() {
    let theirs = event().to_builder().extension(extension::FIRST_TRIED, "long ago").build().unwrap();
    assert_eq!(unmarked(Ok(theirs.clone())), (Ok(theirs), None));
    let at = began() + Duration::from_micros(7);
    assert_eq!(unmarked(Ok(marked(&event(), at))), (Ok(event()), Some(at)));
}
