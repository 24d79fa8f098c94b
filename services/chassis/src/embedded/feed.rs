//! The deliveries of a durable consumer, and how they are settled.

use std::sync::Arc;

use async_trait::async_trait;

use super::bus::REDRIVE;
use super::consumer::{Consumer, Turn};
use super::trouble::WriteError;
use super::{Embedded, record};
use crate::bus::{Acker, BusError, Deliveries, Delivery, Recorded, Settle};
use crate::dead::unmarked;
use crate::replay;

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

    /// The record at or after that position.
    fn read(&self, from: u64) -> Result<Option<(String, Recorded)>, BusError> {
        let found = self.engine.0.log.find(from).map_err(|error| BusError::new("read the log", error))?;
        Ok(found.as_ref().map(record::recorded))
    }

    fn deliver(&self, subject: &str, recorded: Recorded, again: bool) -> Delivery {
        let Recorded { position, event, recorded: _ } = recorded;
        let (event, first_tried) = if subject.starts_with(REDRIVE) { unmarked(event) } else { (event, None) };
        let settler =
            Settler { consumer: self.consumer.clone(), engine: self.engine.clone(), position: position.0 };
        let event = event.map(|event| replay::delivered(event, subject.starts_with(REDRIVE)));
        Delivery { position, again, first_tried, event, acker: Box::new(settler) }
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
            match self.consumer.turn(end) {
                Turn::Deliver(position) => match self.read(position)? {
                    Some((subject, recorded)) if recorded.position.0 == position => {
                        return Ok(self.deliver(&subject, recorded, true));
                    }
                    // It was dropped meanwhile.
                    Some(_) | None => {
                        let now = self.engine.0.clock.now();
                        drop(self.consumer.settle(position, Settle::Ack, now));
                    }
                },
                Turn::Read(position) => {
                    let found = self.read(position)?.filter(|(_, recorded)| recorded.position.0 <= end);
                    let Some((subject, recorded)) = found else {
                        self.consumer.pass(end);
                        continue;
                    };
                    let at = recorded.position.0;
                    let ty = recorded.event.as_ref().ok().map(events::Envelope::ty);
                    if self.consumer.hears(&subject, ty) {
                        if at > position {
                            self.consumer.pass(at - 1);
                        }
                        let again = self.consumer.take(at);
                        return Ok(self.deliver(&subject, recorded, again));
                    }
                    self.consumer.pass(at);
                    passed += 1;
                    if passed.is_multiple_of(YIELD_EVERY) {
                        tokio::task::yield_now().await;
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
                            changed.map_err(|_| BusError::new("wait for the next event", WriteError::Ended))?;
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
}

#[async_trait]
impl Acker for Settler {
    async fn settle(&self, how: Settle) -> Result<(), BusError> {
        let failed = |error: anyhow::Error| BusError::new("record what became of a delivery", error);
        if self.consumer.is_replaced() {
            return Err(failed(anyhow::anyhow!("another consumer has taken the place of this one")));
        }
        let now = self.engine.0.clock.now();
        match self.consumer.settle(self.position, how, now) {
            None => Ok(()),
            Some(settling) => self.consumer.settled(settling).await.map_err(|error| failed(error.into())),
        }
    }
}
