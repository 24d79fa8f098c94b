//! The log on a stream.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_trait::async_trait;
use chrono::DateTime;
use events::Envelope;
use events::subject::PREFIX;
use futures::StreamExt as _;

use super::consumer::{Pull, decode};
use super::store::Buckets;
use super::stream::REDRIVE;
use super::{JetStream, dedup};
use crate::bus::{Bus, BusError, ConsumerSpec, Deliveries, Position, PublishError, Published, Recorded};
use crate::{claim, ledger};

/// How long to look for a message that was seen on the wire and is not in the log yet.
const SETTLING: Duration = Duration::from_secs(2);
/// A look at the log at least this often, should the wire have missed a message.
const LOOK: Duration = Duration::from_secs(5);

fn unavailable(error: impl Into<anyhow::Error>) -> PublishError {
    PublishError::Unavailable(error.into())
}

impl JetStream {
    async fn send(
        &self,
        event: &Envelope,
        id: &str,
        subject: Option<String>,
    ) -> Result<Published, PublishError> {
        let bytes = event.body().len();
        if bytes > claim::MAX_BYTES {
            return Err(PublishError::TooLarge { bytes, limit: claim::MAX_BYTES });
        }
        let light = claim::check_in(self, event, claim::INLINE_BYTES).await.map_err(unavailable)?;
        let message = events::nats::encode(light.as_ref().unwrap_or(event));
        let mut headers = HeaderMap::new();
        for (name, value) in &message.headers {
            let name: HeaderName =
                name.parse().map_err(|error| unavailable(anyhow::anyhow!("header {name}: {error}")))?;
            let value: HeaderValue =
                value.parse().map_err(|error| unavailable(anyhow::anyhow!("header {name:?}: {error}")))?;
            headers.append(name, value);
        }
        let outgoing =
            PublishMessage::build().headers(headers).payload(message.payload.into()).message_id(id);
        let sent = self.context.send_publish(subject.unwrap_or(message.subject), outgoing).await;
        let ack = match sent {
            Ok(ack) => ack.await,
            Err(error) => Err(error),
        };
        match ack {
            Ok(ack) => Ok(Published { position: Position(ack.sequence), duplicate: ack.duplicate }),
            Err(error) => Err(publish_error(error)),
        }
    }
}

fn publish_error(error: async_nats::jetstream::context::PublishError) -> PublishError {
    match error.kind() {
        PublishErrorKind::MaxAckPending => PublishError::Busy,
        PublishErrorKind::Other if format!("{error:?}").contains("no space") => {
            PublishError::Full(error.into())
        }
        PublishErrorKind::Other
        | PublishErrorKind::StreamNotFound
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxPayloadExceeded => PublishError::Unavailable(error.into()),
    }
}

#[async_trait]
impl Bus for JetStream {
    async fn publish(&self, event: &Envelope) -> Result<Published, PublishError> {
        let assets = self.assets().await.map_err(PublishError::Unavailable)?;
        let id = ledger::event_hash(event);
        if let Some(position) = dedup::find(&assets.dedup, &id).await.map_err(PublishError::Unavailable)? {
            return Ok(Published { position: Position(position), duplicate: true });
        }
        self.send(event, &id, None).await
    }

    async fn redeliver(
        &self,
        handler: &str,
        event: &Envelope,
        token: &str,
    ) -> Result<Published, PublishError> {
        self.assets().await.map_err(PublishError::Unavailable)?;
        self.send(event, &format!("redrive/{token}"), Some(format!("{REDRIVE}{handler}"))).await
    }

    async fn consume(&self, spec: ConsumerSpec) -> Result<Box<dyn Deliveries>, BusError> {
        let failed = |error: anyhow::Error| BusError::new("make or resume the consumer", error);
        let assets = self.assets().await.map_err(failed)?;
        let store = Buckets { assets: assets.clone(), context: self.context.clone() };
        Ok(Box::new(Pull::open(store, spec).await.map_err(failed)?))
    }

    async fn read(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, BusError> {
        let failed = |error: anyhow::Error| BusError::new("read the log", error);
        let assets = self.assets().await.map_err(failed)?;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from.0.max(1) },
            ack_policy: AckPolicy::None,
            filter_subject: format!("{PREFIX}>"),
            inactive_threshold: Duration::from_secs(30),
            memory_storage: true,
            ..pull::Config::default()
        };
        let consumer = assets.stream.create_consumer(config).await.map_err(|error| failed(error.into()))?;
        let batch = consumer.fetch().max_messages(limit).messages().await;
        let mut batch = batch.map_err(|error| failed(error.into()))?;
        let mut page = Vec::new();
        while let Some(message) = batch.next().await {
            let message = message.map_err(|error| failed(anyhow::Error::from_boxed(error)))?;
            let info = message.info().map_err(|error| failed(anyhow::Error::from_boxed(error)))?;
            let millis = info.published.unix_timestamp_nanos() / 1_000_000;
            let recorded =
                i64::try_from(millis).ok().and_then(DateTime::from_timestamp_millis).unwrap_or_default();
            let position = Position(info.stream_sequence);
            let event = match decode(&message.message) {
                Ok(event) => claim::check_out_or_keep(self, event).await,
                Err(undecodable) => Err(undecodable),
            };
            page.push(Recorded { position, recorded, event });
        }
        // It would go by itself after its threshold; this only spares the server.
        let _ = assets.stream.delete_consumer(&consumer.cached_info().name).await;
        Ok(page)
    }

    async fn last(&self) -> Result<Position, BusError> {
        let failed = |error: anyhow::Error| BusError::new("read the end of the log", error);
        let assets = self.assets().await.map_err(failed)?;
        let info = assets.stream.get_info().await.map_err(|error| failed(error.into()))?;
        Ok(Position(info.state.last_sequence))
    }

    async fn changed(&self, position: Position) -> Result<(), BusError> {
        let failed = |error: anyhow::Error| BusError::new("wait for the next event", error);
        self.connected().map_err(failed)?;
        let mut wire =
            self.client.subscribe(format!("{PREFIX}>")).await.map_err(|error| failed(error.into()))?;
        if self.last().await? > position {
            return Ok(());
        }
        if tokio::time::timeout(LOOK, wire.next()).await.is_ok() {
            // The message went by; the stream stores it a moment later.
            let patience = tokio::time::Instant::now() + SETTLING;
            while self.last().await? <= position && tokio::time::Instant::now() < patience {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Ok(())
    }

    async fn check(&self) -> Result<(), BusError> {
        let failed = |error: anyhow::Error| BusError::new("write to the NATS server", error);
        let assets = self.assets().await.map_err(failed)?;
        let put = assets.dedup.put(dedup::PROBE, bytes::Bytes::new()).await;
        put.map(|_| ()).context("the server does not take a write").map_err(failed)
    }
}
