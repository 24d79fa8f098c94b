//! Consumers that no handler of the program reads any more.

use chassis::BusUrl;
use serde_json::Value;
use tests::process::{command, output};
use tests::signalbox::program;

use super::{Fixture, event, on_both_engines, spec};

on_both_engines!(a_consumer_that_no_handler_reads_is_named_with_how_far_it_is_behind);

async fn a_consumer_that_no_handler_reads_is_named_with_how_far_it_is_behind(
    on: Fixture,
) -> anyhow::Result<()> {
    for name in ["gone", "notifier"] {
        drop(on.engine.bus.consume(spec(name)).await?);
    }
    for id in ["1", "2", "3"] {
        on.engine.bus.publish(&event(id)).await?;
    }
    let Fixture { engine, nats, dir } = on;
    engine.close().await;
    let url = match &nats {
        Some(nats) => nats.url(),
        None => BusUrl::Embedded(dir.path().join("bus")).to_string(),
    };
    let said = output(command(program()?, ["store", "verify", "--json", "--bus", &url]))?;
    let said: Value = serde_json::from_slice(&said.stdout)?;
    assert_eq!(said["unread"], serde_json::json!([{"name": "gone", "behind": 3}]), "{said}");
    let said = output(command(program()?, ["store", "verify", "--bus", &url]))?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(text.contains("no handler reads the consumer gone: 3 events behind"), "{text}");
    assert!(said.status.success(), "it is no damage");
    Ok(())
}
