//! The deliveries of a durable consumer, and how they are settled.

use std::sync::Arc;

use async_trait::async_trait;

use super::consumer::{Consumer, Turn};
use super::writer::ended;
use super::{Embedded, keys, record};
use crate::bus::{Acker, BusError, Deliveries, Delivery, Settle};

/// So many positions of others are passed before other tasks get their turn: reading does not wait for anything.
const YIELD_EVERY: u32 = 64;

/// The deliveries of a consumer.
pub struct Feed {
    consumer: Arc<Consumer>,
    engine: Embedded,
}

impl Feed {
    /// The deliveries of this consumer.
    pub fn new(consumer: Arc<Consumer>, engine: Embedded) -> Self {
        Self { consumer, engine }
    }

    fn read(&self, position: u64) -> Result<Option<(String, crate::bus::Recorded)>, BusError> {
        let framed = self
            .engine
            .0
            .db
            .get(keys::log(position))
            .map_err(|error| BusError::new("read the log", error))?;
        Ok(framed.map(|framed| record::recorded(position, &framed)))
    }

    fn deliver(&self, position: u64, attempt: u32) -> Result<Option<Delivery>, BusError> {
        let Some((_, recorded)) = self.read(position)? else { return Ok(None) };
        let settler =
            Settler { consumer: self.consumer.clone(), engine: self.engine.clone(), position, attempt };
        let (position, event) = (recorded.position, recorded.event);
        Ok(Some(Delivery { position, again: attempt > 1, event, acker: Box::new(settler) }))
    }
}

#[async_trait]
impl Deliveries for Feed {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        let mut last = self.engine.0.last.clone();
        let mut passed: u32 = 0;
        loop {
            if self.consumer.is_replaced() {
                return Err(BusError::new(
                    "take the next delivery",
                    anyhow::anyhow!("another consumer has this name"),
                ));
            }
            let woken = self.consumer.woken();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let end = *last.borrow_and_update();
            match self.consumer.turn(end, self.engine.0.clock.now()) {
                Turn::Deliver { position, attempt } => {
                    if let Some(delivery) = self.deliver(position, attempt)? {
                        return Ok(delivery);
                    }
                }
                Turn::Read(position) => {
                    let ours = self.read(position)?.is_some_and(|(subject, recorded)| {
                        self.consumer.hears(&subject, recorded.event.as_ref().ok().map(events::Envelope::ty))
                    });
                    if !ours {
                        self.consumer.pass(position);
                        passed += 1;
                        if passed.is_multiple_of(YIELD_EVERY) {
                            tokio::task::yield_now().await;
                        }
                        continue;
                    }
                    self.consumer.take(position);
                    if let Some(delivery) = self.deliver(position, 1)? {
                        return Ok(delivery);
                    }
                }
                Turn::Wait(patience) => {
                    let timer = async {
                        match patience {
                            Some(patience) => tokio::time::sleep(patience).await,
                            None => std::future::pending().await,
                        }
                    };
                    tokio::select! {
                        () = &mut woken => {}
                        changed = last.changed() => {
                            changed.map_err(|_| BusError::new("wait for the next event", ended()))?;
                        }
                        () = timer => {}
                    }
                }
            }
        }
    }
}

struct Settler {
    consumer: Arc<Consumer>,
    engine: Embedded,
    position: u64,
    attempt: u32,
}

#[async_trait]
impl Acker for Settler {
    async fn settle(&self, how: Settle) -> Result<(), BusError> {
        let failed = |error: anyhow::Error| BusError::new("record what became of a delivery", error);
        if self.consumer.is_replaced() {
            return Err(failed(anyhow::anyhow!("another consumer has taken the place of this one")));
        }
        let now = self.engine.0.clock.now();
        match self.consumer.settle(self.position, self.attempt, how, now) {
            None => Ok(()),
            Some(answer) => {
                answer.await.map_err(|_| failed(ended().into()))?.map_err(|error| failed(error.into()))
            }
        }
    }
}
