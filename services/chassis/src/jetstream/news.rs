//! Tells who waits that the log has grown: one reader of the log's headers for the whole process, and only while
//! somebody waits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use events::subject::PREFIX;
use futures::StreamExt as _;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::ground::Ground;
use super::history;

/// Whoever waits looks at the log at least this often, should the news be late.
const LOOK: Duration = Duration::from_secs(5);
/// The reader ends when nobody waited for this long.
const IDLE: Duration = Duration::from_mins(1);

/// The news of the log.
#[derive(Default)]
pub struct News {
    reader: Mutex<Option<Reader>>,
}

struct Reader {
    last: watch::Receiver<u64>,
    waited: Arc<Mutex<Instant>>,
    task: AbortOnDropHandle<()>,
}

impl News {
    /// Returns when the log has something after `position`, or a while has passed.
    pub async fn wait(&self, ground: &Arc<Ground>, position: u64) -> anyhow::Result<()> {
        ground.connected()?;
        let mut last = self.last(ground);
        match tokio::time::timeout(LOOK, last.wait_for(|last| *last > position)).await {
            // Also when the reader has ended: the next one to wait begins a new one.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn last(&self, ground: &Arc<Ground>) -> watch::Receiver<u64> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let running = reader.take().filter(|reader| !reader.task.is_finished());
        let running = running.unwrap_or_else(|| {
            let (told, last) = watch::channel(0);
            let waited = Arc::new(Mutex::new(Instant::now()));
            let task = tokio::spawn(read(ground.clone(), told, waited.clone()));
            Reader { last, waited, task: AbortOnDropHandle::new(task) }
        });
        *running.waited.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        let last = running.last.clone();
        *reader = Some(running);
        last
    }
}

async fn read(ground: Arc<Ground>, told: watch::Sender<u64>, waited: Arc<Mutex<Instant>>) {
    if let Err(error) = follow(&ground, &told, &waited).await {
        tracing::debug!(error = format!("{error:#}"), "the news of the log were cut off");
        // Whoever waits meanwhile looks again after a while; do not begin anew at once.
        tokio::time::sleep(LOOK).await;
    }
}

async fn follow(ground: &Ground, told: &watch::Sender<u64>, waited: &Mutex<Instant>) -> anyhow::Result<()> {
    let assets = ground.assets().await?;
    let config = pull::OrderedConfig {
        deliver_policy: DeliverPolicy::New,
        headers_only: true,
        filter_subject: format!("{PREFIX}>"),
        ..pull::OrderedConfig::default()
    };
    let consumer = assets.stream.create_consumer(config).await.context("cannot follow the log")?;
    let mut messages = consumer.messages().await.context("cannot follow the log")?;
    // What came before the reader was there.
    told.send_replace(history::last_event(&assets).await?);
    loop {
        match tokio::time::timeout(LOOK, messages.next()).await {
            Ok(Some(message)) => {
                let message = message.context("cannot follow the log")?;
                let info = message.info().map_err(anyhow::Error::from_boxed)?;
                told.send_replace(info.stream_sequence);
            }
            Ok(None) => anyhow::bail!("the stream of messages ended"),
            Err(_) if waited.lock().unwrap_or_else(PoisonError::into_inner).elapsed() > IDLE => return Ok(()),
            Err(_) => {}
        }
    }
}
