//! An event once, for days, whoever publishes it.

use std::time::Duration;

use async_nats::HeaderMap;
use chassis::Bus as _;
use chassis::PublishError;
use chassis::archive::Archive as _;
use events::Envelope;

use super::{World, ids};
use crate::conformance::{PATIENCE, event};

/// Short enough to be waited for, long enough for an index that is kept 60 times in it.
const WINDOW: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_is_known_beyond_the_servers_window_to_every_process() -> anyhow::Result<()> {
    let world = World::start().await?;
    let [first, second] = world.with_window(WINDOW).await?;
    let published = first.publish(&event("1")).await?;
    world.window_is_over().await?;
    for process in [&first, &second, &world.jetstream().await?] {
        let again = process.publish(&event("1")).await?;
        assert_eq!((again.duplicate, again.position), (true, published.position));
    }
    assert!(!second.publish(&event("2")).await?.duplicate);
    assert_eq!(ids(&first).await?, ["1", "2"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_knows_what_was_there_before_the_servers_window() -> anyhow::Result<()> {
    let world = World::start().await?;
    let [process] = world.with_window(WINDOW).await?;
    let batch: Vec<Envelope> = (0..5000).map(|id| event(&id.to_string())).collect();
    for published in process.publish_all(&batch).await {
        assert!(!published?.duplicate);
    }
    world.window_is_over().await?;
    for (at, published) in process.publish_all(&batch).await.into_iter().enumerate() {
        let published = published?;
        assert_eq!((published.duplicate, published.position.0), (true, at as u64 + 1));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redelivery_is_known_beyond_the_servers_window() -> anyhow::Result<()> {
    let world = World::start().await?;
    let [process] = world.with_window(WINDOW).await?;
    process.redeliver("h", &event("1"), "letter/1").await?;
    world.window_is_over().await?;
    assert!(process.redeliver("h", &event("1"), "letter/1").await?.duplicate);
    assert!(!process.redeliver("h", &event("1"), "letter/2").await?.duplicate);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_a_foreign_client_is_known_afterwards() -> anyhow::Result<()> {
    let world = World::start().await?;
    let [bus] = world.with_window(WINDOW).await?;
    let mut binary = HeaderMap::new();
    for (name, value) in [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/s"), ("ce-type", "t")] {
        binary.insert(name, value);
    }
    // A client may give any message id, one that looks like ours, too.
    binary.insert("Nats-Msg-Id", "00112233445566778899aabbccddeeff");
    world.raw.publish_with_headers("signalbox.events.t", binary, "".into()).await?.await?;
    let structured = r#"{"specversion":"1.0","id":"2","source":"/s","type":"t"}"#;
    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", "application/cloudevents+json");
    world.raw.publish_with_headers("signalbox.events.t", headers, structured.into()).await?.await?;
    world.raw.publish("signalbox.events.t", "no event at all".into()).await?.await?;
    tests::eventually(PATIENCE, "both are in the index", async || {
        let known = bus.ids(None, 10).await?.len();
        anyhow::ensure!(known == 2, "{known} are");
        Ok(())
    })
    .await?;
    // What is in the index becomes known to each process with its next look at it.
    for (id, position) in [("1", 1), ("2", 2)] {
        let event = Envelope::builder(id, "/s", "t").build()?;
        let again = world.jetstream().await?.publish(&event).await?;
        assert_eq!((again.duplicate, again.position.0), (true, position));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_acknowledgement_was_lost_is_stored_once() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let process = world.process().await?;
    world.nats.pause()?;
    // The server may still answer in the moment in which it is stopped.
    let mut sent = Vec::new();
    let lost = loop {
        let id = sent.len().to_string();
        sent.push(id.clone());
        match process.bus.publish(&event(&id)).await {
            Ok(_) => {}
            Err(PublishError::Unavailable(_)) => break id,
            Err(error) => return Err(error.into()),
        }
    };
    world.nats.go_on()?;
    tests::eventually(PATIENCE, "it takes the event", async || {
        process.bus.publish(&event(&lost)).await.map_err(anyhow::Error::new)
    })
    .await?;
    assert_eq!(ids(&*process.bus).await?, sent);
    Ok(())
}
