//! Many events at once, in their order.

use std::collections::VecDeque;

use async_nats::jetstream::context::PublishAckFuture;
use async_nats::jetstream::message::PublishMessage;
use events::Envelope;
use tokio::sync::SemaphorePermit;

use super::JetStream;
use super::publish::Step;
use super::stream::Assets;
use crate::bus::{PublishError, Published};
use crate::ledger;

/// Acknowledgements that one batch waits for at most: enough that the connection is never idle.
const IN_FLIGHT: usize = 1024;

type Answer = Result<Published, PublishError>;

/// Sent and not answered.
struct OnItsWay<'a> {
    ack: PublishAckFuture,
    /// Its place among those of the process.
    _place: SemaphorePermit<'a>,
}

struct Batch<'a> {
    bus: &'a JetStream,
    answers: Vec<Option<Answer>>,
    /// Sent and not answered: where it stands in the batch.
    waiting: VecDeque<(usize, OnItsWay<'a>)>,
    /// Why no more are sent.
    failed: Option<String>,
}

impl JetStream {
    /// Publishes the events in their order, with many under way at once. After one that failed none is sent any more, so
    /// that those that are stored are in order.
    pub(super) async fn publish_batch(&self, events: &[Envelope]) -> Vec<Answer> {
        let assets = match self.assets().await {
            Ok(assets) => assets,
            Err(error) => {
                let why = format!("{error:#}");
                return events.iter().map(|_| Err(unavailable(&why))).collect();
            }
        };
        let answers = events.iter().map(|_| None).collect();
        let mut batch = Batch { bus: self, answers, waiting: VecDeque::new(), failed: None };
        for (at, event) in events.iter().enumerate() {
            if batch.waiting.len() == IN_FLIGHT {
                batch.oldest().await;
            }
            if batch.failed.is_some() {
                break;
            }
            batch.send(&assets, at, event).await;
        }
        while !batch.waiting.is_empty() {
            batch.oldest().await;
        }
        let Batch { answers, failed, .. } = batch;
        let why = format!("it was not sent, because one before it failed: {}", failed.unwrap_or_default());
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(unavailable(&why)))).collect()
    }
}

impl<'a> Batch<'a> {
    async fn send(&mut self, assets: &Assets, at: usize, event: &Envelope) {
        match self.bus.step(assets, event, &ledger::event_hash(event), None).await {
            Ok(Step::Known(published)) => self.answers[at] = Some(Ok(published)),
            Ok(Step::Send(subject, outgoing)) => match self.begin(subject, outgoing).await {
                Ok(sent) => self.waiting.push_back((at, sent)),
                Err(error) => self.answer(at, Err(error)),
            },
            Err(error) => self.answer(at, Err(error)),
        }
    }

    /// Sends; when the process has too many under way, it waits for its own first.
    async fn begin(
        &mut self,
        subject: String,
        outgoing: PublishMessage,
    ) -> Result<OnItsWay<'a>, PublishError> {
        let place = loop {
            match self.bus.in_flight.try_acquire() {
                Ok(place) => break place,
                Err(_) if self.waiting.is_empty() => return Err(PublishError::Busy),
                Err(_) => self.oldest().await,
            }
        };
        let sent = self.bus.ground.context.send_publish(subject, outgoing).await;
        Ok(OnItsWay { ack: sent.map_err(|error| self.bus.refused(error))?, _place: place })
    }

    /// Waits for the acknowledgement that was asked for first.
    async fn oldest(&mut self) {
        if let Some((at, sent)) = self.waiting.pop_front() {
            let answer = self.bus.acknowledged(sent.ack.await);
            self.answer(at, answer);
        }
    }

    fn answer(&mut self, at: usize, answer: Answer) {
        match &answer {
            // That one is too large says nothing about the others.
            Ok(_) | Err(PublishError::TooLarge { .. }) => {}
            Err(error @ (PublishError::Unavailable(_) | PublishError::Busy | PublishError::Full(_))) => {
                self.failed.get_or_insert_with(|| error.to_string());
            }
        }
        self.answers[at] = Some(answer);
    }
}

fn unavailable(why: &str) -> PublishError {
    PublishError::Unavailable(anyhow::anyhow!(why.to_owned()))
}
