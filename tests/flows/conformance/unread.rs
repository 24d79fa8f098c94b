//! Consumers that no handler of the program reads any more.

use std::process::Output;
use std::time::Duration;

use chassis::bus::Settle;
use chassis::{BusUrl, Engine, Position};
use serde_json::{Value, json};
use tests::process::{command, output};
use tests::signalbox::program;

use super::{Fixture, event, next, on_both_engines, spec};

on_both_engines!(
    a_consumer_that_no_handler_reads_is_named_with_how_far_it_is_behind_at_most,
    a_consumer_that_no_handler_reads_is_forgotten_with_its_place,
);

fn url(on: &Fixture) -> String {
    match &on.nats {
        Some(nats) => nats.url(),
        None => BusUrl::Embedded(on.dir.path().join("bus")).to_string(),
    }
}

fn store(url: &str, arguments: &[&str]) -> anyhow::Result<Output> {
    output(command(program()?, ["store"].iter().chain(arguments).chain(&["--bus", url])))
}

fn unread(url: &str) -> anyhow::Result<Value> {
    let said: Value = serde_json::from_slice(&store(url, &["verify", "--json"])?.stdout)?;
    Ok(said["unread"].clone())
}

async fn a_consumer_that_no_handler_reads_is_named_with_how_far_it_is_behind_at_most(
    on: Fixture,
) -> anyhow::Result<()> {
    for name in ["gone", "notifier"] {
        drop(on.engine.bus.consume(spec(name)).await?);
    }
    for id in ["1", "2", "3"] {
        on.engine.bus.publish(&event(id)).await?;
    }
    let url = url(&on);
    let Fixture { engine, nats: _nats, dir: _dir } = on;
    engine.close().await;
    assert_eq!(unread(&url)?, json!([{"name": "gone", "behind_at_most": 3}]));
    let said = store(&url, &["verify"])?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let hint = "the consumer gone, at most 3 events behind: `signalbox store forget gone` removes it";
    assert!(text.contains(hint), "{text}");
    assert!(said.status.success(), "it is no damage");
    Ok(())
}

async fn a_consumer_that_no_handler_reads_is_forgotten_with_its_place(on: Fixture) -> anyhow::Result<()> {
    for id in ["1", "2", "3"] {
        on.engine.bus.publish(&event(id)).await?;
    }
    for name in ["gone", "gone-too", "notifier"] {
        let mut deliveries = on.engine.bus.consume(spec(name)).await?;
        // Something of everything that is known of a place: settled, settled above a hole, and put off.
        let hour = Duration::from_hours(1);
        for how in [Settle::Ack, Settle::Return(hour), Settle::Ack] {
            next(&mut deliveries).await?.acker.settle(how).await?;
        }
    }
    let url = url(&on);
    let Fixture { engine, nats: _nats, dir: _dir } = on;
    engine.close().await;
    let refused = |name: &str, code: i32, why: &[&str]| -> anyhow::Result<()> {
        let said = store(&url, &["forget", name])?;
        let text = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!(said.status.code(), Some(code), "{text}");
        assert!(why.iter().all(|why| text.contains(why)), "{text}");
        Ok(())
    };
    refused("notifier", 2, &["the handler notifier of this program reads it"])?;
    refused("g", 4, &["there is no consumer g", "gone, gone-too"])?;
    let said = store(&url, &["forget", "gone"])?;
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    refused("gone", 4, &["there is no consumer gone"])?;
    let left = unread(&url)?;
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
    assert_eq!(left[0]["name"], "gone-too");
    // Whoever has its name now begins anew, and gets all of it; the others stand where they stood.
    let engine = Engine::open(&url.parse()?).await?;
    let names: Vec<String> = engine.archive.cursors().await?.into_iter().map(|cursor| cursor.name).collect();
    assert_eq!(names, ["gone-too", "notifier"]);
    let mut deliveries = engine.bus.consume(spec("gone")).await?;
    for position in 1..=3 {
        let delivery = next(&mut deliveries).await?;
        assert_eq!((delivery.position, delivery.again), (Position(position), false));
        delivery.acker.settle(Settle::Ack).await?;
    }
    drop(deliveries);
    engine.close().await;
    Ok(())
}
