//! The watcher on a real API server with ten thousand pods: what memory it takes after the list and after some minutes of
//! changes, beside client-go's informers on the same objects at the same time; and how long a change is on its way to the
//! bus. It wants `tests/tools/install informers kine kubernetes nats-server`.

mod changes;
mod world;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tests::eventually;
use tests::http1::Connection;
use tests::kube_api::{KubeApi, Plan, rule};
use tests::nats::Nats;
use tests::process::{Process, command};
use tests::signalbox::listening;
use tests::tools;

use super::server::program;
use super::times::{at, mib, millis};
use changes::Took;

/// How long changes go on, in minutes, unless `BENCH_MINUTES` says.
const MINUTES: u64 = 5;
const PATIENCE: Duration = Duration::from_mins(5);
/// What both follow: the kinds of a plain cluster.
const KINDS: &str = "deployments,statefulsets,daemonsets,pods,nodes,jobs,persistentvolumeclaims,horizontalpodautoscalers,namespaces,events";

pub async fn run() -> anyhow::Result<()> {
    let minutes = match std::env::var_os("BENCH_MINUTES") {
        None => MINUTES,
        Some(text) => text.to_string_lossy().parse().context("BENCH_MINUTES is no number of minutes")?,
    };
    let (api, nats) = tokio::try_join!(
        KubeApi::start_with(Plan { controllers: false, ..Plan::default() }),
        Nats::start_syncing("always")
    )?;
    let begun = Instant::now();
    let client = api.client().await?;
    let count = world::fill(&client).await?;
    eprintln!("{count} objects were made in {:.0} s", begun.elapsed().as_secs_f64());

    let reads = ["get", "list", "watch"];
    let rules = vec![
        rule("apps", &["deployments", "statefulsets", "daemonsets"], &reads),
        rule("", &["pods", "nodes", "persistentvolumeclaims", "namespaces", "events"], &reads),
        rule("batch", &["jobs"], &reads),
        rule("autoscaling", &["horizontalpodautoscalers"], &reads),
    ];
    let kubeconfig = api.kubeconfig_for("watcher", rules).await?;
    let dir = tempfile::tempdir()?;
    let begun = Instant::now();
    let watcher = watcher(dir.path(), &nats, &kubeconfig).await?;
    let listed = Followed { listed_in: begun.elapsed(), after_list: Memory::of(&watcher)? };
    let begun = Instant::now();
    let informers = informers(dir.path(), &kubeconfig).await?;
    let synced = Followed { listed_in: begun.elapsed(), after_list: Memory::of(&informers)? };

    let length = Duration::from_secs(60 * minutes);
    let (rate, took) = changes::run(&client, &nats, length).await?;
    println!(
        "\n| {count} objects | listed in | RSS after the list | of it not of files | RSS after {minutes} min of changes | peak |\n|---|---|---|---|---|---|"
    );
    listed.print("watcher", &Memory::of(&watcher)?);
    synced.print("client-go informers", &Memory::of(&informers)?);
    println!("\n| {rate} | transitions | p50 | p99 | longest |\n|---|---|---|---|---|");
    let Took { since_sent, since_written } = took;
    for (name, mut times) in
        [("since it was sent", since_sent), ("since the API server had written it", since_written)]
    {
        println!(
            "| API write to bus, {name} | {} | {:.1} ms | {:.1} ms | {:.1} ms |",
            times.len(),
            millis(at(&mut times, 500)),
            millis(at(&mut times, 990)),
            millis(at(&mut times, 1000))
        );
    }
    Ok(())
}

/// Who follows the objects, and how that began.
struct Followed {
    listed_in: Duration,
    after_list: Memory,
}

impl Followed {
    fn print(&self, name: &str, now: &Memory) {
        let Self { listed_in, after_list } = self;
        println!(
            "| {name} | {:.1} s | {} | {} | {} | {} |",
            listed_in.as_secs_f64(),
            mib(after_list.resident),
            mib(after_list.anonymous),
            mib(now.resident),
            mib(now.peak)
        );
    }
}

/// Memory of a process in KiB, from `/proc`.
struct Memory {
    resident: u64,
    /// Not mapped from a file, as the program itself is.
    anonymous: u64,
    peak: u64,
}

impl Memory {
    fn of(process: &Process) -> anyhow::Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid()))?;
        let field = |name: &str| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .with_context(|| format!("no {name}"))?;
            line.trim()
                .trim_end_matches("kB")
                .trim()
                .parse::<u64>()
                .with_context(|| format!("{name} is no number"))
        };
        Ok(Self { resident: field("VmRSS:")?, anonymous: field("RssAnon:")?, peak: field("VmHWM:")? })
    }
}

/// The released program with the watcher alone, ready.
async fn watcher(dir: &Path, nats: &Nats, kubeconfig: &Path) -> anyhow::Result<Process> {
    std::fs::write(dir.join("api-token"), "a-token-of-the-api")?;
    std::fs::create_dir_all(dir.join("config"))?;
    let bus = nats.url();
    let arguments = [
        "serve",
        "--only",
        "watcher",
        "--bus",
        &bus,
        "--config",
        "config",
        "--listen-private",
        "127.0.0.1:0",
    ];
    let mut command: Command = command(program()?, arguments);
    command.current_dir(dir).env("SIGNALBOX_LOG__FORMAT", "json").env_remove("KUBECONFIG");
    command.env("SIGNALBOX_KUBERNETES__KUBECONFIG", kubeconfig).env("SIGNALBOX_KUBERNETES__WATCH", KINDS);
    command.env("SIGNALBOX_API__TOKEN__FILE", dir.join("api-token"));
    let mut process = Process::start("signalbox", command, &dir.join("watcher.log"))?;
    let private = process.said(PATIENCE, |line| listening(line, "private")).await?;
    let get = format!("GET /readyz HTTP/1.1\r\nhost: {private}\r\n\r\n");
    eventually(PATIENCE, "the watcher is ready", async || {
        let status = Connection::open(&private).await?.exchange(get.as_bytes()).await?;
        anyhow::ensure!(status == 200, "it answers {status}");
        Ok(())
    })
    .await?;
    Ok(process)
}

async fn informers(dir: &Path, kubeconfig: &Path) -> anyhow::Result<Process> {
    let command = command(tools::find("informers")?, [kubeconfig]);
    let mut process = Process::start("informers", command, &dir.join("informers.log"))?;
    process.said(PATIENCE, |line| line.starts_with("synced").then_some(())).await?;
    Ok(process)
}
