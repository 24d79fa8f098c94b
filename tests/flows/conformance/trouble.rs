//! Trouble of our own bus and store says nothing about an event, and loses nothing.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::dead::{DeadError, DeadLetter, DeadLetters, Death};
use chassis::lease::Leases;
use chassis::runner::{self, Options, Ports};
use chassis::{
    Bucket, Clock as _, Context, Expect, Failure, Handler, Hears, Outcome, Position, PublishError,
    Reconciled, Shutdown, StoreError, SystemClock,
};
use events::payload::notification;
use events::{Announcement, Envelope};
use tokio::task::JoinHandle;

use super::troubled::{Trouble, troubled};
use super::{ACK_WAIT, Fixture, PATIENCE, event, next, nothing_more, on_both_engines, ports, spec, typed};

on_both_engines!(
    while_the_bus_takes_nothing_no_attempt_is_counted,
    while_the_store_takes_nothing_no_attempt_is_counted,
    what_an_event_fails_of_counts_beside_the_trouble_of_the_bus,
    a_death_that_could_not_be_kept_is_told_as_it_was_after_a_restart,
    a_letter_that_was_driven_again_and_could_not_be_forgotten_is_delivered_once,
    a_letter_that_dies_again_while_it_is_dropped_is_kept,
    an_effect_that_came_too_late_for_its_lease_is_as_if_it_had_never_been_intended,
    a_task_that_breaks_frees_its_key,
);

/// Has an effect and announces something; fails by itself when it is told to.
#[derive(Default)]
struct Acting {
    attempts: Mutex<Vec<(String, u32)>>,
    effects: AtomicU32,
}

impl Handler for Acting {
    const NAME: &'static str = "acting";
    const HEARS: &'static [Hears] = &[Hears::Glob("t.*")];
    const ATTEMPTS: u32 = 2;

    async fn handle(&self, event: &Envelope, cx: &Context) -> Result<Outcome, Failure> {
        let nth = {
            let mut attempts = self.attempts.lock().unwrap();
            attempts.push((event.id().to_owned(), cx.attempt()));
            attempts.iter().filter(|(id, _)| id == event.id()).count()
        };
        let fails = match event.ty() {
            "t.fails" => true,
            "t.fails-but-second" => nth != 2,
            _ => false,
        };
        if fails {
            return Err(Failure::retry_after(anyhow::anyhow!("its own fault"), Duration::ZERO));
        }
        let absent = async || Ok(Reconciled::<u32>::Absent);
        cx.effect("act", absent, async |_| Ok(self.effects.fetch_add(1, Ordering::SeqCst))).await?;
        let (channel, channel_kind) = ("c".to_owned(), "slack".to_owned());
        Ok(Outcome::Done(vec![Announcement::of(&notification::Sent { channel, channel_kind, status: 200 })]))
    }
}

impl Acting {
    fn attempts_at(&self, id: &str) -> Vec<u32> {
        let attempts = self.attempts.lock().unwrap();
        attempts.iter().filter(|(of, _)| of == id).map(|(_, attempt)| *attempt).collect()
    }
}

struct Stage {
    on: Fixture,
    trouble: Arc<Trouble>,
    handler: Arc<Acting>,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), chassis::BusError>>,
}

impl Stage {
    fn new(on: Fixture, trouble: Trouble) -> Self {
        let (handler, shutdown, trouble) = (Arc::default(), Shutdown::new(), Arc::new(trouble));
        let task = start(&handler, troubled(&on, &trouble), &shutdown);
        Self { on, trouble, handler, shutdown, task }
    }

    async fn announced(&self, count: usize) -> anyhow::Result<()> {
        tests::eventually(PATIENCE, "it is announced", async || {
            let log = self.on.engine.bus.read(Position(1), 100).await?;
            let events = log.iter().filter_map(|recorded| recorded.event.as_ref().ok());
            let found = events.filter(|event| event.ty() == "io.signalbox.notification.sent.v1").count();
            anyhow::ensure!(found == count, "{found} of {count}");
            Ok(())
        })
        .await
    }

    fn dead(&self) -> DeadLetters {
        DeadLetters::new(self.on.engine.store.clone())
    }

    async fn letter(&self) -> anyhow::Result<DeadLetter> {
        tests::eventually(PATIENCE, "there is a dead letter", async || {
            self.dead().list().await?.pop().ok_or_else(|| anyhow::anyhow!("there is none"))
        })
        .await
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

fn start(
    handler: &Arc<Acting>,
    ports: Ports,
    shutdown: &Shutdown,
) -> JoinHandle<Result<(), chassis::BusError>> {
    let options = Options { ack_wait: Some(ACK_WAIT), ..Options::default() };
    tokio::spawn(runner::run_with(handler.clone(), ports, options, shutdown.clone()))
}

fn away() -> anyhow::Error {
    anyhow::anyhow!("away for a while")
}

async fn while_the_bus_takes_nothing_no_attempt_is_counted(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&typed("1", "t.acts")).await?;
    let trouble = Trouble::default();
    let errors = [PublishError::Full(away()), PublishError::Unavailable(away()), PublishError::Busy];
    trouble.publishing.lock().unwrap().extend(errors);
    let stage = Stage::new(on, trouble);
    stage.announced(1).await?;
    assert_eq!(stage.handler.attempts_at("1"), [1, 1, 1, 1], "more than the two that it has");
    assert_eq!(stage.handler.effects.load(Ordering::SeqCst), 1);
    assert!(stage.dead().list().await?.is_empty());
    Ok(())
}

async fn while_the_store_takes_nothing_no_attempt_is_counted(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&typed("1", "t.acts")).await?;
    let trouble = Trouble::default();
    // The last one when the effect was had already, and could not be recorded as done.
    let errors = [StoreError::Full(away()), StoreError::Unavailable(away()), StoreError::Full(away())];
    trouble.putting.lock().unwrap().extend(errors.map(|error| (Bucket::Ledger, error)));
    let stage = Stage::new(on, trouble);
    stage.announced(1).await?;
    assert_eq!(stage.handler.attempts_at("1"), [1, 1, 1, 1], "more than the two that it has");
    assert_eq!(stage.handler.effects.load(Ordering::SeqCst), 1);
    assert!(stage.dead().list().await?.is_empty());
    Ok(())
}

async fn what_an_event_fails_of_counts_beside_the_trouble_of_the_bus(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&typed("1", "t.fails-but-second")).await?;
    let trouble = Trouble::default();
    trouble.publishing.lock().unwrap().push_back(PublishError::Full(away()));
    let stage = Stage::new(on, trouble);
    let letter = stage.letter().await?;
    assert_eq!(stage.handler.attempts_at("1"), [1, 2, 2]);
    assert_eq!(letter.reasons, ["given up after 2 attempts", "its own fault"]);
    let failures: Vec<_> = letter.failures.iter().map(|failed| failed.reasons.join(": ")).collect();
    assert_eq!(
        (letter.attempts, failures),
        (2, vec!["its own fault".to_owned(), "its own fault".to_owned()])
    );
    Ok(())
}

async fn a_death_that_could_not_be_kept_is_told_as_it_was_after_a_restart(on: Fixture) -> anyhow::Result<()> {
    on.engine.bus.publish(&typed("1", "t.fails")).await?;
    let trouble = Trouble::default();
    let full = (0..100).map(|_| (Bucket::DeadLetters, StoreError::Full(away())));
    trouble.putting.lock().unwrap().extend(full);
    let mut stage = Stage::new(on, trouble);
    tests::eventually(PATIENCE, "it is given up, and could not be kept", async || {
        let left = stage.trouble.putting.lock().unwrap().len();
        anyhow::ensure!(left < 99, "{left} are left");
        Ok(())
    })
    .await?;
    // As a SIGKILL.
    stage.task.abort();
    let _ = (&mut stage.task).await;
    assert!(stage.dead().list().await?.is_empty());

    let again = start(&stage.handler, ports(&stage.on.engine), &stage.shutdown);
    let letter = stage.letter().await?;
    assert_eq!(letter.reasons, ["given up after 2 attempts", "its own fault"]);
    assert_eq!((letter.attempts, letter.failures.len()), (2, 2));
    assert_eq!(stage.handler.attempts_at("1"), [1, 2], "it is not handled again");
    stage.shutdown.trigger();
    tokio::time::timeout(PATIENCE, again).await???;
    Ok(())
}

fn death(event: &Envelope, position: u64) -> Death<'_> {
    Death {
        handler: "acting",
        event: Ok(event),
        position: Position(position),
        reasons: vec!["no space".to_owned()],
        attempts: 1,
        failures: Vec::new(),
        first_tried: None,
        now: SystemClock.now(),
    }
}

async fn a_letter_that_was_driven_again_and_could_not_be_forgotten_is_delivered_once(
    on: Fixture,
) -> anyhow::Result<()> {
    let trouble = Arc::<Trouble>::default();
    let Ports { bus, store, .. } = troubled(&on, &trouble);
    let mut deliveries = on.engine.bus.consume(spec("acting")).await?;
    let dead = DeadLetters::new(store);
    let letter = dead.bury(death(&event("1"), 1)).await?;
    // Killed between the delivery and the end of the letter.
    *trouble.deleting.lock().unwrap() = Some(StoreError::unavailable(away()));
    let error =
        dead.redrive(&*bus, &letter.id, SystemClock.now()).await.expect_err("it could not be forgotten");
    assert!(matches!(error, DeadError::Store(StoreError::Unavailable(_))), "{error}");
    assert_eq!(dead.get(&letter.id).await?, letter, "it is still there");
    dead.redrive(&*bus, &letter.id, SystemClock.now()).await?;
    let delivery = next(&mut deliveries).await?;
    delivery.acker.settle(chassis::bus::Settle::Ack).await?;
    assert_eq!(delivery.event.map(|event| event.id().to_owned()), Ok("1".to_owned()));
    nothing_more(&mut deliveries).await?;
    assert!(matches!(dead.redrive(&*bus, &letter.id, SystemClock.now()).await, Err(DeadError::Unknown(_))));
    Ok(())
}

async fn a_letter_that_dies_again_while_it_is_dropped_is_kept(on: Fixture) -> anyhow::Result<()> {
    let trouble = Arc::<Trouble>::default();
    let dead = DeadLetters::new(troubled(&on, &trouble).store);
    let letter = dead.bury(death(&event("1"), 1)).await?;
    let seen = on.engine.store.get(Bucket::DeadLetters, &letter.id).await?;
    let later = dead.bury(death(&event("1"), 2)).await?;
    assert_eq!(later.id, letter.id, "it has the place of the first");
    *trouble.stale.lock().unwrap() = seen;
    assert!(matches!(dead.drop(&letter.id).await, Err(DeadError::Changed(_))));
    assert!(matches!(dead.drop_this(&letter).await, Err(DeadError::Changed(_))));
    assert_eq!(dead.get(&letter.id).await?, later);
    dead.drop_this(&later).await?;
    assert!(matches!(dead.drop(&letter.id).await, Err(DeadError::Unknown(_))));
    Ok(())
}

async fn an_effect_that_came_too_late_for_its_lease_is_as_if_it_had_never_been_intended(
    on: Fixture,
) -> anyhow::Result<()> {
    let trouble = Arc::<Trouble>::default();
    let leases = || Leases::new(on.engine.store.clone(), "one");
    let lease = leases().acquire("x").await?.expect("nobody has it");
    let fence = lease.fence();
    let context = |fence| {
        let Ports { bus, store, clock, .. } = troubled(&on, &trouble);
        Context::new("h", Arc::new(event("1")), 1, bus, store, clock).under(fence)
    };
    let lost = async || Err::<Reconciled<u32>, _>(Failure::reject(anyhow::anyhow!("it is not known")));
    *trouble.ends.lock().unwrap() = Some((leases(), lease));
    let acted = AtomicU32::new(0);
    let act = async |_| Ok(acted.fetch_add(1, Ordering::SeqCst));
    let late = context(fence).effect("step", lost, act).await.expect_err("its lease is over");
    assert!(late.to_string().contains("is over"), "{late}");
    assert_eq!(acted.load(Ordering::SeqCst), 0);

    // The next holder need not ask the world, which could not tell.
    let held = leases().acquire("x").await?.expect("it was let go");
    let done = context(held.fence()).effect("step", lost, act).await.map_err(|failure| failure.error)?;
    assert_eq!((done, acted.load(Ordering::SeqCst)), (0, 1));
    let kept = on.engine.store.scan(Bucket::Ledger, "h/").await?;
    assert_eq!(kept.len(), 1);
    on.engine.store.delete(Bucket::Ledger, &kept[0].0, Expect::Any).await?;
    Ok(())
}

async fn a_task_that_breaks_frees_its_key(on: Fixture) -> anyhow::Result<()> {
    for id in ["breaks", "behind"] {
        on.engine.bus.publish(&typed(id, "t.acts")).await?;
    }
    let trouble = Trouble::default();
    *trouble.panics_at.lock().unwrap() = Some("breaks".to_owned());
    let stage = Stage::new(on, trouble);
    stage.announced(2).await?;
    assert_eq!(stage.handler.attempts_at("breaks"), [1], "it was settled before it broke");
    assert_eq!(stage.handler.attempts_at("behind"), [1]);
    Ok(())
}
