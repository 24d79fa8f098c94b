//! Consuming: a handler that does nothing, through the runner, beside the raw client's pull on the same server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::{self, stream};
use chassis::runner::{self, Ports};
use chassis::{Context, Failure, Handler, Hears, Metrics, Outcome, Shutdown, SystemClock};
use events::Envelope;
use futures::StreamExt as _;
use tests::eventually;

use super::stage::{Ground, Stage, events};
use super::times::per_second;

/// Events in the log when the consuming begins.
const EVENTS: usize = 20_000;
const BATCH: usize = 256;
const PATIENCE: Duration = Duration::from_mins(5);

/// Counts what it hears, and does nothing.
struct Counts(Arc<AtomicUsize>);

impl Handler for Counts {
    const NAME: &'static str = "bench";
    const HEARS: &'static [Hears] = &[Hears::Glob("com.github.push")];
    /// As many as there are keys.
    const CONCURRENCY: usize = 64;

    async fn handle(&self, _event: &Envelope, _cx: &Context) -> Result<Outcome, Failure> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Outcome::Ignore("it is only counted"))
    }
}

pub async fn run() -> anyhow::Result<()> {
    println!("\n| consume | a handler that does nothing | raw pull | of raw |\n|---|---|---|---|");
    for ground in Ground::all() {
        let stage = ground.open().await?;
        for batch in events("one", EVENTS)?.chunks(BATCH) {
            stage.engine.bus.publish_all(batch).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        let theirs = raw(&stage).await?;
        let ours = handled(&stage).await?;
        let (raw, of) = theirs.map_or((String::new(), String::new()), |raw| {
            (format!("{raw:.0}/s"), format!("{:.0} %", 100.0 * ours / raw))
        });
        println!("| {} | {ours:.0}/s | {raw} | {of} |", ground.name());
        stage.engine.close().await;
    }
    println!("\nEach acknowledges every message by itself and waits for nothing but the next one.");
    Ok(())
}

async fn handled(stage: &Stage) -> anyhow::Result<f64> {
    let ports = Ports {
        bus: stage.engine.bus.clone(),
        store: stage.engine.store.clone(),
        clock: Arc::new(SystemClock),
        metrics: Metrics::new(),
    };
    let (count, shutdown) = (Arc::new(AtomicUsize::new(0)), Shutdown::new());
    let begun = Instant::now();
    let running = tokio::spawn(runner::run(Arc::new(Counts(count.clone())), ports, shutdown.clone()));
    eventually(PATIENCE, "everything is handled", async || {
        let handled = count.load(Ordering::SeqCst);
        anyhow::ensure!(handled >= EVENTS, "{handled} of {EVENTS}");
        Ok(())
    })
    .await?;
    let took = begun.elapsed();
    shutdown.trigger();
    running.await??;
    Ok(per_second(EVENTS, took))
}

/// A durable pull consumer with the same limits on the same stream.
async fn raw(stage: &Stage) -> anyhow::Result<Option<f64>> {
    let Some(nats) = &stage.nats else { return Ok(None) };
    let context = jetstream::new(async_nats::connect(nats.url()).await?);
    let stream: stream::Stream = context.get_stream("SIGNALBOX").await?;
    let config = pull::Config {
        durable_name: Some("raw".to_owned()),
        filter_subject: "signalbox.events.com.github.push".to_owned(),
        max_ack_pending: i64::try_from(Counts::CONCURRENCY * 8)?,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await?;
    let begun = Instant::now();
    let mut messages = consumer.messages().await?;
    for _ in 0..EVENTS {
        let message = messages.next().await.ok_or_else(|| anyhow::anyhow!("the consumer has ended"))??;
        message.ack().await.map_err(|error| anyhow::anyhow!("{error}"))?;
    }
    let rate = per_second(EVENTS, begun.elapsed());
    stream.delete_consumer("raw").await?;
    Ok(Some(rate))
}
