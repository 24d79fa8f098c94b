//! The server drops events before their handler saw them: that is told and counted.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream;
use chassis::{ConsumerSpec, Deliveries, Delivery, Engine, Metrics};
use serde_json::json;

use super::{World, keyed};
use crate::conformance::{PATIENCE, next, spec};

/// As many as a handler does not keep up with.
const EVENTS: u64 = 10;

fn slow(name: &str, glob: &str) -> ConsumerSpec {
    ConsumerSpec {
        types: vec![glob.to_owned()],
        max_in_flight: 1,
        ack_wait: Duration::from_mins(1),
        ..spec(name)
    }
}

/// A process with a handler that has the first event in hand while the others wait.
struct Behind {
    process: Engine,
    metrics: Arc<Metrics>,
    _deliveries: [Box<dyn Deliveries>; 2],
    _first: Delivery,
}

impl Behind {
    async fn of(world: &World) -> anyhow::Result<Self> {
        let process = world.process().await?;
        let metrics = Metrics::new();
        process.register(metrics.registry())?;
        let mut behind = process.bus.consume(slow("behind", "t.*")).await?;
        let idle = process.bus.consume(slow("idle", "nothing.of.this")).await?;
        for id in 1..=EVENTS {
            process.bus.publish(&keyed(&id.to_string(), "k")).await?;
        }
        let first = next(&mut behind).await?;
        let places = world.raw.get_key_value("SIGNALBOX_places").await?;
        for (name, passed, unsettled) in [("behind", 1, json!([1])), ("idle", EVENTS, json!(null))] {
            tests::eventually(PATIENCE, "its place is written down", async || {
                let place: serde_json::Value =
                    serde_json::from_slice(&places.get(format!("c.{name}")).await?.unwrap_or_default())?;
                let written = place["passed"] == passed && place["unsettled"] == unsettled;
                anyhow::ensure!(written, "{name}: it is {place}");
                Ok(())
            })
            .await?;
        }
        anyhow::ensure!(lost(&metrics)? == 0, "{}", metrics.render());
        Ok(Self { process, metrics, _deliveries: [behind, idle], _first: first })
    }
}

fn lost(metrics: &Metrics) -> anyhow::Result<u64> {
    let text = metrics.render();
    let line = text.lines().find_map(|line| line.strip_prefix("signalbox_bus_lost_events_total "));
    Ok(line.ok_or_else(|| anyhow::anyhow!("{text}"))?.parse()?)
}

async fn counted(metrics: &Metrics, events: u64) -> anyhow::Result<()> {
    tests::eventually(PATIENCE, "it is counted", async || {
        let lost = lost(metrics)?;
        anyhow::ensure!(lost == events, "{lost} of {events} are counted");
        Ok(())
    })
    .await
}

/// The server keeps less from now on.
async fn keeps(world: &World, change: impl FnOnce(&mut stream::Config)) -> anyhow::Result<()> {
    let mut config = world.log().await?.cached_info().config.clone();
    change(&mut config);
    world.raw.update_stream(config).await?;
    Ok(())
}

fn a_second(config: &mut stream::Config) {
    (config.max_age, config.duplicate_window) = (Duration::from_secs(1), Duration::from_secs(1));
}

async fn first_kept(world: &World) -> anyhow::Result<u64> {
    Ok(world.log().await?.cached_info().state.first_sequence)
}

async fn all_are_gone(world: &World) -> anyhow::Result<()> {
    tests::eventually(PATIENCE, "they are too old", async || {
        let first = first_kept(world).await?;
        anyhow::ensure!(first == EVENTS + 1, "the first is {first}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_purged_before_their_handler_saw_them_are_counted() -> anyhow::Result<()> {
    let world = World::start().await?;
    let behind = Behind::of(&world).await?;
    world.log().await?.purge().sequence(6).await?;
    counted(&behind.metrics, 4).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_dropped_by_age_before_their_handler_saw_them_are_counted() -> anyhow::Result<()> {
    let world = World::start().await?;
    let behind = Behind::of(&world).await?;
    keeps(&world, a_second).await?;
    all_are_gone(&world).await?;
    // The one in hand was seen.
    counted(&behind.metrics, EVENTS - 1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_dropped_for_want_of_room_before_their_handler_saw_them_are_counted()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let behind = Behind::of(&world).await?;
    let bytes = world.log().await?.cached_info().state.bytes;
    keeps(&world, |config| config.max_bytes = i64::try_from(bytes / 2).unwrap_or(i64::MAX)).await?;
    let first = first_kept(&world).await?;
    assert!((3..=EVENTS).contains(&first), "some are gone: {first}");
    counted(&behind.metrics, first - 2).await?;
    // The room is taken by what comes, one after the other.
    behind.process.bus.publish(&keyed("another", "k")).await?;
    let later = first_kept(&world).await?;
    assert!(later > first, "{later}");
    counted(&behind.metrics, later - 2).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_are_dropped_while_no_process_runs_are_counted_after_the_next_start() -> anyhow::Result<()>
{
    let mut world = World::start().await?;
    drop(Behind::of(&world).await?);
    keeps(&world, a_second).await?;
    world.nats.kill9()?;
    world.nats.resume().await?;
    world.raw = async_nats::jetstream::new(async_nats::connect(world.nats.url()).await?);
    all_are_gone(&world).await?;
    let process = world.process().await?;
    let metrics = Metrics::new();
    process.register(metrics.registry())?;
    let _deliveries = process.bus.consume(slow("behind", "t.*")).await?;
    // Also the one that the former process had in hand, and did not settle.
    counted(&metrics, EVENTS).await?;
    let age = world.log().await?.cached_info().config.max_age;
    assert_eq!(age, Duration::from_hours(24 * 30), "and the log keeps enough again");
    Ok(())
}
