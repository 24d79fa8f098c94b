//! What is particular to JetStream: the index of ids, the order over a fail-over, and what is deleted on the server.

mod archive;
mod bodies;
mod bounds;
mod changed;
mod dedup;
mod dropped;
mod lost;
mod order;
mod refused;
mod retention;

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{self, consumer, stream};
use chassis::archive::Archive as _;
use chassis::jetstream::JetStream;
use chassis::jetstream::access::Access;
use chassis::{Bus, Deliveries, Delivery, Engine, Position};
use events::Envelope;
use tests::nats::Nats;

use crate::conformance::PATIENCE;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A server, and a client of it that knows nothing of Signalbox.
struct World {
    nats: Nats,
    raw: jetstream::Context,
}

impl World {
    async fn start() -> anyhow::Result<Self> {
        let nats = Nats::start().await?;
        let raw = jetstream::new(async_nats::connect(nats.url()).await?);
        Ok(Self { nats, raw })
    }

    /// A process.
    async fn process(&self) -> anyhow::Result<Engine> {
        let engine = Engine::open(&self.nats.url().parse()?).await?;
        ready(&engine).await?;
        Ok(engine)
    }

    /// The engine alone, with what only it can.
    async fn jetstream(&self) -> anyhow::Result<JetStream> {
        let url = self.nats.url();
        let bus = JetStream::open(&url, url.clone(), Access::default()).await?;
        tests::eventually(PATIENCE, "it can be used", async || Ok(bus.is_empty().await.map(|_| ())?)).await?;
        Ok(bus)
    }

    /// Processes on a server that itself knows ids for a moment only; whoever is started later widens its window, but
    /// the server remembers no more by it.
    async fn with_window<const N: usize>(&self, window: Duration) -> anyhow::Result<[JetStream; N]> {
        let mut processes = Vec::new();
        for _ in 0..N {
            processes.push(self.jetstream().await?);
        }
        let config = self.log().await?.cached_info().config.clone();
        self.raw.update_stream(stream::Config { duplicate_window: window, ..config }).await?;
        for process in &processes {
            // Has it look at the index, and so at the window, again.
            process.restore_ids(Vec::new()).await?;
        }
        Ok(processes.try_into().unwrap_or_else(|_| unreachable!("there are N of them")))
    }

    /// Waits until the server itself does not know the ids of before any more.
    async fn window_is_over(&self) -> anyhow::Result<()> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "a message after all others");
        let send = async || -> anyhow::Result<bool> {
            let ack = self.raw.publish_with_headers("signalbox.redrive.nobody", headers.clone(), "".into());
            Ok(ack.await?.await?.duplicate)
        };
        send().await?;
        tests::eventually(PATIENCE, "the window is over", async || {
            anyhow::ensure!(!send().await?, "the server knows it");
            Ok(())
        })
        .await
    }

    async fn log(&self) -> anyhow::Result<stream::Stream> {
        Ok(self.raw.get_stream("SIGNALBOX").await?)
    }

    async fn consumer(&self, name: &str) -> anyhow::Result<consumer::Info> {
        Ok(self.log().await?.consumer_info(name).await?)
    }
}

async fn ready(engine: &Engine) -> anyhow::Result<()> {
    tests::eventually(PATIENCE, "the engine is ready", async || {
        engine.bus.check().await.map_err(anyhow::Error::new)
    })
    .await
}

/// The ids of all events in the log.
async fn ids(bus: &dyn Bus) -> anyhow::Result<Vec<String>> {
    let page = bus.read(Position(1), 10_000).await?;
    Ok(page.iter().flat_map(|recorded| recorded.event.as_ref().map(|event| event.id().to_owned())).collect())
}

fn keyed(id: &str, key: &str) -> Envelope {
    Envelope::builder(id, "/tests", "t.keyed").partition_key(key).build().expect("a valid event")
}

/// The next delivery; a consumer that is made anew says so by an error first.
async fn next_in_spite_of_errors(deliveries: &mut Box<dyn Deliveries>) -> anyhow::Result<Delivery> {
    let next = async {
        loop {
            if let Ok(delivery) = deliveries.next().await {
                return delivery;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    Ok(tokio::time::timeout(PATIENCE, next).await?)
}
