//! Publishing: one after another and many at once, beside the raw client on the same server and a bare write with fsync on
//! the same disk.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_nats::jetstream::{self, stream};
use async_nats::{HeaderMap, HeaderValue};
use events::Envelope;
use futures::StreamExt as _;

use super::stage::{Ground, Stage, events};
use super::times::{at, micros, middle, per_second};

/// Events of a round that are published one after another.
const ONE_BY_ONE: usize = 1_000;
/// Events of a round that are published many at once.
const AT_ONCE: usize = 10_000;
/// Events in one call of `publish_all`, and messages of the raw client that wait for their acknowledgement.
const BATCH: usize = 256;
/// Rounds: ours and the raw one take turns, and the middle one of each counts.
const ROUNDS: usize = 5;

/// What one round came to.
struct Round {
    p50: Duration,
    per_second: f64,
}

pub async fn run() -> anyhow::Result<()> {
    println!(
        "\n| publish | one by one, p50 | raw p50 | more than raw | many at once | raw | of raw |\n|---|---|---|---|---|---|---|"
    );
    for ground in Ground::all() {
        let stage = ground.open().await?;
        let raw = Raw::open(&stage).await?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            theirs.push(raw.round(round).await?);
            ours.push(publish(&stage, round).await?);
        }
        let (our_p50, our_rate) = summary(&ours);
        let (raw_p50, raw_rate) = summary(&theirs);
        println!(
            "| {} | {our_p50:.0} µs | {raw_p50:.0} µs | {:+.0} µs | {our_rate:.0}/s | {raw_rate:.0}/s | {:.0} % |",
            ground.name(),
            our_p50 - raw_p50,
            100.0 * our_rate / raw_rate
        );
        stage.engine.close().await;
    }
    println!(
        "\nRaw: on JetStream, async-nats with the same messages and ids to a stream of its own on the same server; \
         embedded, the same bytes appended to a file and fsynced, one event at a time, and {BATCH} at a time."
    );
    Ok(())
}

/// Microseconds and events a second of the middle rounds.
fn summary(rounds: &[Round]) -> (f64, f64) {
    let mut p50s: Vec<f64> = rounds.iter().map(|round| micros(round.p50)).collect();
    let mut rates: Vec<f64> = rounds.iter().map(|round| round.per_second).collect();
    (middle(&mut p50s), middle(&mut rates))
}

async fn publish(stage: &Stage, round: usize) -> anyhow::Result<Round> {
    let bus = &stage.engine.bus;
    let mut times = Vec::with_capacity(ONE_BY_ONE);
    for event in events(&format!("one-{round}"), ONE_BY_ONE)? {
        let begun = Instant::now();
        bus.publish(&event).await?;
        times.push(begun.elapsed());
    }
    let many = events(&format!("many-{round}"), AT_ONCE)?;
    let begun = Instant::now();
    for batch in many.chunks(BATCH) {
        bus.publish_all(batch).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    }
    Ok(Round { p50: at(&mut times, 500), per_second: per_second(AT_ONCE, begun.elapsed()) })
}

/// What it is compared with.
enum Raw {
    Nats(jetstream::Context),
    File(std::path::PathBuf),
}

impl Raw {
    async fn open(stage: &Stage) -> anyhow::Result<Self> {
        let Some(nats) = &stage.nats else {
            return Ok(Self::File(stage.folder.path().join("raw")));
        };
        let client = async_nats::connect(nats.url()).await?;
        // A server that syncs each write may need longer than the default of 5 s for a batch on a busy disk.
        let context = jetstream::ContextBuilder::new().ack_timeout(Duration::from_mins(1)).build(client);
        let config = stream::Config {
            name: "RAW".to_owned(),
            subjects: vec!["raw.>".to_owned()],
            duplicate_window: Duration::from_hours(1),
            ..stream::Config::default()
        };
        context.create_stream(config).await?;
        Ok(Self::Nats(context))
    }

    async fn round(&self, round: usize) -> anyhow::Result<Round> {
        match self {
            Self::Nats(context) => nats(context, round).await,
            Self::File(path) => file(path),
        }
    }
}

/// The same message as ours, to a subject of its own.
fn message(event: &Envelope) -> anyhow::Result<(HeaderMap, bytes::Bytes)> {
    let message = events::nats::encode(event);
    let mut headers = HeaderMap::new();
    for (name, value) in &message.headers {
        headers.append(name.as_str(), value.parse::<HeaderValue>().context("a header of an event")?);
    }
    headers.append(async_nats::header::NATS_MESSAGE_ID, event.id());
    Ok((headers, message.payload.into()))
}

async fn nats(context: &jetstream::Context, round: usize) -> anyhow::Result<Round> {
    let mut times = Vec::with_capacity(ONE_BY_ONE);
    for event in events(&format!("raw-one-{round}"), ONE_BY_ONE)? {
        let begun = Instant::now();
        let (headers, payload) = message(&event)?;
        context.publish_with_headers("raw.one", headers, payload).await?.await?;
        times.push(begun.elapsed());
    }
    let many = events(&format!("raw-many-{round}"), AT_ONCE)?;
    let begun = Instant::now();
    for batch in many.chunks(BATCH) {
        let mut acks = Vec::with_capacity(BATCH);
        for event in batch {
            let (headers, payload) = message(event)?;
            acks.push(context.publish_with_headers("raw.many", headers, payload).await?.into_future());
        }
        let acks: Vec<_> = futures::stream::iter(acks).buffered(BATCH).collect().await;
        acks.into_iter().collect::<Result<Vec<_>, _>>()?;
    }
    Ok(Round { p50: at(&mut times, 500), per_second: per_second(AT_ONCE, begun.elapsed()) })
}

fn file(path: &Path) -> anyhow::Result<Round> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let bytes = events("raw", 1)?.first().map(events::json::encode).unwrap_or_default();
    let mut times = Vec::with_capacity(ONE_BY_ONE);
    for _ in 0..ONE_BY_ONE {
        let begun = Instant::now();
        file.write_all(&bytes)?;
        file.sync_all()?;
        times.push(begun.elapsed());
    }
    let batch = bytes.repeat(BATCH);
    let begun = Instant::now();
    for _ in 0..AT_ONCE / BATCH {
        file.write_all(&batch)?;
        file.sync_all()?;
    }
    Ok(Round { p50: at(&mut times, 500), per_second: per_second(AT_ONCE, begun.elapsed()) })
}
