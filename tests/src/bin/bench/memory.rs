//! A million events: what memory they take while they come in, and how long it takes to start again after a kill.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tests::http1::Connection;

use super::server::{Server, push};
use super::stage::Ground;
use super::times::{per_second, precise};

const EVENTS: u64 = 1_000_000;
/// How often memory is looked at.
const EVERY: u64 = 100_000;
const CONNECTIONS: usize = 64;
/// How often it is killed and started again at the end.
const STARTS: usize = 3;

pub async fn run() -> anyhow::Result<()> {
    println!(
        "\n| a million events | 202/s | RSS after 100 000, 200 000, … (MiB) | ready again after a kill |\n|---|---|---|---|"
    );
    for ground in [Ground::Disk, Ground::NatsSeldom] {
        let (folder, nats) = (ground.folder()?, ground.nats().await?);
        let mut server = Server::start(&folder, nats.as_ref(), "").await?;
        let begun = Instant::now();
        let mut memory = Vec::new();
        for part in 0..EVENTS / EVERY {
            send(&server, part * EVERY).await?;
            memory.push(format!("{:.0}", precise(server.rss_kib()?) / 1024.0));
        }
        let rate = per_second(usize::try_from(EVENTS)?, begun.elapsed());
        let mut ready = Vec::new();
        for _ in 0..STARTS {
            server.kill9()?;
            server = Server::start(&folder, nats.as_ref(), "").await?;
            ready.push(format!("{:.2} s", server.ready_in.as_secs_f64()));
        }
        println!("| {} | {rate:.0} | {} | {} |", ground.name(), memory.join(", "), ready.join(", "));
    }
    Ok(())
}

async fn send(server: &Server, from: u64) -> anyhow::Result<()> {
    let next = Arc::new(AtomicU64::new(from));
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (next, address) = (next.clone(), server.public.clone());
        senders.spawn(async move {
            let mut connection = Connection::open(&address).await?;
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= from + EVERY {
                    return anyhow::Ok(());
                }
                let bytes = push(&address, &n.to_string(), &format!("bench/r{}", n % 64), "x")?;
                // Now and then the bus is busy, and says so.
                while connection.exchange(&bytes).await? != 202 {}
            }
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    Ok(())
}
