//! Webhook to 202 on each engine, memory, start-up and size.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tests::http1::Connection;

use super::server::{Server, program, push};
use super::stage::Ground;
use super::times::{at, mib, millis, per_second, precise};

/// How long each row is measured.
const MEASURED: Duration = Duration::from_secs(8);
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// Size of the body: that of an ordinary push delivery.
const BODY_BYTES: usize = 7 * 1024;

struct Row {
    connections: usize,
    per_second: f64,
    p50: Duration,
    p99: Duration,
    rss: u64,
}

pub async fn run() -> anyhow::Result<()> {
    let mut about = Vec::new();
    println!(
        "\n| webhook to 202 | connections | 202 | p50 | p99 | RSS under load |\n|---|---|---|---|---|---|"
    );
    for ground in [Ground::Disk, Ground::NatsAlways, Ground::NatsSeldom] {
        let nats = ground.nats().await?;
        let server = Server::start(&ground.folder()?, nats.as_ref(), "").await?;
        // Let the start settle, so that idle means idle.
        tokio::time::sleep(Duration::from_secs(3)).await;
        about.push((ground, server.ready_in, server.rss_kib()?));
        for connections in CONNECTIONS {
            let Row { connections, per_second, p50, p99, rss } = measure(&server, connections).await?;
            println!(
                "| {} | {connections} | {per_second:.0}/s | {:.2} ms | {:.2} ms | {} |",
                ground.name(),
                millis(p50),
                millis(p99),
                mib(rss)
            );
        }
    }
    println!("\n| engine | ready after | RSS idle |\n|---|---|---|");
    for (ground, ready_in, idle) in about {
        println!("| {} | {} ms | {} |", ground.name(), ready_in.as_millis(), mib(idle));
    }
    let size = std::fs::metadata(program()?)?.len();
    println!("\nprogram: {:.1} MB; body: {BODY_BYTES} bytes", precise(size) / 1e6);
    Ok(())
}

async fn measure(server: &Server, connections: usize) -> anyhow::Result<Row> {
    let filler = "x".repeat(BODY_BYTES);
    let (next, end) = (Arc::new(AtomicU64::new(0)), Instant::now() + MEASURED);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (filler, next, address) = (filler.clone(), next.clone(), server.public.clone());
        tasks.spawn(async move {
            let mut connection = Connection::open(&address).await?;
            let mut times = Vec::new();
            while Instant::now() < end {
                let id = format!("{connections}-{}", next.fetch_add(1, Ordering::Relaxed));
                let bytes = push(&address, &id, "acme/my-app", &filler)?;
                let sent = Instant::now();
                let status = connection.exchange(&bytes).await?;
                anyhow::ensure!(status == 202, "answered {status}");
                times.push(sent.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let (mut times, mut rss) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
        rss = rss.max(server.rss_kib()?);
    }
    let per_second = per_second(times.len(), MEASURED);
    Ok(Row { connections, per_second, p50: at(&mut times, 500), p99: at(&mut times, 990), rss })
}
