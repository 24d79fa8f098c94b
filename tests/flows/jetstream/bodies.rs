//! How long large bodies last.

use std::time::Duration;

use async_nats::jetstream::stream;
use chassis::bus::{Bus as _, ConsumerSpec, Settle};
use chassis::dead::{DeadLetters, Death};
use chassis::{Clock as _, Position, Store as _, SystemClock};
use chrono::TimeDelta;
use events::{Envelope, extension};

use super::World;
use crate::conformance::{next, spec};

/// What is older than the log by nothing is swept: no publisher is on its way.
const NO_MARGIN: TimeDelta = TimeDelta::zero();
/// Longer than a test.
const MARGIN: TimeDelta = TimeDelta::hours(1);

fn large(id: &str, byte: u8) -> Envelope {
    let body = vec![byte; 300 * 1024];
    let event = Envelope::builder(id, "/tests", "t.large").body("application/octet-stream", body);
    event.build().expect("a valid event")
}

/// An event without a large body.
fn small(id: &str) -> Envelope {
    Envelope::builder(id, "/tests", "t.small").build().expect("a valid event")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_outlives_the_log_for_its_dead_letter_alone() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (process, bus) = (world.process().await?, world.jetstream().await?);
    process.bus.publish(&small("before")).await?;
    for (id, byte) in [("buried", 1), ("done", 2)] {
        process.bus.publish(&large(id, byte)).await?;
    }
    let types = vec!["t.large".to_owned()];
    let mut deliveries = process.bus.consume(ConsumerSpec { types, ..spec("h") }).await?;
    let (buried, done) = (next(&mut deliveries).await?, next(&mut deliveries).await?);
    let light = buried.event.as_ref().expect("it can be decoded").clone();
    let letters = DeadLetters::new(process.store.clone());
    let death = Death {
        handler: "h",
        event: Ok(&light),
        position: buried.position,
        reasons: vec!["why".to_owned()],
        attempts: 1,
        failures: Vec::new(),
        first_tried: None,
        now: SystemClock.now(),
    };
    let letter = letters.bury(death).await?;
    for delivery in [buried, done] {
        delivery.acker.settle(Settle::Term).await?;
    }
    // While the log has what was published before them, both are kept.
    assert_eq!(bus.sweep_blobs(NO_MARGIN).await?, 0);
    world.log().await?.purge().await?;
    assert_eq!(bus.sweep_blobs(MARGIN).await?, 0, "they may be on their way into the log");
    assert_eq!(bus.sweep_blobs(NO_MARGIN).await?, 1);
    let body = chassis::claim::check_out(&bus, light.clone()).await?;
    assert_eq!(body.body(), large("buried", 1).body());
    // Driven again, it lasts as long as the redelivery, although the letter is gone.
    letters.redrive(&*process.bus, &letter.id, SystemClock.now()).await?;
    assert_eq!(bus.sweep_blobs(MARGIN).await?, 0);
    // A body that was swept is put again.
    let published = process.bus.publish(&large("done again", 2)).await?;
    let read = process.bus.read(published.position, 10).await?;
    let last = read.last().expect("it is in the log").event.clone().expect("it can be decoded");
    assert_eq!(chassis::claim::check_out(&bus, last).await?.body(), large("done again", 2).body());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_swept_is_told_by_the_oldest_message_of_the_log_however_long_that_is_kept()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let bus = world.jetstream().await?;
    let log = world.log().await?;
    // No age says when a message is gone.
    let config = log.get_info().await?.config;
    world.raw.update_stream(stream::Config { max_age: Duration::ZERO, ..config }).await?;
    bus.publish(&small("1")).await?;
    let old = bus.put_blob(b"old").await?;
    let second = bus.publish(&small("2")).await?;
    let later = bus.put_blob(b"later").await?;
    assert_eq!(bus.sweep_blobs(NO_MARGIN).await?, 0, "the log still has what is older than both");
    log.purge().sequence(second.position.0).await?;
    assert_eq!(bus.sweep_blobs(MARGIN).await?, 0);
    assert_eq!(bus.sweep_blobs(NO_MARGIN).await?, 1);
    assert_eq!(bus.get_blob(&old).await?, None);
    assert_eq!(bus.get_blob(&later).await?.as_deref(), Some(&b"later"[..]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_body_counts_from_its_renewal() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bus = world.jetstream().await?;
    let (old, renewed) = (bus.put_blob(b"old").await?, bus.put_blob(b"renewed").await?);
    bus.publish(&small("between")).await?;
    // One that is as good as new is not written again.
    bus.renew_blob(&old, TimeDelta::days(1)).await?;
    bus.renew_blob(&renewed, TimeDelta::zero()).await?;
    assert_eq!(bus.sweep_blobs(NO_MARGIN).await?, 1);
    assert_eq!(bus.get_blob(&old).await?, None);
    assert_eq!(bus.get_blob(&renewed).await?.as_deref(), Some(&b"renewed"[..]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_refers_to_its_body_by_name() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bus = world.jetstream().await?;
    bus.publish(&large("1", 7)).await?;
    let read = bus.read(Position(1), 1).await?;
    let light = read[0].event.as_ref().expect("it can be decoded");
    assert!(light.body().is_empty());
    let named = light.extension(extension::DATAREF).expect("it has a reference");
    assert!(named.starts_with("signalbox-blob:sha256:"), "{named}");
    Ok(())
}
