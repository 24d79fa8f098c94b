//! The log.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use events::Envelope;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::appender::{Appended, Command, Series};
use super::consumer::Consumer;
use super::feed::Feed;
use super::log::entry::Id;
use super::trouble::WriteError;
use super::{Embedded, keys, record};
use crate::bus::{
    Bus, BusError, ConsumerSpec, Deliveries, Position, PublishError, Published, Recorded, Start,
};
use crate::store::StoreError;
use crate::{claim, ledger};

/// What the subject of a redelivery begins with; the handler's name follows.
pub(super) const REDRIVE: &str = "signalbox.redrive.";

impl From<WriteError> for PublishError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Full(_) => Self::Full(error.into()),
            WriteError::Behind => Self::behind(),
            WriteError::Broken(_) | WriteError::Ended => Self::Unavailable(error.into()),
        }
    }
}

/// An event that is on its way to the disk.
type OnItsWay = oneshot::Receiver<Appended>;

impl Embedded {
    fn hand_over(
        &self,
        id: Id,
        message: events::nats::Message,
        place: OwnedSemaphorePermit,
        series: Series,
    ) -> Result<OnItsWay, PublishError> {
        let (reply, answer) = oneshot::channel();
        self.0.appender.send(Command::Append { id, message, place, series, reply })?;
        Ok(answer)
    }

    fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.0.waiting.clone().try_acquire_owned().ok()
    }

    async fn append(&self, id: Id, message: events::nats::Message) -> Result<Published, PublishError> {
        let place = self.place().ok_or(PublishError::Busy)?;
        published(self.hand_over(id, message, place, Series::default())?).await
    }

    async fn message(&self, event: &Envelope) -> Result<events::nats::Message, PublishError> {
        let bytes = event.body().len();
        if bytes > claim::MAX_BYTES {
            return Err(PublishError::TooLarge { bytes, limit: claim::MAX_BYTES });
        }
        let light = claim::check_in(self, event, claim::EMBEDDED_INLINE_BYTES).await;
        let light = light.map_err(|error| match error {
            StoreError::Full(source) => PublishError::Full(source),
            StoreError::Conflict | StoreError::Unavailable(_) => PublishError::Unavailable(error.into()),
        })?;
        if light.is_none()
            && let Some(name) = claim::name(event)
        {
            // The body is older than the event that now refers to it.
            let (folder, now) = (self.0.folder.clone(), self.0.clock.now());
            let touched = tokio::task::spawn_blocking(move || folder.blobs().touch(&name, now)).await;
            let touched = touched.map_err(|error| PublishError::Unavailable(error.into()))?;
            touched.map_err(|error| WriteError::of(&error))?;
        }
        Ok(events::nats::encode(light.as_ref().unwrap_or(event)))
    }

    /// Up to `limit` of what `pick` makes of the records at or after `from`, oldest first.
    pub(super) fn page<T>(
        &self,
        from: Position,
        limit: usize,
        pick: impl Fn(&record::Raw) -> Option<T>,
    ) -> Result<Vec<T>, BusError> {
        // What is not published yet is not answered yet.
        let end = *self.0.last.borrow();
        let (mut page, mut from) = (Vec::new(), from.0.max(1));
        while page.len() < limit {
            let found = self.0.log.find(from).map_err(|error| BusError::new("read the log", error))?;
            let Some(raw) = found.filter(|raw| raw.position <= end) else { break };
            from = raw.position + 1;
            page.extend(pick(&raw));
        }
        Ok(page)
    }

    fn id_of(event: &Envelope) -> Id {
        let mut id = Id::default();
        hex::decode_to_slice(ledger::event_hash(event), &mut id).expect("the hash is hex of 16 bytes");
        id
    }
}

/// The id of a redelivery's token.
pub(super) fn id_of_token(token: &str) -> Id {
    let hash = Sha256::digest(format!("redrive/{token}"));
    *hash.first_chunk().expect("a SHA-256 has 32 bytes")
}

async fn published(answer: OnItsWay) -> Result<Published, PublishError> {
    let (position, duplicate) = answer.await.map_err(|_| WriteError::Ended)??;
    Ok(Published { position: Position(position), duplicate })
}

#[async_trait]
impl Bus for Embedded {
    async fn publish(&self, event: &Envelope) -> Result<Published, PublishError> {
        let message = self.message(event).await?;
        self.append(Self::id_of(event), message).await
    }

    async fn publish_all(&self, events: &[Envelope]) -> Vec<Result<Published, PublishError>> {
        let mut results: Vec<Option<Result<Published, PublishError>>> = events.iter().map(|_| None).collect();
        let (mut waiting, series) = (VecDeque::new(), Series::default());
        for (at, event) in events.iter().enumerate() {
            let mut place = self.place();
            while place.is_none()
                // All places are taken, perhaps by this batch.
                && let Some((first, answer)) = waiting.pop_front()
            {
                results[first] = Some(published(answer).await);
                place = self.place();
            }
            if series.is_broken() {
                break;
            }
            let handed = match (self.message(event).await, place) {
                (Ok(message), Some(place)) => {
                    self.hand_over(Self::id_of(event), message, place, series.clone())
                }
                (Ok(_), None) => Err(PublishError::Busy),
                (Err(error), _) => Err(error),
            };
            match handed {
                Ok(answer) => waiting.push_back((at, answer)),
                Err(error) => {
                    // Those that wait stand before it, and are stored.
                    let ends = !error.is_of_the_event();
                    results[at] = Some(Err(error));
                    if ends {
                        break;
                    }
                }
            }
        }
        for (at, answer) in waiting {
            results[at] = Some(published(answer).await);
        }
        results.into_iter().map(|result| result.unwrap_or_else(|| Err(PublishError::behind()))).collect()
    }

    async fn redeliver(
        &self,
        handler: &str,
        event: &Envelope,
        token: &str,
    ) -> Result<Published, PublishError> {
        let mut message = self.message(event).await?;
        message.subject = format!("{REDRIVE}{handler}");
        self.append(id_of_token(token), message).await
    }

    async fn consume(&self, spec: ConsumerSpec) -> Result<Box<dyn Deliveries>, BusError> {
        let failed = |error: anyhow::Error| BusError::new("resume the consumer", error);
        let last = *self.0.last.borrow();
        let first = self.0.log.first().unwrap_or(last + 1);
        let begin = match spec.start {
            Start::Beginning => 0,
            Start::Now => last,
            Start::At(time) => {
                let found = self.0.log.seek(time.timestamp_millis()).map_err(failed)?;
                found.map_or(last, |found| found.saturating_sub(1)).min(last)
            }
        };
        let commands = self.0.writer.commands();
        let now = self.0.clock.now();
        let (consumer, changes) =
            Consumer::open(&self.0.state, spec, (first, begin), now, commands).map_err(failed)?;
        self.0.writer.write(changes).await.map_err(|error| failed(error.into()))?;
        let consumer = Arc::new(consumer);
        self.0.consumers.insert(consumer.clone());
        Ok(Box::new(Feed::new(consumer, self.clone())))
    }

    async fn read(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, BusError> {
        self.page(from, limit, |raw| {
            let (subject, recorded) = record::recorded(raw);
            (!subject.starts_with(REDRIVE)).then_some(recorded)
        })
    }

    async fn first(&self) -> Result<Position, BusError> {
        Ok(Position(self.0.log.first().unwrap_or(*self.0.last.borrow() + 1)))
    }

    async fn seek(&self, time: DateTime<Utc>) -> Result<Position, BusError> {
        let found =
            self.0.log.seek(time.timestamp_millis()).map_err(|error| BusError::new("read the log", error))?;
        let next = *self.0.last.borrow() + 1;
        Ok(Position(found.map_or(next, |found| found.min(next))))
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
        self.0.appender.send(Command::Probe { reply }).map_err(failed)?;
        let probe = vec![(keys::PROBE_KEY.to_vec(), Some(Vec::new()))];
        // Both at once, so that neither waits for the disk twice.
        let (log, state) = tokio::join!(answer, self.0.writer.write(probe));
        log.map_err(|_| failed(WriteError::Ended))?.and(state).map_err(failed)
    }
}
