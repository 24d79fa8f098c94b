//! The benchmark, as tables. What is compared is measured in the same run, one after the other, on the same server and
//! disk. It asserts nothing about time: what it prints is to be read beside what it prints of other machines or versions.
//!
//! `cargo build --release && cargo run --release -p tests --bin bench` for all of it (half an hour), or with the names of
//! parts: `hooks`, `publish`, `consume`, `flow`, `memory`, `recovery`. The last two take a million events, or as many as
//! `BENCH_EVENTS` says. `watch` is run only when it is named: it wants a Kubernetes API server, and goes on for
//! `BENCH_MINUTES` (5) after it has filled that.

mod consume;
mod flow;
mod hooks;
mod memory;
mod publish;
mod recovery;
mod server;
mod stage;
mod times;
mod watch;

use std::collections::BTreeSet;

const PARTS: [&str; 6] = ["hooks", "publish", "consume", "flow", "memory", "recovery"];
const WATCH: &str = "watch";
const EVENTS: &str = "BENCH_EVENTS";

/// How many events `memory` and `recovery` take.
fn wanted_events() -> anyhow::Result<usize> {
    let Some(text) = std::env::var_os(EVENTS) else { return Ok(1_000_000) };
    let count = text.to_string_lossy().parse::<usize>().ok().filter(|count| *count >= 1_000);
    count.ok_or_else(|| anyhow::anyhow!("{EVENTS} is not a number of at least 1000"))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut wanted: BTreeSet<String> = std::env::args().skip(1).collect();
    let known = |part: &&String| PARTS.contains(&part.as_str()) || part.as_str() == WATCH;
    if let Some(unknown) = wanted.iter().find(|part| !known(part)) {
        anyhow::bail!("there is no part `{unknown}`: there are {}, {WATCH}", PARTS.join(", "));
    }
    if wanted.is_empty() {
        wanted = PARTS.map(str::to_owned).into();
    }
    for part in PARTS.into_iter().filter(|part| wanted.contains(*part)) {
        match part {
            "hooks" => hooks::run().await?,
            "publish" => publish::run().await?,
            "consume" => consume::run().await?,
            "flow" => flow::run().await?,
            "memory" => memory::run().await?,
            _ => recovery::run().await?,
        }
    }
    if wanted.contains(WATCH) {
        watch::run().await?;
    }
    Ok(())
}
