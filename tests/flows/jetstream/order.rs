//! The order of the events of a key, when the process that handled them is gone.

use std::time::Duration;

use chassis::bus::Settle;
use tokio::time::Instant;

use super::{World, keyed, next_in_spite_of_errors};
use crate::conformance::{ACK_WAIT, id_of, next, spec};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_process_had_under_way_comes_before_newer_events() -> anyhow::Result<()> {
    let world = World::start().await?;
    let dead = world.process().await?;
    for id in ["1", "2"] {
        dead.bus.publish(&keyed(id, "k")).await?;
    }
    let mut deliveries = dead.bus.consume(spec("h")).await?;
    let under_way = [next(&mut deliveries).await?, next(&mut deliveries).await?];
    drop((deliveries, dead));
    let heir = world.process().await?;
    for id in ["3", "4"] {
        heir.bus.publish(&keyed(id, "k")).await?;
    }
    let mut deliveries = heir.bus.consume(spec("h")).await?;
    for (id, again) in [("1", true), ("2", true), ("3", false), ("4", false)] {
        let delivery = next(&mut deliveries).await?;
        assert_eq!((id_of(&delivery).as_str(), delivery.again), (id, again));
        delivery.acker.settle(Settle::Ack).await?;
    }
    drop(under_way);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_given_back_is_not_waited_for() -> anyhow::Result<()> {
    let world = World::start().await?;
    let before = world.process().await?;
    before.bus.publish(&keyed("1", "k")).await?;
    let mut deliveries = before.bus.consume(spec("h")).await?;
    next(&mut deliveries).await?.acker.settle(Settle::Return(Duration::ZERO)).await?;
    drop(deliveries);
    let began = Instant::now();
    let mut deliveries = world.process().await?.bus.consume(spec("h")).await?;
    assert_eq!(id_of(&next(&mut deliveries).await?), "1");
    assert!(began.elapsed() < ACK_WAIT, "{:?}", began.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_off_event_holds_up_its_own_key_alone_after_a_restart() -> anyhow::Result<()> {
    const DELAY: Duration = Duration::from_secs(6);
    let world = World::start().await?;
    let before = world.process().await?;
    before.bus.publish(&keyed("1", "stuck")).await?;
    let mut deliveries = before.bus.consume(spec("h")).await?;
    let put_off = Instant::now();
    next(&mut deliveries).await?.acker.settle(Settle::Return(DELAY)).await?;
    drop((deliveries, before));
    let after = world.process().await?;
    for (id, key) in [("2", "stuck"), ("3", "free")] {
        after.bus.publish(&keyed(id, key)).await?;
    }
    let began = Instant::now();
    let mut deliveries = after.bus.consume(spec("h")).await?;
    let free = next(&mut deliveries).await?;
    assert_eq!(id_of(&free), "3");
    assert!(began.elapsed() < ACK_WAIT, "it waited for {:?}", began.elapsed());
    free.acker.settle(Settle::Ack).await?;
    for id in ["1", "2"] {
        let delivery = next(&mut deliveries).await?;
        assert_eq!(id_of(&delivery), id);
        assert!(put_off.elapsed() >= DELAY, "{id} came after {:?}", put_off.elapsed());
        delivery.acker.settle(Settle::Ack).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_put_off_stays_put_off_when_the_server_is_killed() -> anyhow::Result<()> {
    const DELAY: Duration = Duration::from_secs(8);
    let mut world = World::start().await?;
    let process = world.process().await?;
    process.bus.publish(&keyed("1", "k")).await?;
    let mut deliveries = process.bus.consume(spec("h")).await?;
    let put_off = Instant::now();
    next(&mut deliveries).await?.acker.settle(Settle::Return(DELAY)).await?;
    drop((deliveries, process));
    world.nats.kill9()?;
    world.nats.resume().await?;
    let process = world.process().await?;
    let mut deliveries = process.bus.consume(spec("h")).await?;
    let delivery = next_in_spite_of_errors(&mut deliveries).await?;
    // The server keeps whole seconds.
    let came = put_off.elapsed();
    assert!(came + Duration::from_secs(2) > DELAY, "it came after {came:?}");
    assert!(came < DELAY + ACK_WAIT, "it came after {came:?}");
    assert!(delivery.again);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_keeps_the_order_of_a_running_process() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let process = world.process().await?;
    let mut deliveries = process.bus.consume(spec("h")).await?;
    let ids = |from: usize, to: usize| (from..to).map(|id| id.to_string()).collect::<Vec<_>>();
    for id in ids(0, 40) {
        process.bus.publish(&keyed(&id, "k")).await?;
    }
    let mut seen = Vec::new();
    for _ in 0..5 {
        let delivery = next(&mut deliveries).await?;
        seen.push(id_of(&delivery));
        delivery.acker.settle(Settle::Ack).await?;
    }
    world.nats.kill9()?;
    world.nats.resume().await?;
    super::ready(&process).await?;
    for id in ids(40, 60) {
        process.bus.publish(&keyed(&id, "k")).await?;
    }
    while seen.iter().collect::<std::collections::BTreeSet<_>>().len() < 60 {
        let delivery = next_in_spite_of_errors(&mut deliveries).await?;
        seen.push(id_of(&delivery));
        delivery.acker.settle(Settle::Ack).await?;
    }
    // What was acknowledged in the last moment may come once more; nothing overtakes.
    let mut first = Vec::new();
    for id in seen {
        if !first.contains(&id) {
            first.push(id);
        }
    }
    assert_eq!(first, ids(0, 60));
    Ok(())
}
