//! One suite, two engines: what the bus and the store promise.

mod blobs;
mod buried;
mod consuming;
mod editing;
mod forgetting;
mod ledger;
mod pressure;
mod publishing;
mod renaming;
mod replaying;
mod running;
mod state;
mod together;
mod trouble;
mod troubled;
mod trying;
mod unread;

use std::sync::Arc;
use std::time::Duration;

use chassis::{BusUrl, Clock as _, ConsumerSpec, Deliveries, Delivery, Engine, Metrics, Start, SystemClock};
use events::Envelope;
use tempfile::TempDir;
use tests::nats::Nats;

/// How long anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The ack wait of the consumers of the suite: short, so that a redelivery is not waited for long.
pub const ACK_WAIT: Duration = Duration::from_secs(2);

/// An engine with what it stands on.
pub struct Fixture {
    pub engine: Engine,
    nats: Option<Nats>,
    dir: TempDir,
}

impl Fixture {
    /// The program ended and was started again: nothing that the engine had in memory, or under way, is left.
    pub async fn reopened(self) -> anyhow::Result<Self> {
        let Self { engine, nats, dir } = self;
        engine.close().await;
        let url = match &nats {
            Some(nats) => nats.url().parse()?,
            None => BusUrl::Embedded(dir.path().join("bus")),
        };
        let engine = Engine::open(&url).await?;
        tests::eventually(PATIENCE, "the engine is ready", async || Ok(engine.bus.check().await?)).await?;
        Ok(Self { engine, nats, dir })
    }
}

/// Declares each function as a test on both engines.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::conformance::embedded().await?).await
            })*
        }
        mod jetstream {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::conformance::jetstream().await?).await
            })*
        }
    };
}
pub(crate) use on_both_engines;

pub async fn embedded() -> anyhow::Result<Fixture> {
    let dir = tempfile::tempdir()?;
    let engine = Engine::open(&BusUrl::Embedded(dir.path().join("bus"))).await?;
    Ok(Fixture { engine, nats: None, dir })
}

pub async fn jetstream() -> anyhow::Result<Fixture> {
    let nats = Nats::start().await?;
    let engine = Engine::open(&nats.url().parse()?).await?;
    tests::eventually(PATIENCE, "the engine is ready", async || {
        engine.bus.check().await.map_err(anyhow::Error::new)
    })
    .await?;
    Ok(Fixture { engine, nats: Some(nats), dir: tempfile::tempdir()? })
}

/// An event of the type `t` (or another) with that id.
pub fn event(id: &str) -> Envelope {
    typed(id, "t.plain")
}

pub fn typed(id: &str, ty: &str) -> Envelope {
    let builder = Envelope::builder(id, "/tests", ty).time(SystemClock.now()).partition_key("one");
    builder.json(&serde_json::json!({ "id": id })).build().expect("a valid event")
}

pub fn spec(name: &str) -> ConsumerSpec {
    ConsumerSpec {
        name: name.to_owned(),
        types: vec!["*".to_owned()],
        start: Start::Beginning,
        max_in_flight: 64,
        ack_wait: ACK_WAIT,
    }
}

/// The next delivery, or an error when none comes in time.
pub async fn next(deliveries: &mut Box<dyn Deliveries>) -> anyhow::Result<Delivery> {
    Ok(tokio::time::timeout(PATIENCE, deliveries.next()).await??)
}

/// Errs when a delivery comes within a while.
pub async fn nothing_more(deliveries: &mut Box<dyn Deliveries>) -> anyhow::Result<()> {
    match tokio::time::timeout(ACK_WAIT * 2, deliveries.next()).await {
        Err(_) => Ok(()),
        Ok(delivery) => anyhow::bail!("{delivery:?} was not expected"),
    }
}

pub fn id_of(delivery: &Delivery) -> String {
    delivery.event.as_ref().map(|event| event.id().to_owned()).unwrap_or_default()
}

pub fn ports(engine: &Engine) -> chassis::runner::Ports {
    chassis::runner::Ports {
        bus: engine.bus.clone(),
        store: engine.store.clone(),
        clock: Arc::new(SystemClock),
        metrics: Metrics::new(),
    }
}
