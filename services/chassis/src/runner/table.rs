//! The one table that turns outcomes into acknowledgements.
//!
//! | outcome | the message | metric label |
//! |---|---|---|
//! | `Done(events)` | publish them, ack | `done` |
//! | `Ignore(why)` | ack | `ignored` |
//! | `Err(Retry)` | nak with delay; after the last attempt: dead letter, term | `retried` / `rejected` |
//! | `Err(Reject)` | dead letter, term | `rejected` |
//! | undecodable | dead letter with the bytes, term | `undecodable` |

use std::time::Duration;

use events::Envelope;
use tokio::time::Instant;

use super::Ports;
use crate::backoff;
use crate::bus::{Delivery, Settle, Undecodable};
use crate::dead::DeadLetters;
use crate::failure::{Decision, Failure};
use crate::handler::Outcome;
use crate::metrics::OutcomeLabel;

/// What became of a delivery, for the queue.
pub enum End {
    /// It does not come back.
    Settled,
    /// It comes back after this time.
    Later(Duration),
}

/// The table, for one delivery.
pub struct Table<'a> {
    /// Name of the handler.
    pub handler: &'static str,
    /// How many attempts an event gets.
    pub attempts: u32,
    /// The ports.
    pub ports: &'a Ports,
    /// The delivery.
    pub delivery: &'a Delivery,
}

impl Table<'_> {
    /// The row of an event that was handled.
    pub async fn settle(&self, event: &Envelope, handled: Result<Outcome, Failure>, started: Instant) -> End {
        let failure = match handled {
            Ok(Outcome::Done(announcements)) => match self.announce(event, &announcements).await {
                Ok(()) => {
                    tracing::info!(announced = announcements.len(), "done");
                    return self.end(Settle::Ack, OutcomeLabel::Done, started).await;
                }
                Err(failure) => failure,
            },
            Ok(Outcome::Ignore(why)) => {
                tracing::debug!(why, "ignored");
                return self.end(Settle::Ack, OutcomeLabel::Ignored, started).await;
            }
            Err(failure) => failure,
        };
        match failure.decision {
            Decision::Retry(after) if self.delivery.attempt < self.attempts => {
                let delay = after.unwrap_or_else(|| backoff::after(self.delivery.attempt));
                tracing::warn!(error = %failure, delay_ms = delay.as_millis(), "failed, trying again");
                self.end(Settle::Nak(delay), OutcomeLabel::Retried, started).await
            }
            Decision::Retry(_) => {
                let reasons = reasons(&failure.error, Some(self.delivery.attempt));
                self.bury(Ok(event), reasons, OutcomeLabel::Rejected, started).await
            }
            Decision::Reject => {
                self.bury(Ok(event), reasons(&failure.error, None), OutcomeLabel::Rejected, started).await
            }
        }
    }

    /// The row of a message that is no event.
    pub async fn undecodable(&self, message: &Undecodable, started: Instant) -> End {
        self.bury(Err(message), vec![message.reason.clone()], OutcomeLabel::Undecodable, started).await
    }

    async fn announce(
        &self,
        event: &Envelope,
        announcements: &[events::Announcement],
    ) -> Result<(), Failure> {
        for (step, announcement) in announcements.iter().enumerate() {
            let now = self.ports.clock.now();
            let derived = events::derive(event, self.handler, &step.to_string(), announcement, now)
                .map_err(Failure::reject)?;
            self.ports.bus.publish(&derived).await?;
        }
        Ok(())
    }

    async fn bury(
        &self,
        event: Result<&Envelope, &Undecodable>,
        reasons: Vec<String>,
        label: OutcomeLabel,
        started: Instant,
    ) -> End {
        let (attempt, position, now) =
            (self.delivery.attempt, self.delivery.position, self.ports.clock.now());
        let dead = DeadLetters::new(self.ports.store.clone());
        match dead.bury(self.handler, event, position, reasons, attempt, now).await {
            Ok(letter) => {
                tracing::error!(dead_letter = letter.id, reasons = ?letter.reasons, "given up: it is a dead letter now");
                self.ports.metrics.dead_letters(self.handler).inc();
                self.end(Settle::Term, label, started).await
            }
            Err(error) => {
                // Not kept, so not given up: it comes back.
                let delay = backoff::after(attempt);
                tracing::error!(
                    error = format!("{:#}", anyhow::Error::new(error)),
                    "cannot keep a dead letter, trying again"
                );
                self.end(Settle::Nak(delay), OutcomeLabel::Retried, started).await
            }
        }
    }

    async fn end(&self, how: Settle, label: OutcomeLabel, started: Instant) -> End {
        self.ports.metrics.handled(self.handler, label, started.elapsed().as_secs_f64());
        if let Err(error) = self.delivery.acker.settle(how).await {
            // It is delivered again; the ledger and the deterministic ids keep that harmless.
            tracing::warn!(
                error = format!("{:#}", anyhow::Error::new(error)),
                "the bus did not record the outcome"
            );
        }
        match how {
            Settle::Nak(delay) | Settle::Return(delay) => End::Later(delay),
            Settle::Ack | Settle::Term | Settle::Progress => End::Settled,
        }
    }
}

fn reasons(error: &anyhow::Error, given_up_after: Option<u32>) -> Vec<String> {
    let given_up = given_up_after.map(|attempts| format!("given up after {attempts} attempts"));
    given_up.into_iter().chain(error.chain().map(ToString::to_string)).collect()
}
