//! The JetStream engine: stream `SIGNALBOX` for the log, one durable pull consumer a handler, one key-value bucket for
//! each part of the state, and an object store for large bodies.
//!
//! The server need not be there when the engine is opened: what needs it fails as unavailable until it is, and the
//! connection is tried again for ever, with jitter.
//!
//! How durable an acknowledged event is, is the server's `sync_interval`: with `always` it is on disk.

pub mod access;
mod archive;
mod auth;
mod batch;
mod blobs;
mod bus;
mod chunk;
mod connect;
mod consumer;
mod dedup;
mod durable;
mod filter;
mod fit;
mod gate;
mod ground;
mod history;
mod link;
mod listing;
mod loss;
mod message;
mod news;
mod numbers;
mod place;
mod publish;
pub mod retention;
mod settle;
mod store;
mod stream;
mod sweep;
mod tls;
pub mod users;
mod verify;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream;
use prometheus::Registry;
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use access::Access;
use dedup::Index;
use fit::Unfit;
use ground::Ground;
use listing::Listing;
use news::News;
use numbers::Numbers;
use retention::Retention;
use stream::Assets;

/// How long the server may take to answer a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The JetStream engine.
pub struct JetStream {
    ground: Arc<Ground>,
    index: Arc<Index>,
    /// Events that may be on their way: whoever comes beyond hears that the bus is busy, instead of waiting in a line
    /// without an end.
    in_flight: Semaphore,
    news: News,
    listing: Listing,
    keeper: std::sync::Mutex<Option<AbortOnDropHandle<()>>>,
}

impl JetStream {
    /// Begins to connect to the servers (separated by commas); `url` names them for people.
    pub async fn open(address: &str, url: String, access: Access) -> anyhow::Result<Self> {
        Self::open_with(address, url, access, Retention::default()).await
    }

    /// Begins to connect; the log is to be kept so long.
    pub async fn open_with(
        address: &str,
        url: String,
        access: Access,
        retention: Retention,
    ) -> anyhow::Result<Self> {
        let (client, link) = connect::connect(address, url, access).await?;
        let numbers = Numbers::new()?;
        let context = jetstream::ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            // Events are counted by ourselves; the state has room beside them, and waits for it.
            .max_ack_inflight(publish::MAX_IN_FLIGHT * 2)
            .build(client.clone());
        Ok(Self {
            ground: Arc::new(Ground::new(client, context, link, numbers, retention)),
            index: Arc::new(Index::new()),
            in_flight: Semaphore::new(publish::MAX_IN_FLIGHT),
            news: News::default(),
            listing: Listing::default(),
            keeper: std::sync::Mutex::default(),
        })
    }

    /// Shows what the bus lost, and what it holds.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        self.ground.numbers.register(registry)
    }

    /// Sets the limits of the log that were given, or says why that cannot be; without being asked it is tried each minute.
    pub async fn retain(&self) -> anyhow::Result<()> {
        retention::apply(&self.ground).await
    }

    /// That the server can be used at all; one that is away may come later.
    pub async fn usable(&self) -> anyhow::Result<()> {
        match self.ground.client.connection_state() {
            State::Connected => {
                if !connect::introduced(&self.ground.client.server_info().version)? {
                    return Ok(());
                }
            }
            State::Pending | State::Disconnected => return Ok(()),
        }
        match self.assets().await {
            Err(error) if error.is::<Unfit>() => Err(error),
            Ok(_) => Ok(()),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(
                    error,
                    "what is needed on the NATS server is not there yet, trying again for ever"
                );
                Ok(())
            }
        }
    }

    /// The stream, the buckets and the object store, made if they are not there yet.
    async fn assets(&self) -> anyhow::Result<Arc<Assets>> {
        let assets = self.ground.assets().await?;
        let mut keeper = self.keeper.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if keeper.as_ref().is_none_or(AbortOnDropHandle::is_finished) {
            let index = self.index.clone().keep(self.ground.clone());
            let sweep = sweep::keep(self.ground.clone());
            let retention = retention::keep(self.ground.clone());
            let task = tokio::spawn(async { tokio::join!(index, sweep, retention).0 });
            *keeper = Some(AbortOnDropHandle::new(task));
        }
        Ok(assets)
    }
}
