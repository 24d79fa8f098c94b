//! Looking back over a long log: a list and a story of it are answered soon, and are whole.
//!
//! `TESTS_HISTORY_EVENTS=100000` makes the log longer; the times are printed.

use std::process::Output;
use std::time::{Duration, Instant};

use chassis::{BusUrl, Engine};
use events::Envelope;
use tests::nats::Nats;
use tests::scratch::Scratch;
use tests::signalbox::program;

/// How long a question may take, on a debug build on a busy machine.
const SOON: Duration = Duration::from_secs(10);
/// Events that are published at once.
const BATCH: usize = 1_000;

fn events_of_the_log() -> usize {
    let wanted = std::env::var("TESTS_HISTORY_EVENTS").ok().and_then(|events| events.parse().ok());
    wanted.unwrap_or(10_000)
}

fn event(n: usize) -> Envelope {
    let (ty, key) =
        if n.is_multiple_of(100) { ("com.example.rare", "rare") } else { ("com.example.often", "often") };
    let builder = Envelope::builder(format!("e{n}."), "/history", ty).partition_key(key);
    builder.json(&serde_json::json!({ "n": n, "filling": "x".repeat(400) })).build().expect("a valid event")
}

/// An effect of the root `root<n>`.
fn effect(id: &str, root: &str) -> Envelope {
    let builder = Envelope::builder(id, "/history", "com.example.effect").json(&serde_json::json!({}));
    let builder = builder.extension("correlationid", root).extension("causationid", root);
    builder.build().expect("a valid event")
}

/// A log with a story near its beginning that ends at its end, and one near its end.
async fn fill(engine: &Engine) -> anyhow::Result<()> {
    let count = events_of_the_log();
    let mut batch = Vec::with_capacity(BATCH);
    for n in 0..count {
        batch.push(match n {
            10 => Envelope::builder("old-root", "/history", "com.example.root").build()?,
            n if n == count - 50 => Envelope::builder("new-root", "/history", "com.example.root").build()?,
            n if n == count - 40 => effect("new-effect", "new-root"),
            n if n == count - 1 => effect("old-effect", "old-root"),
            n => event(n),
        });
        if batch.len() == BATCH || n == count - 1 {
            for published in engine.bus.publish_all(&batch).await {
                published?;
            }
            batch.clear();
        }
    }
    Ok(())
}

fn ask(bus: &str, arguments: &[&str]) -> anyhow::Result<(Output, Duration)> {
    let began = Instant::now();
    let mut command = tests::process::command(program()?, arguments);
    command.args(["--bus", bus]).env("NO_COLOR", "1");
    let output = tests::process::output(command)?;
    Ok((output, began.elapsed()))
}

fn looked_back(engine: &str, bus: &str) -> anyhow::Result<()> {
    let count = events_of_the_log();
    let rare = count / 100;
    let since_ever = ["events", "list", "--since", "1d", "--type", "*.rare", "--limit", "100000", "--json"];
    for (what, arguments, lines) in [
        ("the newest 50", &["events", "list", "--json"][..], 50),
        ("the newest 50 of a key", &["events", "list", "--key", "rare", "--json"], 50.min(rare)),
        ("all of a rare type", &since_ever, rare),
        ("none of a source", &["events", "list", "--source", "/nowhere", "--json"], 0),
        ("an event by its id", &["events", "show", "new-effect"], 0),
        ("a young story", &["events", "story", "new-effect"], 3),
        ("an old story that ends now", &["events", "story", "old-effect"], 3),
        ("an old story by its root", &["events", "story", "old-root"], 3),
    ] {
        let (output, took) = ask(bus, arguments)?;
        let said = String::from_utf8(output.stdout)?;
        eprintln!("{engine}, {count} events: {what}: {took:.2?}");
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!said.contains("not looked at"), "{what}: {said}");
        if lines > 0 {
            assert_eq!(said.lines().count(), lines, "{what}: {said}");
        }
        assert!(took < SOON, "{what} took {took:?}");
    }
    let (output, took) = ask(bus, &["events", "show", "no such id"])?;
    eprintln!("{engine}, {count} events: an id that is not there: {took:.2?}");
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(took < SOON * 2, "{took:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_in_a_folder_is_looked_back_over_soon() -> anyhow::Result<()> {
    let folder = Scratch::new("history")?;
    let url = format!("embedded:{}", folder.join("bus").display());
    let engine = Engine::open(&url.parse()?).await?;
    fill(&engine).await?;
    engine.close().await;
    looked_back("embedded", &url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_log_on_nats_is_looked_back_over_soon() -> anyhow::Result<()> {
    let nats = Nats::start_syncing("2m").await?;
    let url: BusUrl = nats.url().parse()?;
    let engine = Engine::open(&url).await?;
    tests::eventually(SOON, "the engine is ready", async || Ok(engine.bus.check().await?)).await?;
    fill(&engine).await?;
    engine.close().await;
    looked_back("jetstream", &nats.url())
}
