//! A store with many events: how long the program needs from its start until it is ready, and the memory that it has then.

use std::time::{Duration, Instant};

use super::server::Server;
use super::stage::{Ground, events};
use super::times::{at, mib, per_second};
use super::wanted_events;

/// Events in one call of `publish_all`.
const BATCH: usize = 1_000;
/// How often it is started; after each time it is killed, as `kill -9` does.
const STARTS: usize = 5;

pub async fn run() -> anyhow::Result<()> {
    let count = wanted_events()?;
    println!(
        "\n| a store of {count} events | published | ready after, p50 | max | RSS when ready |\n|---|---|---|---|---|"
    );
    for ground in [Ground::Disk, Ground::NatsSeldom] {
        let stage = ground.open().await?;
        let begun = Instant::now();
        for batch in 0..count / BATCH {
            let batch = events(&format!("recovery-{batch}"), BATCH)?;
            stage.engine.bus.publish_all(&batch).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        let rate = per_second(count, begun.elapsed());
        stage.engine.close().await;
        let (mut times, mut memory) = (Vec::<Duration>::new(), 0);
        for _ in 0..STARTS {
            let server = Server::start(&stage.folder, stage.nats.as_ref(), "").await?;
            times.push(server.ready_in);
            memory = memory.max(server.rss_kib()?);
            server.kill9()?;
        }
        let longest = at(&mut times, 999).as_secs_f64();
        let middle = at(&mut times, 500).as_secs_f64();
        println!("| {} | {rate:.0}/s | {middle:.2} s | {longest:.2} s | {} |", ground.name(), mib(memory));
    }
    Ok(())
}
