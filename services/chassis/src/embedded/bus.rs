//! The log.

use std::sync::Arc;

use async_trait::async_trait;
use events::Envelope;
use tokio::sync::oneshot;

use super::consumer::Consumer;
use super::feed::Feed;
use super::writer::{Command, WriteError, ended};
use super::{Embedded, keys, record};
use crate::bus::{Bus, BusError, ConsumerSpec, Deliveries, Position, PublishError, Published, Recorded};
use crate::{claim, ledger};

/// What the subject of a redelivery begins with; the handler's name follows.
pub(super) const REDRIVE: &str = "signalbox.redrive.";

impl From<WriteError> for PublishError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Full => Self::Full(error.into()),
            WriteError::Ended(_) => Self::Unavailable(error.into()),
        }
    }
}

impl Embedded {
    async fn append(
        &self,
        hash: String,
        mut message: events::nats::Message,
        subject: Option<String>,
    ) -> Result<Published, PublishError> {
        if let Some(subject) = subject {
            message.subject = subject;
        }
        let Ok(place) = self.0.waiting.clone().try_acquire_owned() else {
            return Err(PublishError::Busy);
        };
        let (reply, answer) = oneshot::channel();
        self.0.writer.send(Command::Append { hash, message, place, reply })?;
        let (position, duplicate) = answer.await.map_err(|_| ended())??;
        Ok(Published { position: Position(position), duplicate })
    }

    async fn message(&self, event: &Envelope) -> Result<events::nats::Message, PublishError> {
        let bytes = event.body().len();
        if bytes > claim::MAX_BYTES {
            return Err(PublishError::TooLarge { bytes, limit: claim::MAX_BYTES });
        }
        let light = claim::check_in(self, event, claim::EMBEDDED_INLINE_BYTES)
            .await
            .map_err(|error| PublishError::Unavailable(error.into()))?;
        Ok(events::nats::encode(light.as_ref().unwrap_or(event)))
    }
}

#[async_trait]
impl Bus for Embedded {
    async fn publish(&self, event: &Envelope) -> Result<Published, PublishError> {
        let message = self.message(event).await?;
        self.append(ledger::event_hash(event), message, None).await
    }

    async fn redeliver(
        &self,
        handler: &str,
        event: &Envelope,
        token: &str,
    ) -> Result<Published, PublishError> {
        let message = self.message(event).await?;
        self.append(format!("redrive/{token}"), message, Some(format!("{REDRIVE}{handler}"))).await
    }

    async fn consume(&self, spec: ConsumerSpec) -> Result<Box<dyn Deliveries>, BusError> {
        let failed = |error: anyhow::Error| BusError::new("resume the consumer", error);
        let last = *self.0.last.borrow();
        let (consumer, changes) =
            Consumer::open(&self.0.db, spec, last, self.0.writer.commands()).map_err(failed)?;
        if !changes.is_empty() {
            // Where a new consumer begins must not move with a restart.
            let (reply, answer) = oneshot::channel();
            self.0
                .writer
                .send(Command::Raw { changes, reply: Some(reply) })
                .map_err(|error| failed(error.into()))?;
            answer.await.map_err(|_| failed(ended().into()))?.map_err(|error| failed(error.into()))?;
        }
        let consumer = Arc::new(consumer);
        let mut consumers = self.0.consumers.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(before) = consumers.insert(consumer.name().to_owned(), consumer.clone()) {
            before.replace();
        }
        Ok(Box::new(Feed::new(consumer, self.clone())))
    }

    async fn read(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, BusError> {
        // What is applied and not yet durable may yet be lost.
        let end = *self.0.last.borrow();
        let mut page = Vec::new();
        for item in self.0.db.range(keys::log(from.0)..keys::log(end + 1)) {
            if page.len() == limit {
                break;
            }
            let (key, framed) = item.map_err(|error| BusError::new("read the log", error))?;
            let (subject, mut recorded) = record::recorded(keys::log_position(&key).unwrap_or(0), &framed);
            if subject.starts_with(REDRIVE) {
                continue;
            }
            if let Ok(event) = recorded.event {
                recorded.event = claim::check_out_or_keep(self, event).await;
            }
            page.push(recorded);
        }
        Ok(page)
    }

    async fn last(&self) -> Result<Position, BusError> {
        Ok(Position(*self.0.last.borrow()))
    }

    async fn changed(&self, position: Position) -> Result<(), BusError> {
        let mut last = self.0.last.clone();
        match last.wait_for(|last| *last > position.0).await {
            Ok(_) => Ok(()),
            Err(error) => Err(BusError::new("wait for the next event", error)),
        }
    }

    async fn check(&self) -> Result<(), BusError> {
        let failed = |error: WriteError| BusError::new("write to the embedded bus", error);
        let (reply, answer) = oneshot::channel();
        let changes = vec![(keys::PROBE_KEY.to_vec(), Some(Vec::new()))];
        self.0.writer.send(Command::Raw { changes, reply: Some(reply) }).map_err(failed)?;
        answer.await.map_err(|_| failed(ended()))?.map_err(failed)
    }
}
