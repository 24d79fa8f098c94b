//! How long large bodies last.

use std::time::Duration;

use chassis::bus::{Bus as _, Settle};
use chassis::dead::{DeadLetters, Death};
use chassis::{Clock as _, Position, Store as _, SystemClock};
use chrono::TimeDelta;
use events::{Envelope, extension};

use super::World;
use crate::conformance::{next, spec};

/// Longer than the log keeps an event (30 days) and the margin.
const LATER: TimeDelta = TimeDelta::days(33);

fn large(id: &str, byte: u8) -> Envelope {
    let body = vec![byte; 300 * 1024];
    let event = Envelope::builder(id, "/tests", "t.large").body("application/octet-stream", body);
    event.build().expect("a valid event")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_outlives_the_log_for_its_dead_letter_alone() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (process, bus) = (world.process().await?, world.jetstream().await?);
    for (id, byte) in [("buried", 1), ("done", 2)] {
        process.bus.publish(&large(id, byte)).await?;
    }
    let mut deliveries = process.bus.consume(spec("h")).await?;
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
        now: SystemClock.now(),
    };
    let letter = letters.bury(death).await?;
    for delivery in [buried, done] {
        delivery.acker.settle(Settle::Term).await?;
    }
    // While the log has them, both are kept.
    assert_eq!(bus.sweep_blobs(SystemClock.now() + TimeDelta::days(29)).await?, 0);
    assert_eq!(bus.sweep_blobs(SystemClock.now() + LATER).await?, 1);
    let body = chassis::claim::check_out(&bus, light.clone()).await?;
    assert_eq!(body.body(), large("buried", 1).body());
    // Driven again, it lasts as long as the redelivery, although the letter is gone.
    letters.redrive(&*process.bus, &letter.id).await?;
    assert_eq!(bus.sweep_blobs(SystemClock.now() + TimeDelta::days(29)).await?, 0);
    // A body that was swept is put again.
    process.bus.publish(&large("done again", 2)).await?;
    let read = process.bus.read(Position(1), 10).await?;
    let last = read.last().expect("it is in the log").event.clone().expect("it can be decoded");
    assert_eq!(chassis::claim::check_out(&bus, last).await?.body(), large("done again", 2).body());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_body_counts_from_its_renewal() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bus = world.jetstream().await?;
    let (old, renewed) = (bus.put_blob(b"old").await?, bus.put_blob(b"renewed").await?);
    // The server keeps its time, so there must be some between the two.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let between = SystemClock.now();
    // A day later, renewing it is worth a write.
    bus.renew_blob(&renewed, between + TimeDelta::days(2)).await?;
    assert_eq!(bus.sweep_blobs(between + TimeDelta::days(32)).await?, 1);
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
