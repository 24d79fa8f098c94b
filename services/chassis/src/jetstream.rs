//! The JetStream engine: stream `SIGNALBOX` for the log, one durable pull consumer a handler, one key-value bucket for
//! each part of the state, and an object store for large bodies.
//!
//! The server need not be there when the engine is opened: what needs it fails as unavailable until it is, and the
//! connection is tried again for ever, with jitter.
//!
//! How durable an acknowledged event is, is the server's `sync_interval`: with `always` it is on disk.

mod bus;
mod consumer;
mod dedup;
mod store;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::connection::State;
use async_nats::jetstream;
use rand::Rng as _;
use tokio::sync::OnceCell;
use tokio_util::task::AbortOnDropHandle;

use stream::Assets;

/// How long the server may take to answer a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that is dead without a word is noticed after two of these.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// How long opening waits for a server.
const FIRST_CONNECT: Duration = Duration::from_secs(2);
/// The longest wait between two attempts to connect.
const LONGEST_RECONNECT: Duration = Duration::from_secs(4);

/// The JetStream engine.
pub struct JetStream {
    client: async_nats::Client,
    context: jetstream::Context,
    assets: OnceCell<Arc<Assets>>,
    indexer: std::sync::Mutex<Option<AbortOnDropHandle<()>>>,
}

impl JetStream {
    /// Begins to connect to the servers (separated by commas).
    pub async fn open(address: &str) -> anyhow::Result<Self> {
        let servers = address
            .split(',')
            .map(str::parse)
            .collect::<Result<Vec<async_nats::ServerAddr>, _>>()
            .context("the address of the server is not understood")?;
        let client = async_nats::ConnectOptions::new()
            .name("signalbox")
            .retry_on_initial_connect()
            .max_reconnects(None)
            .ping_interval(PING_INTERVAL)
            .request_timeout(Some(REQUEST_TIMEOUT))
            .reconnect_delay_callback(reconnect_delay)
            .event_callback(|event| async move { tracing::info!(%event, "nats") })
            .connect(servers)
            .await
            .context("cannot set up the connection")?;
        connected_soon(&client).await;
        let mut context = jetstream::new(client.clone());
        context.set_timeout(REQUEST_TIMEOUT);
        Ok(Self { client, context, assets: OnceCell::new(), indexer: std::sync::Mutex::default() })
    }

    /// The stream, the buckets and the object store, made if they are not there yet.
    async fn assets(&self) -> anyhow::Result<&Arc<Assets>> {
        self.connected()?;
        let assets = self
            .assets
            .get_or_try_init(|| async { stream::ensure(&self.context).await.map(Arc::new) })
            .await?;
        let mut indexer = self.indexer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if indexer.as_ref().is_none_or(AbortOnDropHandle::is_finished) {
            let task = tokio::spawn(dedup::index(assets.stream.clone(), assets.dedup.clone()));
            *indexer = Some(AbortOnDropHandle::new(task));
        }
        Ok(assets)
    }

    /// The client keeps what is sent while it is not connected and sends it later, when nobody waits for it any more: so
    /// nothing is sent then.
    fn connected(&self) -> anyhow::Result<()> {
        match self.client.connection_state() {
            State::Connected => Ok(()),
            State::Pending | State::Disconnected => {
                anyhow::bail!("there is no connection to the NATS server")
            }
        }
    }
}

/// Waits a moment for a server that is there, so that what comes next need not fail first.
async fn connected_soon(client: &async_nats::Client) {
    let connected = async {
        while client.connection_state() != State::Connected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // Later is fine, too.
    let _ = tokio::time::timeout(FIRST_CONNECT, connected).await;
}

/// Doubles from 100 ms, and takes a random half off, so that the services do not come back all at once.
fn reconnect_delay(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.min(8)).unwrap_or(8);
    let full = Duration::from_millis(100).saturating_mul(1 << doublings).min(LONGEST_RECONNECT);
    full.mul_f64(rand::rng().random_range(0.5..=1.0))
}
