//! What the engine stands on: the connection, and the stream and buckets on the server. They are made when they are
//! missing, also when somebody deletes them under a running process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connect;
use super::link::Link;
use super::numbers::Numbers;
use super::retention::Retention;
use super::stream::{self, Assets};

/// After trouble, what is on the server is looked at again, but not more often than this.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The connection, and what is on the server.
pub struct Ground {
    /// The connection.
    pub client: async_nats::Client,
    /// JetStream on it.
    pub context: jetstream::Context,
    /// What the bus lost, and what it holds.
    pub numbers: Numbers,
    /// How much of the log the server is to keep.
    pub retention: Retention,
    link: Arc<Link>,
    assets: RwLock<Option<Arc<Assets>>>,
    /// Something failed in a way that a deleted stream or bucket would explain.
    doubtful: AtomicBool,
    /// When it was looked at last; held while it is looked at.
    looked: Mutex<Option<Instant>>,
}

impl Ground {
    /// On this connection; nothing is asked yet.
    pub fn new(
        client: async_nats::Client,
        context: jetstream::Context,
        link: Arc<Link>,
        numbers: Numbers,
        retention: Retention,
    ) -> Self {
        Self {
            numbers,
            retention,
            client,
            context,
            link,
            assets: RwLock::default(),
            doubtful: AtomicBool::new(false),
            looked: Mutex::default(),
        }
    }

    /// The stream, the buckets and the object store, made if they are not there.
    pub async fn assets(&self) -> anyhow::Result<Arc<Assets>> {
        self.connected()?;
        let known = self.known();
        match known {
            Some(assets) if !self.doubtful.load(Ordering::Acquire) => Ok(assets),
            // Whoever comes first looks; the others go on with what was there, which is only names.
            Some(assets) => match self.looked.try_lock() {
                Ok(looked) if looked.is_none_or(|at| at.elapsed() >= LOOK_AGAIN) => {
                    self.look(looked, Some(assets)).await
                }
                Ok(_) | Err(_) => Ok(assets),
            },
            None => {
                let looked = self.looked.lock().await;
                match self.known() {
                    Some(assets) => Ok(assets),
                    None => self.look(looked, None).await,
                }
            }
        }
    }

    /// Something failed in a way that a deleted stream or bucket would explain: it is looked at before the next use.
    pub fn doubt(&self) {
        self.doubtful.store(true, Ordering::Release);
    }

    /// That there is a connection, or why there is none. The client keeps what is sent while it is not connected and
    /// sends it later, when nobody waits for it any more: so nothing is sent then.
    pub fn connected(&self) -> anyhow::Result<()> {
        self.link.check(&self.client.connection_state())
    }

    /// A request that the server refuses gets no answer: what was refused a moment ago explains it.
    pub fn explained<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        match (result, self.link.refusal()) {
            (Err(error), Some(refusal)) => Err(error).context(format!("the server refuses it: {refusal}")),
            (result, _) => result,
        }
    }

    fn known(&self) -> Option<Arc<Assets>> {
        self.assets.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn look(
        &self,
        mut looked: tokio::sync::MutexGuard<'_, Option<Instant>>,
        before: Option<Arc<Assets>>,
    ) -> anyhow::Result<Arc<Assets>> {
        *looked = Some(Instant::now());
        let version = self.client.server_info().version;
        anyhow::ensure!(connect::introduced(&version)?, "the NATS server has not introduced itself yet");
        let assets = Arc::new(self.explained(stream::ensure(&self.context, self.retention).await)?);
        for (name, lost) in before.iter().flat_map(|before| remade(before, &assets)) {
            tracing::error!(
                stream = name,
                lost,
                "somebody deleted a stream on the NATS server: it was made anew"
            );
        }
        *self.assets.write().unwrap_or_else(PoisonError::into_inner) = Some(assets.clone());
        self.doubtful.store(false, Ordering::Release);
        Ok(assets)
    }
}

/// The streams that are not those of before, and what was in them.
fn remade(before: &Assets, now: &Assets) -> Vec<(String, &'static str)> {
    let streams = |assets: &Assets| -> Vec<(String, time::OffsetDateTime, &'static str)> {
        let state = assets.buckets.values().map(|bucket| (bucket.stream.cached_info(), "state"));
        let all = [
            (assets.stream.cached_info(), "the log of events"),
            (assets.dedup.stream.cached_info(), "the index of ids (it is made again from the log)"),
            (assets.places.stream.cached_info(), "the places of consumers"),
        ];
        let all = state.chain(all);
        all.map(|(info, what)| (info.config.name.clone(), info.created, what)).collect()
    };
    let before = streams(before);
    let now = streams(now).into_iter();
    now.filter(|(name, created, _)| before.iter().any(|(old, at, _)| old == name && at != created))
        .map(|(name, _, what)| (name, what))
        .collect()
}
