//! The JetStream engine: stream `SIGNALBOX` for the log, one durable pull consumer a handler, one key-value bucket for
//! each part of the state, and an object store for large bodies.
//!
//! The server need not be there when the engine is opened: what needs it fails as unavailable until it is, and the
//! connection is tried again for ever, with jitter.
//!
//! How durable an acknowledged event is, is the server's `sync_interval`: with `always` it is on disk.

pub mod access;
mod auth;
mod bus;
mod connect;
mod consumer;
mod dedup;
mod fit;
mod link;
mod store;
mod stream;
mod tls;
pub mod users;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::connection::State;
use async_nats::jetstream;
use tokio::sync::OnceCell;
use tokio_util::task::AbortOnDropHandle;

use access::Access;
use fit::Unfit;
use link::Link;
use stream::Assets;

/// How long the server may take to answer a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The JetStream engine.
pub struct JetStream {
    client: async_nats::Client,
    context: jetstream::Context,
    link: Arc<Link>,
    assets: OnceCell<Arc<Assets>>,
    indexer: std::sync::Mutex<Option<AbortOnDropHandle<()>>>,
}

impl JetStream {
    /// Begins to connect to the servers (separated by commas); `url` names them for people.
    pub async fn open(address: &str, url: String, access: Access) -> anyhow::Result<Self> {
        let (client, link) = connect::connect(address, url, access).await?;
        let mut context = jetstream::new(client.clone());
        context.set_timeout(REQUEST_TIMEOUT);
        Ok(Self { client, context, link, assets: OnceCell::new(), indexer: std::sync::Mutex::default() })
    }

    /// That the server can be used at all; one that is away may come later.
    pub async fn usable(&self) -> anyhow::Result<()> {
        match self.client.connection_state() {
            State::Connected => connect::new_enough(&self.client.server_info().version)?,
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
    async fn assets(&self) -> anyhow::Result<&Arc<Assets>> {
        self.connected()?;
        let assets = self
            .assets
            .get_or_try_init(|| async {
                connect::new_enough(&self.client.server_info().version)?;
                self.explained(stream::ensure(&self.context).await).map(Arc::new)
            })
            .await?;
        let mut indexer = self.indexer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if indexer.as_ref().is_none_or(AbortOnDropHandle::is_finished) {
            let task = tokio::spawn(dedup::index(assets.stream.clone(), assets.dedup.clone()));
            *indexer = Some(AbortOnDropHandle::new(task));
        }
        Ok(assets)
    }

    /// A request that the server refuses gets no answer: what was refused a moment ago explains it.
    fn explained<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        match (result, self.link.refusal()) {
            (Err(error), Some(refusal)) => Err(error).context(format!("the server refuses it: {refusal}")),
            (result, _) => result,
        }
    }

    /// That there is a connection, or why there is none.
    fn connected(&self) -> anyhow::Result<()> {
        self.link.check(&self.client.connection_state())
    }
}
