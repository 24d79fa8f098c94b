//! Events go out.

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use events::{Envelope, extension};

use super::chunk::Id;
use super::stream::{Assets, REDRIVE};
use super::{JetStream, blobs, message};
use crate::bus::{Position, PublishError, Published};
use crate::store::StoreError;
use crate::{claim, ledger};

/// Acknowledgements that a process waits for at most: beyond, the bus is busy. (A message has 256 KiB at most.)
pub const MAX_IN_FLIGHT: usize = 4096;

/// The server did not take it.
pub(super) type Refused = async_nats::jetstream::context::PublishError;

/// An event on its way, or known before.
pub(super) enum Step {
    /// The index knows it.
    Known(Published),
    /// To that subject.
    Send(String, PublishMessage),
}

impl JetStream {
    /// Publishes one event.
    pub(super) async fn publish_one(&self, event: &Envelope) -> Result<Published, PublishError> {
        let assets = self.assets().await.map_err(PublishError::Unavailable)?;
        let step = self.step(&assets, event, &ledger::event_hash(event), None).await;
        self.finish(step?).await
    }

    /// Publishes the event to one handler.
    pub(super) async fn redeliver_one(
        &self,
        handler: &str,
        event: &Envelope,
        token: &str,
    ) -> Result<Published, PublishError> {
        let assets = self.assets().await.map_err(PublishError::Unavailable)?;
        let subject = format!("{REDRIVE}{handler}");
        let step = self.step(&assets, event, &message::redelivery_id(token), Some(subject)).await;
        self.finish(step?).await
    }

    /// Asks the index, and makes the message.
    pub(super) async fn step(
        &self,
        assets: &Assets,
        event: &Envelope,
        id: &str,
        subject: Option<String>,
    ) -> Result<Step, PublishError> {
        let bytes = event.body().len();
        if bytes > claim::MAX_BYTES {
            return Err(PublishError::TooLarge { bytes, limit: claim::MAX_BYTES });
        }
        let known = self.index.find(assets, &Id::of_text(id)).await.map_err(PublishError::Unavailable)?;
        if let Some(position) = known {
            return Ok(Step::Known(Published { position: Position(position), duplicate: true }));
        }
        let unavailable = |error: StoreError| PublishError::Unavailable(error.into());
        let light = claim::check_in(self, event, claim::INLINE_BYTES).await.map_err(unavailable)?;
        // An event that is light already, a redelivery: its body must last as long as this message.
        if let Some(name) = event.extension(extension::DATAREF).as_deref().and_then(blobs::of_dataref) {
            let blobs = blobs::Blobs { assets, context: &self.ground.context };
            blobs.renew(name, blobs::RENEWED).await.map_err(PublishError::Unavailable)?;
        }
        let encoded = events::nats::encode(light.as_ref().unwrap_or(event));
        let subject = subject.unwrap_or_else(|| encoded.subject.clone());
        let outgoing = message::outgoing(encoded).map_err(PublishError::Unavailable)?.message_id(id);
        Ok(Step::Send(subject, outgoing))
    }

    async fn finish(&self, step: Step) -> Result<Published, PublishError> {
        match step {
            Step::Known(published) => Ok(published),
            Step::Send(subject, outgoing) => {
                let Ok(_place) = self.in_flight.try_acquire() else {
                    return Err(PublishError::Busy);
                };
                let ack = match self.ground.context.send_publish(subject, outgoing).await {
                    Ok(ack) => ack.await,
                    Err(error) => Err(error),
                };
                self.acknowledged(ack)
            }
        }
    }

    /// What the server answered.
    pub(super) fn acknowledged(
        &self,
        ack: Result<async_nats::jetstream::publish::PublishAck, Refused>,
    ) -> Result<Published, PublishError> {
        match ack {
            Ok(ack) => Ok(Published { position: Position(ack.sequence), duplicate: ack.duplicate }),
            Err(error) => Err(self.refused(error)),
        }
    }

    /// Why the server did not take it.
    pub(super) fn refused(&self, error: Refused) -> PublishError {
        match error.kind() {
            PublishErrorKind::MaxAckPending => PublishError::Busy,
            PublishErrorKind::Other if format!("{error:?}").contains("no space") => {
                PublishError::Full(error.into())
            }
            PublishErrorKind::MaxPayloadExceeded => PublishError::Unavailable(error.into()),
            PublishErrorKind::Other
            | PublishErrorKind::StreamNotFound
            | PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::WrongLastSequence
            | PublishErrorKind::TimedOut
            | PublishErrorKind::BrokenPipe => {
                self.ground.doubt();
                PublishError::Unavailable(error.into())
            }
        }
    }
}
