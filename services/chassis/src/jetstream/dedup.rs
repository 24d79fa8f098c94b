//! The dedup index: remembers ids for longer than the server's own window.
//!
//! A durable consumer of the log writes the id of each event to a key-value bucket, so the index survives crashes by
//! construction and may lag by as much as the server's window without a double.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{kv, stream};
use futures::StreamExt as _;

/// The key that the readiness check writes; no event has it, ids are longer.
pub const PROBE: &str = "readiness";
/// Durable name of the consumer; all processes share it.
pub const CONSUMER: &str = "signalbox-event-ids";
const ACK_WAIT: Duration = Duration::from_secs(30);
const IN_FLIGHT: i64 = 256;
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Wait after an error.
const PAUSE: Duration = Duration::from_secs(2);

/// Whether the index knows an event; its position.
pub async fn find(index: &kv::Store, hash: &str) -> anyhow::Result<Option<u64>> {
    let Some(value) = index.get(hash).await.context("cannot read the index of event ids")? else {
        return Ok(None);
    };
    Ok(std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok()))
}

/// Keeps the index, for ever.
pub async fn index(stream: stream::Stream, index: kv::Store) {
    loop {
        if let Err(error) = follow(&stream, &index).await {
            tracing::warn!(error = format!("{error:#}"), "the index of event ids is behind, trying again");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn follow(stream: &stream::Stream, index: &kv::Store) -> anyhow::Result<()> {
    let config = pull::Config {
        durable_name: Some(CONSUMER.to_owned()),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: IN_FLIGHT,
        headers_only: true,
        filter_subject: format!("{}>", events::subject::PREFIX),
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.context("cannot make the consumer of the index")?;
    let mut messages =
        consumer.stream().heartbeat(HEARTBEAT).messages().await.context("cannot follow the log")?;
    while let Some(message) = messages.next().await {
        let message = message.context("cannot follow the log")?;
        let position = message
            .info()
            .map_err(anyhow::Error::from_boxed)
            .context("a message has no position")?
            .stream_sequence;
        let id =
            message.headers.as_ref().and_then(|headers| headers.get(async_nats::header::NATS_MESSAGE_ID));
        if let Some(id) = id {
            index
                .put(id.as_str(), position.to_string().into())
                .await
                .context("cannot write the index of event ids")?;
        }
        message.ack().await.map_err(anyhow::Error::from_boxed).context("cannot acknowledge to the log")?;
    }
    anyhow::bail!("the stream of messages ended")
}
