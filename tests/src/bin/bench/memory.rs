//! Many events through all services: what memory they take while they come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tests::http1::Connection;

use super::server::{Server, push};
use super::stage::Ground;
use super::times::{mib, per_second};
use super::wanted_events;

/// Memory is looked at so often.
const LOOKS: usize = 10;
const CONNECTIONS: usize = 64;

pub async fn run() -> anyhow::Result<()> {
    let count = wanted_events()?;
    let every = u64::try_from(count / LOOKS)?;
    println!(
        "\n| webhook to 202, {count} events | 202 | RSS idle | after each {every} events | first | last | max |\n\
         |---|---|---|---|---|---|---|"
    );
    for ground in [Ground::Disk, Ground::NatsSeldom] {
        let (folder, nats) = (ground.folder()?, ground.nats().await?);
        let server = Server::start(&folder, nats.as_ref(), "").await?;
        let idle = server.rss_kib()?;
        let (begun, mut memory, mut from) = (Instant::now(), Vec::with_capacity(LOOKS), 0);
        for _ in 0..LOOKS {
            send(&server, from, every).await?;
            from += every;
            memory.push(server.rss_kib()?);
        }
        let rate = per_second(usize::try_from(from)?, begun.elapsed());
        let all: Vec<String> = memory.iter().copied().map(mib).collect();
        let of = |kib: Option<&u64>| mib(kib.copied().unwrap_or_default());
        println!(
            "| {} | {rate:.0}/s | {} | {} | {} | {} | {} |",
            ground.name(),
            mib(idle),
            all.join(", "),
            of(memory.first()),
            of(memory.last()),
            of(memory.iter().max())
        );
    }
    Ok(())
}

async fn send(server: &Server, from: u64, count: u64) -> anyhow::Result<()> {
    let next = Arc::new(AtomicU64::new(from));
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (next, address) = (next.clone(), server.public.clone());
        senders.spawn(async move {
            let mut connection = Connection::open(&address).await?;
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= from + count {
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
