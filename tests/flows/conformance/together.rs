//! Leases, and several processes that run one handler: one is active, another takes over, and order is kept.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::lease::{Fence, Leases};
use chassis::runner::{self, Options, Ports};
use chassis::{
    Bucket, Clock as _, Context, Expect, Failure, Handler, Hears, ManualClock, Outcome, Reconciled, Shutdown,
    SystemClock,
};
use events::Envelope;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Fixture, PATIENCE, event, on_both_engines, ports};

on_both_engines!(
    a_lease_has_one_holder_and_its_token_grows,
    a_token_is_larger_than_the_one_before_whatever_the_revision,
    a_lease_that_is_not_renewed_ends_for_its_holder_before_another_can_have_it,
    an_effect_of_an_earlier_holder_is_refused,
    one_of_two_processes_is_active_and_hands_over_when_it_ends,
    another_process_takes_over_from_one_that_died_and_keeps_the_order,
);

/// What one process did, in the order of all.
type Log = Arc<Mutex<Vec<(&'static str, String)>>>;

/// Writes down who handled what; hangs at `hangs`, but only in the process that is to die.
struct Witness {
    name: &'static str,
    log: Log,
}

impl Handler for Witness {
    const NAME: &'static str = "witness";
    const HEARS: &'static [Hears] = &[Hears::Glob("t.*")];

    async fn handle(&self, event: &Envelope, _cx: &Context) -> Result<Outcome, Failure> {
        if event.id() == "hangs" && self.name == "one" {
            self.log.lock().unwrap().push((self.name, "begun".to_owned()));
            std::future::pending::<()>().await;
        }
        self.log.lock().unwrap().push((self.name, event.id().to_owned()));
        Ok(Outcome::Done(Vec::new()))
    }
}

struct Process {
    task: JoinHandle<Result<(), chassis::BusError>>,
    shutdown: Shutdown,
}

fn process(on: &Fixture, name: &'static str, log: &Log, ports: Ports) -> Process {
    let shutdown = Shutdown::new();
    let leases = Arc::new(Leases::new(on.engine.store.clone(), name));
    let options = Options { leases: Some(leases), ..Options::default() };
    let handler = Arc::new(Witness { name, log: log.clone() });
    let task = tokio::spawn(runner::run_with(handler, ports, options, shutdown.clone()));
    Process { task, shutdown }
}

async fn has(log: &Log, id: &str) -> anyhow::Result<()> {
    tests::eventually(PATIENCE, "it is handled", async || {
        let log = log.lock().unwrap().clone();
        anyhow::ensure!(log.iter().any(|(_, seen)| seen == id), "{log:?}");
        Ok(())
    })
    .await
}

async fn a_lease_has_one_holder_and_its_token_grows(on: Fixture) -> anyhow::Result<()> {
    let one = Leases::new(on.engine.store.clone(), "one");
    let two = Leases::new(on.engine.store.clone(), "two");
    let mut held = one.acquire("x").await?.expect("nobody has it");
    assert!(two.acquire("x").await?.is_none());
    assert!(two.acquire("y").await?.is_some(), "another lease is another matter");
    assert_eq!(two.holder("x").await?.as_deref(), Some("one"));
    let first = held.fence().token();
    one.renew(&mut held).await?;
    assert_eq!(held.fence().token(), first, "it is still the same holding");
    one.release(held).await;
    let held = two.acquire("x").await?.expect("it was let go");
    assert!(held.fence().token() > first);
    Ok(())
}

async fn a_token_is_larger_than_the_one_before_whatever_the_revision(on: Fixture) -> anyhow::Result<()> {
    let leases = Leases::new(on.engine.store.clone(), "one");
    let held = leases.acquire("x").await?.expect("nobody has it");
    let first = held.fence().token();
    leases.release(held).await;
    // As if a thousand had been given by a bucket that is gone.
    let key = "lease/x";
    let entry = on.engine.store.get(Bucket::Ledger, key).await?.expect("it is counted in the ledger");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&entry.value)?["fence"], first);
    let last = serde_json::to_vec(&serde_json::json!({"v": 1, "fence": first + 1000}))?;
    on.engine.store.put(Bucket::Ledger, key, last, Expect::Any, None).await?;
    let held = leases.acquire("x").await?.expect("it was let go");
    assert_eq!(held.fence().token(), first + 1001);
    // One that cannot be counted is not had, and not kept from others.
    leases.release(held).await;
    on.engine.store.put(Bucket::Ledger, key, b"noise".to_vec(), Expect::Any, None).await?;
    assert!(leases.acquire("x").await.is_err());
    on.engine.store.delete(Bucket::Ledger, key, Expect::Any).await?;
    assert!(leases.acquire("x").await?.is_some());
    Ok(())
}

async fn a_lease_that_is_not_renewed_ends_for_its_holder_before_another_can_have_it(
    on: Fixture,
) -> anyhow::Result<()> {
    let one = Leases::new(on.engine.store.clone(), "one");
    let two = Leases::new(on.engine.store.clone(), "two");
    let mut held = one.acquire("x").await?.expect("nobody has it");
    let fence = held.fence();
    let begun = Instant::now();
    let other = tests::eventually(PATIENCE, "the lease has ended", async || {
        let other = two.acquire("x").await?.ok_or_else(|| anyhow::anyhow!("not yet"))?;
        anyhow::ensure!(!fence.holds(), "two hold it at once");
        Ok(other)
    })
    .await?;
    assert!(begun.elapsed() < chassis::lease::TTL * 2, "it took {:?}", begun.elapsed());
    assert!(other.fence().holds() && other.fence().token() > fence.token());
    assert!(one.renew(&mut held).await.is_err(), "what is over cannot be renewed");
    Ok(())
}

async fn an_effect_of_an_earlier_holder_is_refused(on: Fixture) -> anyhow::Result<()> {
    let leases = Leases::new(on.engine.store.clone(), "one");
    let earlier = leases.acquire("x").await?.expect("nobody has it");
    let stale = earlier.fence();
    leases.release(earlier).await;
    let later = leases.acquire("x").await?.expect("it was let go");
    let context = |fence: Fence| {
        let Ports { bus, store, clock, .. } = ports(&on.engine);
        Context::new("h", Arc::new(event("1")), 1, bus, store, clock).under(fence)
    };
    let act = async |cx: &Context, fails: bool| {
        let absent = async || Ok(Reconciled::<u32>::Absent);
        let act = async |_| if fails { Err(Failure::retry(anyhow::anyhow!("no answer"))) } else { Ok(1) };
        cx.effect("step", absent, act).await
    };
    // The later one has begun it, and does not know whether it happened.
    assert!(act(&context(later.fence()), true).await.is_err());
    let refused = act(&context(stale), false).await.expect_err("its lease is over");
    assert!(refused.to_string().contains("later lease"), "{refused}");
    assert!(act(&context(Fence::none()), false).await.is_err(), "no lease is an earlier lease");
    assert_eq!(act(&context(later.fence()), false).await.map_err(|failure| failure.error)?, 1);
    Ok(())
}

async fn one_of_two_processes_is_active_and_hands_over_when_it_ends(on: Fixture) -> anyhow::Result<()> {
    let log = Log::default();
    on.engine.bus.publish(&event("1")).await?;
    let one = process(&on, "one", &log, ports(&on.engine));
    has(&log, "1").await?;
    let two = process(&on, "two", &log, ports(&on.engine));
    for id in ["2", "3"] {
        on.engine.bus.publish(&event(id)).await?;
        has(&log, id).await?;
    }
    assert!(log.lock().unwrap().iter().all(|(name, _)| *name == "one"), "{log:?}");
    one.shutdown.trigger();
    one.task.await??;
    on.engine.bus.publish(&event("4")).await?;
    has(&log, "4").await?;
    assert_eq!(log.lock().unwrap().last(), Some(&("two", "4".to_owned())));
    two.shutdown.trigger();
    two.task.await??;
    Ok(())
}

async fn another_process_takes_over_from_one_that_died_and_keeps_the_order(
    on: Fixture,
) -> anyhow::Result<()> {
    let log = Log::default();
    on.engine.bus.publish(&event("hangs")).await?;
    on.engine.bus.publish(&event("behind")).await?;
    let one = process(&on, "one", &log, ports(&on.engine));
    has(&log, "begun").await?;
    // The other's clock is a day behind: nothing may depend on it.
    let clock = ManualClock::at(SystemClock.now() - chrono::Duration::days(1));
    let two = process(&on, "two", &log, Ports { clock: Arc::new(clock), ..ports(&on.engine) });
    // As a SIGKILL, its lease included. (A task that is dropped ends its keeper with it.)
    let died = Instant::now();
    one.task.abort();
    let _ = one.task.await;
    on.engine.bus.publish(&event("new")).await?;
    has(&log, "new").await?;
    let took = died.elapsed();
    println!("another process took over after {took:?}");
    assert!(took < Duration::from_secs(15), "{took:?}");
    let seen: Vec<_> = log.lock().unwrap().iter().map(|(_, id)| id.clone()).collect();
    assert_eq!(seen, ["begun", "hangs", "behind", "new"]);
    two.shutdown.trigger();
    two.task.await??;
    Ok(())
}
