//! The service: who is active, new resources, and a bus that is away.

use std::sync::Arc;
use std::time::Duration;

use chassis::failpoint::memory::{Fault, Memory};
use chassis::lease::Leases;
use chassis::{Clock as _, Health, ManualClock, Metrics, Shutdown};
use resources::Current;

use super::{at, catalog};
use crate::Scheduler;

struct Process {
    metrics: Arc<Metrics>,
    health: Health,
    shutdown: Shutdown,
    running: tokio::task::JoinHandle<anyhow::Result<()>>,
}

fn start(memory: &Arc<Memory>, clock: &Arc<ManualClock>, current: Current, holder: Option<&str>) -> Process {
    let (metrics, health, shutdown) = (Metrics::new(), Health::default(), Shutdown::new());
    let leases = holder.map(|holder| Arc::new(Leases::new(memory.clone(), holder)));
    let scheduler =
        Scheduler::new(current, memory.clone(), memory.clone(), clock.clone(), metrics.clone(), &health);
    let running = scheduler.expect("a new registry").with_leases(leases).run(shutdown.clone());
    Process { metrics, health, shutdown, running: tokio::spawn(running) }
}

fn active(process: &Process) -> bool {
    process.metrics.render().contains("signalbox_active{handler=\"scheduler\"} 1\n")
}

/// Time goes on, by both clocks.
async fn pass(clock: &ManualClock, seconds: u64) {
    for _ in 0..seconds {
        clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_two_processes_is_active_and_the_other_takes_over_without_a_gap_or_a_repetition() {
    let (memory, clock) =
        (Arc::new(Memory::default()), Arc::new(ManualClock::at(at("2026-11-24T10:30:30Z"))));
    let seconds = || Current::fixed(catalog(&[("clock", "cron: '*/5 * * * * *'")]));
    let one = start(&memory, &clock, seconds(), Some("one"));
    pass(&clock, 2).await;
    let two = start(&memory, &clock, seconds(), Some("two"));
    pass(&clock, 20).await;
    assert!(active(&one) && !active(&two));
    let before = memory.log().len();
    assert!(before >= 3, "{before}");
    // Killed: it does not let the lease go.
    one.running.abort();
    pass(&clock, 40).await;
    assert!(active(&two));
    two.shutdown.trigger();
    two.running.await.expect("no panic").expect("it ends well");
    let nominal: Vec<_> = memory
        .log()
        .iter()
        .map(|event| event.payload::<events::payload::schedule::Ticked>().expect("it is a tick").nominal)
        .collect();
    let first = nominal[0];
    let wanted: Vec<_> = (0..nominal.len()).map(|n| first + Duration::from_secs(5 * n as u64)).collect();
    assert_eq!(nominal, wanted, "each, in order");
    assert!(clock.now() - nominal[nominal.len() - 1] <= chrono::TimeDelta::seconds(6));
}

#[tokio::test(start_paused = true)]
async fn new_resources_count_at_once_and_readiness_says_what_is_waited_for() {
    let (memory, clock) =
        (Arc::new(Memory::default()), Arc::new(ManualClock::at(at("2026-11-24T10:30:30Z"))));
    let (sender, current) = Current::channel(catalog(&[]));
    let process = start(&memory, &clock, current, None);
    pass(&clock, 5).await;
    assert!(memory.log().is_empty());
    sender.send(Arc::new(catalog(&[("clock", "cron: '* * * * * *'")]))).expect("it runs");
    pass(&clock, 5).await;
    assert!(!memory.log().is_empty());
    assert!(process.health.ready().await.ok);
    // The lost answer of a write is a conflict for the next one; nothing is said twice.
    memory.fail(0, Fault::ErrorAfter);
    pass(&clock, 10).await;
    let mut ids: Vec<_> = memory.log().iter().map(|event| event.id().to_owned()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(count > 10, "{count}");
    process.shutdown.trigger();
    process.running.await.expect("no panic").expect("it ends well");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_asked_for_makes_it_unready_until_it_can() {
    let (memory, clock) =
        (Arc::new(Memory::default()), Arc::new(ManualClock::at(at("2026-11-24T10:30:30Z"))));
    memory.fail(0, Fault::ErrorBefore);
    let process = start(&memory, &clock, Current::fixed(catalog(&[])), Some("one"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let report = process.health.ready().await;
    let unwell: Vec<_> = report.checks.iter().filter(|check| !check.ok).map(|check| check.name).collect();
    assert_eq!(unwell, ["scheduler"]);
    pass(&clock, 5).await;
    assert!(active(&process) && process.health.ready().await.ok);
    process.shutdown.trigger();
    process.running.await.expect("no panic").expect("it ends well");
}
