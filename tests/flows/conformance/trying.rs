//! Attempts: counted, bounded, remembered; and what is stuck does not hurt the others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::dead::{DeadLetter, DeadLetters};
use chassis::runner::{self, Options};
use chassis::{Clock as _, Context, Failure, Handler, Hears, Outcome, Position, Shutdown, SystemClock};
use chrono::{DateTime, Utc};
use events::payload::dead_letter;
use events::{Envelope, Kind};
use tokio::task::JoinHandle;

use super::{ACK_WAIT, Fixture, PATIENCE, on_both_engines, ports};

on_both_engines!(
    attempts_and_their_wait_survive_a_restart,
    an_event_that_ends_its_process_is_given_up_in_the_end,
    many_failing_keys_do_not_stop_the_others,
    a_long_queue_behind_a_failed_event_keeps_its_order_and_its_place,
    a_death_is_announced_once_and_keeps_its_story,
    a_message_that_is_no_event_is_announced_as_dead_too,
    a_rule_that_fails_at_dead_letters_makes_no_more_of_them,
    a_wait_is_no_longer_than_it_was_meant_whatever_the_clock_of_the_next_process_says,
    a_death_whose_end_was_lost_can_be_driven_again,
);

/// One attempt, as the handler saw it.
#[derive(Debug, Clone)]
struct Seen {
    id: String,
    attempt: u32,
    at: DateTime<Utc>,
}

/// Fails as long as it is told to.
#[derive(Default)]
struct Failing {
    seen: Mutex<Vec<Seen>>,
    mended: AtomicBool,
    fails_at_deaths: AtomicBool,
    wait_ms: AtomicU32,
}

impl Handler for Failing {
    const NAME: &'static str = "failing";
    const HEARS: &'static [Hears] = &[Hears::Glob("t.*"), Hears::Kind(Kind::DeadLetterCreated)];
    const ATTEMPTS: u32 = 3;

    async fn handle(&self, event: &Envelope, cx: &Context) -> Result<Outcome, Failure> {
        let seen = Seen { id: event.id().to_owned(), attempt: cx.attempt(), at: SystemClock.now() };
        self.seen.lock().unwrap().push(seen);
        match event.ty() {
            "t.fails" if !self.mended.load(Ordering::SeqCst) => {
                let wait = Duration::from_millis(u64::from(self.wait_ms.load(Ordering::SeqCst)));
                Err(Failure::retry_after(anyhow::anyhow!("not yet"), wait))
            }
            "t.hangs" => std::future::pending().await,
            "t.rejected" => Err(Failure::reject(anyhow::anyhow!("the cause").context("it is refused"))),
            ty if ty == Kind::DeadLetterCreated.name() && self.fails_at_deaths.load(Ordering::SeqCst) => {
                Err(Failure::reject(anyhow::anyhow!("dead letters are not for me")))
            }
            _ => Ok(Outcome::Done(Vec::new())),
        }
    }
}

impl Failing {
    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    async fn has_seen(&self, id: &str, times: usize) -> anyhow::Result<Vec<Seen>> {
        tests::eventually(PATIENCE, "the handler has seen it", async || {
            let seen: Vec<Seen> = self.seen().into_iter().filter(|seen| seen.id == id).collect();
            anyhow::ensure!(seen.len() >= times, "it has seen {id} {} times", seen.len());
            Ok(seen)
        })
        .await
    }
}

fn failing(wait: Duration) -> Arc<Failing> {
    let wait_ms = AtomicU32::new(u32::try_from(wait.as_millis()).expect("a short wait"));
    Arc::new(Failing { wait_ms, ..Failing::default() })
}

fn start(on: &Fixture, handler: &Arc<Failing>) -> (JoinHandle<Result<(), chassis::BusError>>, Shutdown) {
    let shutdown = Shutdown::new();
    let options = Options { ack_wait: Some(ACK_WAIT), ..Options::default() };
    let running = runner::run_with(handler.clone(), ports(&on.engine), options, shutdown.clone());
    (tokio::spawn(running), shutdown)
}

async fn stop((task, shutdown): (JoinHandle<Result<(), chassis::BusError>>, Shutdown)) -> anyhow::Result<()> {
    shutdown.trigger();
    tokio::time::timeout(PATIENCE, task).await???;
    Ok(())
}

fn keyed(id: &str, ty: &str, key: &str) -> Envelope {
    Envelope::builder(id, "/tests", ty).partition_key(key).build().expect("a valid event")
}

async fn one_letter(on: &Fixture) -> anyhow::Result<DeadLetter> {
    let dead = DeadLetters::new(on.engine.store.clone());
    tests::eventually(PATIENCE * 2, "there is a dead letter", async || {
        dead.list().await?.pop().ok_or_else(|| anyhow::anyhow!("there is none"))
    })
    .await
}

async fn attempts_and_their_wait_survive_a_restart(on: Fixture) -> anyhow::Result<()> {
    let wait = ACK_WAIT * 2;
    on.engine.bus.publish(&keyed("1", "t.fails", "k")).await?;
    let handler = failing(wait);
    let (task, _) = start(&on, &handler);
    handler.has_seen("1", 1).await?;
    tests::eventually(PATIENCE, "the failure is recorded", async || {
        let records = on.engine.store.scan(chassis::Bucket::Attempts, "").await?;
        anyhow::ensure!(records.len() == 1);
        Ok(())
    })
    .await?;
    // As a SIGKILL: nothing is given back.
    task.abort();
    let _ = task.await;

    let running = start(&on, &handler);
    let seen = handler.has_seen("1", 3).await?;
    assert_eq!(seen.iter().map(|seen| seen.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    let waited = (seen[1].at - seen[0].at).to_std()?;
    assert!(waited >= wait, "the second attempt came after {waited:?}");

    let letter = one_letter(&on).await?;
    assert_eq!(letter.attempts, 3);
    assert_eq!(letter.failures.len(), 3, "{:?}", letter.failures);
    assert!(letter.first_tried() <= seen[0].at, "the first attempt began at {}", letter.first_tried());
    assert!(letter.failures.is_sorted_by_key(|failed| failed.at));
    assert_eq!(letter.failures[0].reasons, ["not yet"]);
    tests::eventually(PATIENCE, "its attempts are forgotten", async || {
        let left = on.engine.store.scan(chassis::Bucket::Attempts, "").await?;
        anyhow::ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await?;
    stop(running).await
}

async fn an_event_that_ends_its_process_is_given_up_in_the_end(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&keyed("1", "t.hangs", "k")).await?;
    on.engine.bus.publish(&keyed("2", "t.fine", "k")).await?;
    let handler = failing(Duration::ZERO);
    for life in 1..=4 {
        let (task, _) = start(&on, &handler);
        handler.has_seen("1", life).await?;
        task.abort();
        let _ = task.await;
    }
    let running = start(&on, &handler);
    let letter = one_letter(&on).await?;
    assert_eq!(
        letter.reasons,
        ["given up after 3 attempts", "the process ended before it was recorded what the last one came to"]
    );
    handler.has_seen("2", 1).await?;
    assert_eq!(handler.has_seen("1", 4).await?.len(), 4);
    stop(running).await
}

async fn many_failing_keys_do_not_stop_the_others(on: Fixture) -> anyhow::Result<()> {
    let failing_ones: Vec<Envelope> =
        (0..700).map(|at| keyed(&format!("f{at}"), "t.fails", &format!("k{at}"))).collect();
    for published in on.engine.bus.publish_all(&failing_ones).await {
        published?;
    }
    on.engine.bus.publish(&keyed("fine", "t.fine", "fine")).await?;
    let handler = failing(PATIENCE * 10);
    let running = start(&on, &handler);
    handler.has_seen("fine", 1).await?;
    // And each of the others had its turn.
    tests::eventually(PATIENCE, "all were tried", async || {
        let mut tried: Vec<String> = handler.seen().into_iter().map(|seen| seen.id).collect();
        tried.sort();
        tried.dedup();
        anyhow::ensure!(tried.len() == 701, "{} were tried", tried.len());
        Ok(())
    })
    .await?;
    assert!(handler.seen().iter().all(|seen| seen.attempt == 1), "what was given back is no attempt");
    stop(running).await
}

async fn a_long_queue_behind_a_failed_event_keeps_its_order_and_its_place(on: Fixture) -> anyhow::Result<()> {
    let mut sent = vec![keyed("first", "t.fails", "stuck")];
    sent.extend((0..900).map(|at| keyed(&format!("s{at:03}"), "t.fine", "stuck")));
    sent.push(keyed("other", "t.fine", "other"));
    for published in on.engine.bus.publish_all(&sent).await {
        published?;
    }
    // Long enough that three attempts take longer than giving 900 deliveries back.
    let handler = failing(Duration::from_secs(10));
    let running = start(&on, &handler);
    handler.has_seen("other", 1).await?;
    assert!(!handler.seen().iter().any(|seen| seen.id == "s000"), "it overtook the one that failed");
    handler.mended.store(true, Ordering::SeqCst);
    tests::eventually(PATIENCE * 3, "the key has gone on", async || {
        anyhow::ensure!(handler.seen().iter().any(|seen| seen.id == "s899"), "not yet");
        Ok(())
    })
    .await?;
    let behind: Vec<String> =
        handler.seen().into_iter().map(|seen| seen.id).filter(|id| id.starts_with('s')).collect();
    assert!(behind.is_sorted(), "{behind:?}");
    assert_eq!(behind.len(), 900);
    stop(running).await
}

async fn deaths(on: &Fixture, count: usize) -> anyhow::Result<Vec<Envelope>> {
    tests::eventually(PATIENCE, "the deaths are announced", async || {
        let log = on.engine.bus.read(Position(1), 100).await?;
        let events = log.into_iter().filter_map(|recorded| recorded.event.ok());
        let born: Vec<_> = events.filter(|event| event.ty() == Kind::DeadLetterCreated.name()).collect();
        anyhow::ensure!(born.len() >= count, "{} are announced", born.len());
        Ok(born)
    })
    .await
}

async fn a_death_is_announced_once_and_keeps_its_story(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&keyed("1", "t.rejected", "k")).await?;
    let handler = failing(Duration::ZERO);
    let running = start(&on, &handler);
    let born = deaths(&on, 1).await?.remove(0);
    let letter = one_letter(&on).await?;
    let created: dead_letter::Created = born.payload()?;
    assert_eq!((created.id.as_str(), created.handler.as_str()), (letter.id.as_str(), "failing"));
    assert_eq!(created.reasons, ["it is refused", "the cause"]);
    assert_eq!(created.event_type.as_deref(), Some("t.rejected"));
    assert_eq!((born.causation_id().as_deref(), born.correlation_id().as_ref()), (Some("1"), "1"));

    // Driven again, it dies again: another death, of which people are told again, once.
    let dead = DeadLetters::new(on.engine.store.clone());
    dead.redrive(&*on.engine.bus, &letter.id, SystemClock.now()).await?;
    let born = deaths(&on, 2).await?;
    assert_ne!(born[0].id(), born[1].id());
    stop(running).await?;
    assert_eq!(deaths(&on, 2).await?.len(), 2);
    Ok(())
}

async fn a_message_that_is_no_event_is_announced_as_dead_too(on: Fixture) -> anyhow::Result<()> {
    let name = format!("signalbox-blob:sha256:{}", "0".repeat(64));
    let event = Envelope::builder("1", "/tests", "t.fine").extension("dataref", name).build()?;
    on.engine.bus.publish(&event).await?;
    let handler = failing(Duration::ZERO);
    let running = start(&on, &handler);
    let created: dead_letter::Created = deaths(&on, 1).await?.remove(0).payload()?;
    assert!(created.reasons[0].contains("not in the store"), "{:?}", created.reasons);
    assert_eq!((created.event_id, created.event_type), (None, None));
    stop(running).await
}

async fn a_rule_that_fails_at_dead_letters_makes_no_more_of_them(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&keyed("1", "t.rejected", "k")).await?;
    let handler = failing(Duration::ZERO);
    handler.fails_at_deaths.store(true, Ordering::SeqCst);
    let running = start(&on, &handler);
    let dead = DeadLetters::new(on.engine.store.clone());
    tests::eventually(PATIENCE, "the event and its death both failed", async || {
        let of: HashMap<String, u32> = dead
            .list()
            .await?
            .into_iter()
            .map(|letter| (letter.reasons[0].clone(), letter.attempts))
            .collect();
        anyhow::ensure!(of.len() == 2, "{of:?}");
        Ok(())
    })
    .await?;
    // A fine event after them says that nothing is under way any more.
    on.engine.bus.publish(&keyed("last", "t.fine", "failing")).await?;
    handler.has_seen("last", 1).await?;
    assert_eq!(deaths(&on, 1).await?.len(), 1);
    stop(running).await
}

async fn a_wait_is_no_longer_than_it_was_meant_whatever_the_clock_of_the_next_process_says(
    on: Fixture,
) -> anyhow::Result<()> {
    on.engine.bus.publish(&keyed("1", "t.fails", "k")).await?;
    let handler = failing(Duration::from_secs(1));
    let (task, _) = start(&on, &handler);
    handler.has_seen("1", 1).await?;
    tests::eventually(PATIENCE, "the failure is recorded", async || {
        anyhow::ensure!(on.engine.store.scan(chassis::Bucket::Attempts, "").await?.len() == 1);
        Ok(())
    })
    .await?;
    task.abort();
    let _ = task.await;
    // The other process is a day behind.
    let clock = Arc::new(chassis::ManualClock::at(SystemClock.now() - chrono::Duration::days(1)));
    let (options, shutdown) = (Options { ack_wait: Some(ACK_WAIT), ..Options::default() }, Shutdown::new());
    let ports = runner::Ports { clock, ..ports(&on.engine) };
    let running = tokio::spawn(runner::run_with(handler.clone(), ports, options, shutdown.clone()));
    handler.has_seen("1", 2).await?;
    stop((running, shutdown)).await
}

/// The bus did not hear that a delivery had ended, so it came once more and died once more, after its letter had been
/// driven again.
async fn a_death_whose_end_was_lost_can_be_driven_again(on: Fixture) -> anyhow::Result<()> {
    let event = keyed("1", "t.fails", "k");
    on.engine.bus.publish(&event).await?;
    let dead = DeadLetters::new(on.engine.store.clone());
    let death = |position: u64| chassis::dead::Death {
        handler: "failing",
        event: Ok(&event),
        position: Position(position),
        reasons: vec!["it is refused".to_owned()],
        attempts: 1,
        failures: Vec::new(),
        first_tried: None,
        now: SystemClock.now(),
    };
    let handler = failing(Duration::ZERO);
    handler.mended.store(true, Ordering::SeqCst);
    let running = start(&on, &handler);
    handler.has_seen("1", 1).await?;
    for (position, seen) in [(1, 2), (2, 3), (1, 4)] {
        let letter = dead.bury(death(position)).await?;
        dead.redrive(&*on.engine.bus, &letter.id, SystemClock.now()).await?;
        handler.has_seen("1", seen).await?;
    }
    stop(running).await
}
