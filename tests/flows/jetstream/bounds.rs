//! What waits in a process is bounded in bytes.

use std::time::Duration;

use chassis::ConsumerSpec;
use chassis::bus::Settle;
use events::Envelope;

use super::World;
use crate::conformance::{PATIENCE, next, spec};

/// As much as travels inside of an event.
const BODY: usize = 256 * 1024;
const EVENTS: usize = 80;
/// Two pulls of 4 MiB, and one event more that is given out already.
const BOUND: usize = 2 * 4 * 1024 * 1024 / BODY + 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_events_wait_on_the_server_and_not_in_the_client() -> anyhow::Result<()> {
    let world = World::start().await?;
    let process = world.process().await?;
    let event = |id: usize| {
        let event = Envelope::builder(id.to_string(), "/tests", "t.large");
        event.body("application/octet-stream", vec![7; BODY]).build().expect("a valid event")
    };
    for id in 0..EVENTS {
        process.bus.publish(&event(id)).await?;
    }
    let mut deliveries = process
        .bus
        .consume(ConsumerSpec { max_in_flight: 512, ack_wait: Duration::from_secs(30), ..spec("h") })
        .await?;
    let mut most = 0;
    for _ in 0..EVENTS {
        let delivery = next(&mut deliveries).await?;
        // Those that the server has given out are here, or on their way.
        most = most.max(world.consumer("h").await?.num_ack_pending);
        delivery.acker.settle(Settle::Ack).await?;
    }
    assert!(most > 1 && most <= BOUND, "{most} of {BOUND} were given out at once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_larger_than_a_pull_comes_all_the_same() -> anyhow::Result<()> {
    let config = tests::nats::Config::lines("max_payload: 8MB");
    let nats = tests::nats::Nats::with(config).await?;
    let engine = chassis::Engine::open(&nats.url().parse()?).await?;
    super::ready(&engine).await?;
    // One of ours would be put aside; a stranger's is not.
    let stranger = async_nats::connect(nats.url()).await?;
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in
        [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/s"), ("ce-type", "t.huge")]
    {
        headers.insert(name, value);
    }
    let body = vec![7; 7 * 1024 * 1024];
    let sent = async_nats::jetstream::new(stranger);
    sent.publish_with_headers("signalbox.events.t.huge", headers, body.clone().into()).await?.await?;
    let mut deliveries = engine.bus.consume(spec("h")).await?;
    let delivery = tokio::time::timeout(PATIENCE, deliveries.next()).await??;
    assert_eq!(delivery.event.as_ref().map(|event| event.body().len()).ok(), Some(body.len()));
    Ok(())
}
