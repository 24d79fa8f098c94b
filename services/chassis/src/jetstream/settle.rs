//! Settles deliveries.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::AckKind;
use async_trait::async_trait;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::ground::Ground;
use super::place::{self, Place};
use crate::bus::{Acker, BusError, Settle};

/// Shorter delays are not written down: what is back so soon may as well be waited for.
const NOT_WORTH_WRITING: Duration = Duration::from_secs(1);

/// Settles one delivery.
pub struct Settler {
    /// How the server is reached.
    pub ground: Arc<Ground>,
    /// The place of its consumer.
    pub place: Arc<Place>,
    /// Which handler's.
    pub handler: Arc<str>,
    /// Its place in the log.
    pub position: u64,
    /// The partition key of its event.
    pub key: Option<String>,
    /// Where the server hears of it.
    pub reply: async_nats::Subject,
    /// Its place among those in flight, until it is settled.
    pub permit: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Settler {
    async fn told(&self, kind: AckKind) -> anyhow::Result<()> {
        self.ground.connected()?;
        // The client's one inbox for all requests: `double_ack` would subscribe for each.
        let answer = self.ground.client.request(self.reply.clone(), kind.into()).await;
        answer.map(|_| ()).context("the server did not confirm it")
    }

    async fn put_off(&self, delay: Duration) -> anyhow::Result<()> {
        // First written down: should the process die before the server hears of it, the delivery comes back early, and
        // is given back for the rest. The other way round, its heirs would not know that it is put off.
        if delay >= NOT_WORTH_WRITING {
            let (position, key) = (self.position, self.key.clone());
            let written = place::put_off(&self.ground, &self.handler, position, key, delay).await;
            if let Err(error) = written {
                // After a restart it would be waited for: for an ack wait, and for nothing.
                tracing::debug!(
                    position,
                    error = format!("{error:#}"),
                    "that it was put off was not written down"
                );
            }
        }
        self.told(AckKind::Nak(Some(delay))).await?;
        self.place.put_off(self.position, Instant::now() + delay);
        Ok(())
    }
}

#[async_trait]
impl Acker for Settler {
    async fn settle(&self, how: Settle) -> Result<(), BusError> {
        if how != Settle::Progress {
            self.permit.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        let done = match how {
            Settle::Progress => {
                let sent = self.ground.client.publish(self.reply.clone(), AckKind::Progress.into()).await;
                sent.context("there is no connection")
            }
            Settle::Skip => {
                // Should it get lost, the delivery comes again, and is settled by what the place knows.
                let sent = self.ground.client.publish(self.reply.clone(), AckKind::Ack.into()).await;
                sent.context("there is no connection").inspect(|()| self.place.settled(self.position))
            }
            Settle::Ack => self.told(AckKind::Ack).await.inspect(|()| self.place.settled(self.position)),
            Settle::Term => self.told(AckKind::Term).await.inspect(|()| self.place.settled(self.position)),
            Settle::Return(delay) => self.put_off(delay).await,
        };
        if done.is_err() && how != Settle::Progress {
            self.place.unconfirmed(self.position);
        }
        done.map_err(|error| BusError::new("record what became of a delivery", error))
    }
}
