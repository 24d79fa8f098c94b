//! The benchmark: webhook to 202 on both engines (and on a NATS server that syncs as seldom as it does by default), memory, start-up and size, as a table.
//!
//! `cargo build --release && cargo run --release -p tests --bin bench`. It asserts nothing about time: what it prints is
//! to be read beside what it prints of other machines or versions in the same run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tests::http1::Connection;
use tests::nats::Nats;
use tests::process::{Process, command};
use tests::signalbox::listening;

const PATIENCE: Duration = Duration::from_secs(30);
/// How long each row is measured.
const MEASURED: Duration = Duration::from_secs(8);
const CONNECTIONS: [usize; 3] = [1, 16, 64];
const SECRET: &str = "a secret for the benchmark";
/// Size of the body: that of an ordinary push delivery.
const BODY_BYTES: usize = 7 * 1024;

struct Server {
    process: Process,
    public: String,
    ready_in: Duration,
    _dir: tempfile::TempDir,
}

struct Row {
    engine: &'static str,
    connections: usize,
    per_second: f64,
    p50: Duration,
    p99: Duration,
    rss: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let program = program()?;
    let mut rows = Vec::new();
    let mut about = Vec::new();
    for (engine, sync) in
        [("embedded", None), ("jetstream", Some("always")), ("jetstream, sync 2m", Some("2m"))]
    {
        let nats = match sync {
            Some(interval) => Some(Nats::start_syncing(interval).await?),
            None => None,
        };
        let server = start(&program, nats.as_ref()).await?;
        // Let the start settle, so that idle means idle.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let idle = rss_kib(server.process.pid())?;
        about.push((engine, server.ready_in, idle));
        for connections in CONNECTIONS {
            rows.push(measure(engine, &server, connections).await?);
        }
    }
    let size = std::fs::metadata(&program)?.len();
    println!("\n| engine | connections | 202/s | p50 | p99 | RSS under load |\n|---|---|---|---|---|---|");
    for Row { engine, connections, per_second, p50, p99, rss } in rows {
        let (p50, p99) = (p50.as_secs_f64() * 1e3, p99.as_secs_f64() * 1e3);
        println!(
            "| {engine} | {connections} | {per_second:.0} | {p50:.2} ms | {p99:.2} ms | {} MiB |",
            rss / 1024
        );
    }
    println!("\n| engine | ready after | RSS idle |\n|---|---|---|");
    for (engine, ready_in, idle) in about {
        println!("| {engine} | {} ms | {:.1} MiB |", ready_in.as_millis(), precise(idle) / 1024.0);
    }
    println!(
        "\nprogram: {:.1} MB; body: {BODY_BYTES} bytes; embedded and jetstream sync every write",
        precise(size) / 1e6
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "sizes and counts here are far below 2^52")]
fn precise(count: u64) -> f64 {
    count as f64
}

/// The released program beside this one.
fn program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("signalbox");
    anyhow::ensure!(program.is_file(), "{} is not there: cargo build --release first", program.display());
    Ok(program)
}

async fn start(program: &Path, nats: Option<&Nats>) -> anyhow::Result<Server> {
    let dir = tempfile::tempdir()?;
    let config = dir.path().join("config");
    std::fs::create_dir(&config)?;
    std::fs::write(dir.path().join("secret"), SECRET)?;
    let source = format!(
        "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: github}}\nspec:\n  github:\n    \
         secrets: [{{file: {}}}]\n",
        dir.path().join("secret").display()
    );
    std::fs::write(config.join("source.yaml"), source)?;
    let bus = nats.map_or_else(|| format!("embedded:{}", dir.path().join("bus").display()), Nats::url);
    let arguments =
        ["serve", "--bus", &bus, "--listen-public", "127.0.0.1:0", "--listen-private", "127.0.0.1:0"];
    let mut command: Command = command(program, arguments);
    command
        .arg("--config")
        .arg(&config)
        .env("SIGNALBOX_LOG__FORMAT", "json")
        .env("SIGNALBOX_LOG__LEVEL", "info");
    if nats.is_some() {
        std::fs::write(dir.path().join("api-token"), "a-token-of-the-api")?;
        command.env("SIGNALBOX_API__TOKEN__FILE", dir.path().join("api-token"));
    }
    let started = Instant::now();
    let mut process = Process::start("signalbox", command, &dir.path().join("log"))?;
    let address = |listener: &'static str| move |line: &str| listening(line, listener);
    let public = process.said(PATIENCE, address("public")).await?;
    let private = process.said(PATIENCE, address("private")).await?;
    let get = format!("GET /readyz HTTP/1.1\r\nhost: {private}\r\n\r\n");
    tests::eventually(PATIENCE, "it is ready", async || {
        let status = Connection::open(&private).await?.exchange(get.as_bytes()).await?;
        anyhow::ensure!(status == 200, "it answers {status}");
        Ok(())
    })
    .await?;
    Ok(Server { process, public, ready_in: started.elapsed(), _dir: dir })
}

async fn measure(engine: &'static str, server: &Server, connections: usize) -> anyhow::Result<Row> {
    let body = body();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).context("a key of any length will do")?;
    mac.update(&body);
    let signature = hex::encode(mac.finalize().into_bytes());
    let request = Arc::new((signature, body, server.public.clone()));
    let (next, end) = (Arc::new(AtomicU64::new(0)), Instant::now() + MEASURED);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (request, next) = (request.clone(), next.clone());
        tasks.spawn(async move {
            let (signature, body, address) = &*request;
            let mut connection = Connection::open(address).await?;
            let mut times = Vec::new();
            while Instant::now() < end {
                let id = format!("{connections}-{}", next.fetch_add(1, Ordering::Relaxed));
                let head = format!(
                    "POST /hooks/github HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
                     content-length: {}\r\nx-github-event: push\r\nx-github-delivery: {id}\r\n\
                     x-hub-signature-256: sha256={signature}\r\n\r\n",
                    body.len()
                );
                let bytes = [head.as_bytes(), body].concat();
                let sent = Instant::now();
                let status = connection.exchange(&bytes).await?;
                anyhow::ensure!(status == 202, "answered {status}");
                times.push(sent.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    let mut rss = 0;
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
        rss = rss.max(rss_kib(server.process.pid())?);
    }
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    let count = u64::try_from(times.len())?;
    let per_second = precise(count) / MEASURED.as_secs_f64();
    Ok(Row { engine, connections, per_second, p50: at(50), p99: at(99), rss })
}

/// A push of the size of an ordinary one.
fn body() -> Vec<u8> {
    let frame = |filler: &str| {
        serde_json::json!({
            "ref": "refs/heads/main",
            "repository": { "full_name": "acme/my-app", "url": "https://api.github.com/repos/acme/my-app" },
            "head_commit": { "id": "0123456789abcdef0123456789abcdef01234567", "message": filler,
                             "timestamp": "2026-01-02T03:04:05Z" },
        })
        .to_string()
    };
    let filler = BODY_BYTES - frame("").len();
    frame(&"x".repeat(filler)).into_bytes()
}

/// Resident memory of a process, from `/proc`.
fn rss_kib(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    line.trim().trim_end_matches("kB").trim().parse().context("VmRSS is no number")
}
