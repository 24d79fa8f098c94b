//! Somebody changes the durable consumer of a handler, under a running process.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, FromConsumer as _, pull};
use chassis::bus::Settle;
use chassis::{Bus as _, Metrics};
use events::Envelope;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc;

use super::{World, next_in_spite_of_errors};
use crate::conformance::{PATIENCE, id_of, spec};

fn of_type(ty: &str, id: &str) -> Envelope {
    Envelope::builder(id, "/tests", ty).build().expect("a valid event")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_durable_that_somebody_changes_is_made_again_as_it_was_and_what_it_passed_over_is_counted()
-> anyhow::Result<()> {
    let world = World::start().await?;
    let process = world.jetstream().await?;
    let metrics = Metrics::new();
    process.register(metrics.registry())?;
    let mut deliveries = process.consume(spec("h")).await?;
    let (told, mut heard) = mpsc::unbounded_channel();
    let handler = tokio::spawn(async move {
        while let Ok(delivery) = next_in_spite_of_errors(&mut deliveries).await {
            if delivery.acker.settle(Settle::Ack).await.is_ok()
                && told.send(id_of(&delivery).clone()).is_err()
            {
                return;
            }
        }
    });
    let mut next_is = async |id: &str| -> anyhow::Result<()> {
        assert_eq!(tokio::time::timeout(PATIENCE, heard.recv()).await?.as_deref(), Some(id));
        Ok(())
    };
    let places = world.raw.get_key_value("SIGNALBOX_places").await?;
    let floor = async |at: u64| {
        tests::eventually(PATIENCE, "its place is written down", async || {
            let place: serde_json::Value =
                serde_json::from_slice(&places.get("c.h").await?.unwrap_or_default())?;
            anyhow::ensure!(place["floor"] == at, "it is {place}");
            Ok(())
        })
        .await
    };
    process.publish(&of_type("t.a", "1")).await?;
    next_is("1").await?;
    floor(1).await?;

    let made = world.consumer("h").await?.config;
    let changed = consumer::Config {
        ack_wait: Duration::from_mins(10),
        max_ack_pending: 1,
        filter_subjects: vec!["signalbox.events.t.b".to_owned()],
        ..made.clone()
    };
    let changed = pull::Config::try_from_consumer_config(changed).map_err(anyhow::Error::from_boxed)?;
    world.log().await?.update_consumer(changed).await?;
    // It passes over the one for the other.
    process.publish(&of_type("t.a", "2")).await?;
    process.publish(&of_type("t.b", "3")).await?;
    next_is("3").await?;
    tests::eventually(PATIENCE, "it is as it was", async || {
        let now = world.consumer("h").await?.config;
        let same = (now.ack_wait, now.max_ack_pending, &now.filter_subjects)
            == (made.ack_wait, made.max_ack_pending, &made.filter_subjects);
        anyhow::ensure!(same, "it is {now:?}");
        Ok(())
    })
    .await?;
    assert!(metrics.render().contains("signalbox_bus_lost_events_total 1\n"), "{}", metrics.render());

    // And it is left alone from then on.
    let client = async_nats::connect(world.nats.url()).await?;
    let mut made_again = client.subscribe("$JS.API.CONSUMER.CREATE.SIGNALBOX.h.>").await?;
    let mut made_without_filter = client.subscribe("$JS.API.CONSUMER.CREATE.SIGNALBOX.h").await?;
    client.flush().await?;
    for (id, at) in [("4", 4), ("5", 5)] {
        process.publish(&of_type("t.a", id)).await?;
        next_is(id).await?;
        floor(at).await?;
    }
    for made in [made_again.next().now_or_never(), made_without_filter.next().now_or_never()] {
        assert!(made.is_none(), "{made:?}");
    }
    handler.abort();
    Ok(())
}
