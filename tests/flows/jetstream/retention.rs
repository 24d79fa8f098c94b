//! Settings say how much of the log the server keeps.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::stream::{self, DiscardPolicy};
use chassis::bus::Settle;
use chassis::jetstream::JetStream;
use chassis::jetstream::access::Access;
use chassis::jetstream::retention::{Held, Retention};
use chassis::{Bus as _, Clock as _, ConsumerSpec, Deliveries, Metrics, SystemClock};
use events::Envelope;

use super::{World, keyed};
use crate::conformance::{PATIENCE, next, spec};

const WEEK: Duration = Duration::from_hours(24 * 7);
const MIB: u64 = 1024 * 1024;

fn limits(age: Option<Duration>, bytes: Option<u64>) -> Retention {
    Retention::new(age, bytes).expect("they can be kept")
}

async fn process(world: &World, retention: Retention) -> anyhow::Result<JetStream> {
    let url = world.nats.url();
    let bus = JetStream::open_with(&url, url.clone(), Access::default(), retention).await?;
    tests::eventually(PATIENCE, "it can be used", async || Ok(bus.check().await?)).await?;
    Ok(bus)
}

async fn config(world: &World) -> anyhow::Result<stream::Config> {
    Ok(world.log().await?.cached_info().config.clone())
}

async fn has(world: &World, age: Duration, bytes: i64) -> anyhow::Result<()> {
    tests::eventually(PATIENCE, "the log has its limits", async || {
        let config = config(world).await?;
        anyhow::ensure!((config.max_age, config.max_bytes) == (age, bytes), "{config:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_made_with_the_limits_of_the_settings_and_who_says_none_takes_them_for_meant()
-> anyhow::Result<()> {
    let world = World::start().await?;
    drop(process(&world, limits(Some(WEEK), Some(64 * MIB))).await?);
    has(&world, WEEK, 64 << 20).await?;
    let before = config(&world).await?;
    assert_eq!(before.discard, DiscardPolicy::Old);
    drop(world.process().await?);
    assert_eq!(config(&world).await?, before);
    // What somebody makes narrower by hand than it was said is widened, to what was said.
    let narrow = stream::Config { max_age: WEEK / 7, max_bytes: 1 << 20, ..before.clone() };
    world.raw.update_stream(narrow).await?;
    drop(world.process().await?);
    assert_eq!(config(&world).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_there_gets_the_limits_without_being_asked_and_wider_ones_later() -> anyhow::Result<()>
{
    let world = World::start().await?;
    drop(world.process().await?);
    let narrow = process(&world, limits(Some(WEEK), Some(64 * MIB))).await?;
    has(&world, WEEK, 64 << 20).await?;
    drop(narrow);
    let wide = process(&world, limits(Some(WEEK * 2), Some(128 * MIB))).await?;
    has(&world, WEEK * 2, 128 << 20).await?;
    drop(wide);
    Ok(())
}

/// Takes and settles all that a consumer is given.
async fn settle(deliveries: &mut Box<dyn Deliveries>, events: usize) -> anyhow::Result<()> {
    for _ in 0..events {
        next(deliveries).await?.acker.settle(Settle::Ack).await?;
    }
    Ok(())
}

async fn is_held_by(bus: &JetStream, name: &str) -> anyhow::Result<()> {
    let Err(error) = bus.retain().await else { anyhow::bail!("the limits are set") };
    let held = error.downcast_ref::<Held>().map(ToString::to_string);
    let expected = format!("events would be dropped that {name} has not seen");
    anyhow::ensure!(held.is_some_and(|held| held.starts_with(&expected)), "{error:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_not_made_smaller_while_a_handler_would_lose_by_it() -> anyhow::Result<()> {
    const EVENTS: usize = 80;
    let world = World::start().await?;
    let before = world.jetstream().await?;
    let of = |name: &str, glob: &str| ConsumerSpec { types: vec![glob.to_owned()], ..spec(name) };
    let mut behind = before.consume(of("behind", "t.*")).await?;
    let mut done = before.consume(of("done", "t.*")).await?;
    let _idle = before.consume(of("idle", "nothing.of.this")).await?;
    for number in 0..EVENTS {
        let event = Envelope::builder(number.to_string(), "/tests", "t.large");
        let event = event.body("application/octet-stream", vec![7; 250 * 1024]).build()?;
        before.publish(&event).await?;
    }
    settle(&mut done, EVENTS).await?;
    let after = process(&world, limits(None, Some(16 * MIB))).await?;
    let metrics = Metrics::new();
    after.register(metrics.registry())?;
    let held = |metrics: &Metrics| !metrics.render().contains("signalbox_bus_held_events 0\n");
    is_held_by(&after, "behind").await?;
    let there = world.log().await?.cached_info().clone();
    assert_eq!((there.state.messages, there.config.max_bytes), (EVENTS as u64, -1));
    assert!(held(&metrics), "{}", metrics.render());

    settle(&mut behind, EVENTS).await?;
    after.retain().await?;
    let there = world.log().await?.cached_info().clone();
    assert!(there.state.bytes <= 16 * MIB && there.state.messages < EVENTS as u64, "{:?}", there.state);
    assert_eq!((there.config.max_bytes, there.config.discard), (16 << 20, DiscardPolicy::Old));
    assert!(!held(&metrics), "{}", metrics.render());
    // What fills it from now on takes the place of the oldest.
    after.publish(&keyed("new", "k")).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_not_made_shorter_while_a_handler_would_lose_by_it() -> anyhow::Result<()> {
    let world = World::start().await?;
    let before = world.jetstream().await?;
    let mut behind = before.consume(spec("behind")).await?;
    // As an archive restores it: recorded long ago.
    let mut old = HeaderMap::new();
    let recorded = SystemClock.now() - chrono::TimeDelta::days(10);
    old.insert("Signalbox-Recorded", recorded.to_rfc3339());
    for (name, value) in
        [("ce-specversion", "1.0"), ("ce-id", "old"), ("ce-source", "/tests"), ("ce-type", "t.a")]
    {
        old.insert(name, value);
    }
    world.raw.publish_with_headers("signalbox.events.t.a", old, "".into()).await?.await?;
    before.publish(&keyed("young", "k")).await?;
    let after = process(&world, limits(Some(WEEK), None)).await?;
    is_held_by(&after, "behind").await?;
    assert_eq!(config(&world).await?.max_age, Duration::from_hours(24 * 30));
    // The young one may wait.
    settle(&mut behind, 1).await?;
    after.retain().await?;
    assert_eq!(config(&world).await?.max_age, WEEK);
    Ok(())
}
