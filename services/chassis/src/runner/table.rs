//! The one table that turns outcomes into acknowledgements.
//!
//! | outcome | the message | metric label |
//! |---|---|---|
//! | `Done(events)` | publish them, ack | `done` |
//! | `Ignore(why)` | ack, without waiting for it | `ignored` |
//! | `Err(Retry)` | kept, and tried again after a while; after the last attempt: dead letter, term | `retried` / `rejected` |
//! | `Err(Postpone)` | kept, and tried again after a while; it was no attempt | `retried` |
//! | `Err(Reject)` | dead letter, term | `rejected` |
//! | `Err(Rehearsed)` | ack | `ignored` |
//! | undecodable | dead letter with the bytes, term | `undecodable` |

use std::sync::Arc;
use std::time::Duration;

use events::Envelope;
use tokio::time::Instant;

use super::Ports;
use super::queue::Queued;
use crate::attempts::{Attempts, Failed, NotBefore, Of};
use crate::backoff;
use crate::bus::{Delivery, Settle, Undecodable};
use crate::dead::{self, DeadLetter, DeadLetters, Death};
use crate::failure::{Decision, Failure};
use crate::handler::{Handler, Outcome};
use crate::metrics::OutcomeLabel;
use crate::replay::{self, Outcome as Came, Rehearsal};

/// What becomes of a delivery.
pub enum End {
    /// It does not come back.
    Settled,
    /// It is to be tried again.
    Again(Box<Queued>),
}

/// What an attempt came to.
pub enum Verdict {
    /// The event is settled.
    Settled,
    /// It is tried again after this time.
    Later(Duration),
}

/// The table, for one delivery.
pub struct Table<'a> {
    /// What the handler is called.
    pub name: &'static str,
    /// What it is known by in the store.
    pub handler: &'static str,
    /// How many attempts an event gets.
    pub budget: u32,
    /// The ports.
    pub ports: &'a Ports,
    /// The delivery.
    pub delivery: &'a Delivery,
    /// The attempts at it, this one included.
    pub attempts: &'a mut Attempts,
    /// What the handler said in a replay without effects.
    pub rehearsal: Option<Arc<Rehearsal>>,
}

impl<'a> Table<'a> {
    /// The table for a delivery to this handler.
    pub fn new<H: Handler>(ports: &'a Ports, delivery: &'a Delivery, attempts: &'a mut Attempts) -> Self {
        Self {
            name: H::NAME,
            handler: H::DURABLE,
            budget: H::ATTEMPTS,
            ports,
            delivery,
            attempts,
            rehearsal: delivery.event.as_ref().ok().and_then(Rehearsal::of),
        }
    }

    /// The row of an event that was handled.
    pub async fn settle(
        &mut self,
        event: &Envelope,
        handled: Result<Outcome, Failure>,
        started: Instant,
    ) -> Verdict {
        let failure = match handled {
            Ok(Outcome::Done(announcements)) => match self.announce(event, &announcements).await {
                Ok(announced) => {
                    tracing::info!(announced = announced.len(), "done");
                    self.replayed(event, Came::Done, None, announced).await;
                    return self.end(Some(event), Settle::Ack, OutcomeLabel::Done, started).await;
                }
                Err(failure) => failure,
            },
            Ok(Outcome::Ignore(why)) => {
                tracing::debug!(why, "ignored");
                self.replayed(event, Came::Ignored, Some(why.to_owned()), Vec::new()).await;
                return self.end(Some(event), Settle::Skip, OutcomeLabel::Ignored, started).await;
            }
            Err(failure) => failure,
        };
        let mut reasons: Vec<String> = failure.error.chain().map(ToString::to_string).collect();
        let said = Some(failure.to_string());
        let failed = Failed { at: self.ports.clock.now(), reasons: reasons.clone() };
        match failure.decision {
            Decision::Retry(after) if self.attempts.made < self.budget => {
                let delay = after.unwrap_or_else(|| backoff::after(self.attempts.made));
                tracing::warn!(error = %failure, delay_ms = delay.as_millis(), "failed, trying again");
                self.replayed(event, Came::Retried, said, Vec::new()).await;
                self.retry(event, failed, delay, started).await
            }
            Decision::Postpone => {
                let delay = self.attempts.postponed(of(self.ports, self.handler, self.delivery, event)).await;
                let delay_ms = delay.as_millis();
                tracing::warn!(error = %failure, delay_ms, "the bus or the store is in trouble, trying again");
                self.replayed(event, Came::Retried, said, Vec::new()).await;
                self.count(OutcomeLabel::Retried, started);
                Verdict::Later(delay)
            }
            Decision::Rehearsed => {
                tracing::info!(because = said, "rehearsed");
                self.replayed(event, Came::WouldAct, said, Vec::new()).await;
                self.end(Some(event), Settle::Ack, OutcomeLabel::Ignored, started).await
            }
            Decision::Retry(_) | Decision::Reject if self.rehearsal.is_some() => {
                self.replayed(event, Came::Rejected, said, Vec::new()).await;
                self.end(Some(event), Settle::Ack, OutcomeLabel::Rejected, started).await
            }
            Decision::Retry(_) => {
                self.replayed(event, Came::Rejected, said, Vec::new()).await;
                reasons.insert(0, format!("given up after {} attempts", self.attempts.made));
                self.attempts.add(failed);
                self.bury(Ok(event), reasons, OutcomeLabel::Rejected, started).await
            }
            Decision::Reject => {
                self.replayed(event, Came::Rejected, said, Vec::new()).await;
                self.attempts.add(failed);
                self.bury(Ok(event), reasons, OutcomeLabel::Rejected, started).await
            }
        }
    }

    /// The row of an event that was given up before, and could not be buried: it is not handled again.
    pub async fn doomed(&mut self, event: &Envelope, reasons: Vec<String>, started: Instant) -> Verdict {
        self.bury(Ok(event), reasons, OutcomeLabel::Rejected, started).await
    }

    /// The row of an event of whose last attempt nothing is known but that it began: the process ended during it, or
    /// before what it came to could be kept.
    pub async fn worn_out(&mut self, event: &Envelope, started: Instant) -> Verdict {
        let reasons = vec![
            format!("given up after {} attempts", self.attempts.made),
            "the process ended before it was recorded what the last one came to".to_owned(),
        ];
        self.bury(Ok(event), reasons, OutcomeLabel::Rejected, started).await
    }

    /// The row of a message that is no event.
    pub async fn undecodable(&mut self, message: &Undecodable, started: Instant) -> Verdict {
        self.bury(Err(message), vec![message.reason.clone()], OutcomeLabel::Undecodable, started).await
    }

    async fn announce(
        &self,
        event: &Envelope,
        announcements: &[events::Announcement],
    ) -> Result<Vec<Envelope>, Failure> {
        let now = self.ports.clock.now();
        let mut derived = Vec::with_capacity(announcements.len());
        for (step, announcement) in announcements.iter().enumerate() {
            let event = events::derive(event, self.handler, &step.to_string(), announcement, now);
            derived.push(event.map_err(Failure::reject)?);
        }
        if self.rehearsal.is_none() {
            for published in self.ports.bus.publish_all(&derived).await {
                published?;
            }
        }
        Ok(derived)
    }

    /// Records what became of an event of a replay.
    async fn replayed(
        &self,
        event: &Envelope,
        came: Came,
        because: Option<String>,
        announced: Vec<Envelope>,
    ) {
        let (store, now) = (&*self.ports.store, self.ports.clock.now());
        replay::record(store, event, self.rehearsal.as_deref(), came, because, announced, now).await;
    }

    async fn retry(
        &mut self,
        event: &Envelope,
        failed: Failed,
        delay: Duration,
        started: Instant,
    ) -> Verdict {
        let not_before = NotBefore::after(delay, self.ports.clock.now());
        let of = of(self.ports, self.handler, self.delivery, event);
        if let Err(error) = self.attempts.failed(of, failed, not_before).await {
            // The process knows; only a restart would not.
            tracing::warn!(
                error = format!("{:#}", anyhow::Error::new(error)),
                "cannot record a failed attempt"
            );
        }
        self.count(OutcomeLabel::Retried, started);
        Verdict::Later(delay)
    }

    async fn bury(
        &mut self,
        event: Result<&Envelope, &Undecodable>,
        reasons: Vec<String>,
        label: OutcomeLabel,
        started: Instant,
    ) -> Verdict {
        if let (Some(_), Ok(light)) = (&self.rehearsal, &self.delivery.event) {
            // Nothing is announced and nothing kept but what the rehearsal tells.
            self.replayed(light, Came::Rejected, Some(reasons.join(": ")), Vec::new()).await;
            return self.end(Some(light), Settle::Ack, label, started).await;
        }
        let death = Death {
            handler: self.handler,
            event,
            position: self.delivery.position,
            reasons: reasons.clone(),
            attempts: self.attempts.made.max(1),
            failures: self.attempts.failures.clone(),
            first_tried: [self.delivery.first_tried, self.attempts.first_tried].into_iter().flatten().min(),
            now: self.ports.clock.now(),
        };
        match self.kept(death).await {
            Ok(letter) => {
                tracing::error!(dead_letter = letter.id, reasons = ?letter.reasons, "given up: it is a dead letter now");
                self.ports.metrics.dead_letters(self.name).inc();
                self.end(event.ok(), Settle::Term, label, started).await
            }
            Err(error) => {
                // Not kept, so not given up: it comes back.
                tracing::error!(error = format!("{error:#}"), "cannot keep a dead letter, trying again");
                self.count(OutcomeLabel::Retried, started);
                if let Ok(event) = event {
                    self.attempts.doom(of(self.ports, self.handler, self.delivery, event), reasons).await;
                }
                Verdict::Later(self.attempts.in_trouble())
            }
        }
    }

    /// Keeps a dead letter and tells of it.
    async fn kept(&self, death: Death<'_>) -> anyhow::Result<DeadLetter> {
        let (event, now) = (death.event.ok(), death.now);
        let letter = DeadLetters::new(self.ports.store.clone()).bury(death).await?;
        if let Some(born) = dead::born(&letter, event, now) {
            self.ports.bus.publish(&born).await?;
        }
        Ok(letter)
    }

    async fn end(
        &self,
        event: Option<&Envelope>,
        how: Settle,
        label: OutcomeLabel,
        started: Instant,
    ) -> Verdict {
        self.count(label, started);
        if let Err(error) = self.delivery.acker.settle(how).await {
            // It is delivered again; the ledger and the deterministic ids keep that harmless.
            tracing::warn!(
                error = format!("{:#}", anyhow::Error::new(error)),
                "the bus did not record the outcome"
            );
        } else if let Some(event) = event {
            let of = of(self.ports, self.handler, self.delivery, event);
            if let Err(error) = self.attempts.forget(of).await {
                // It is of this delivery alone, and it expires.
                tracing::debug!(%error, "a record of attempts stays");
            }
        }
        Verdict::Settled
    }

    fn count(&self, label: OutcomeLabel, started: Instant) {
        self.ports.metrics.handled(self.name, label, started.elapsed().as_secs_f64());
    }
}

fn of<'a>(ports: &'a Ports, handler: &'a str, delivery: &Delivery, event: &'a Envelope) -> Of<'a> {
    Of { store: &*ports.store, handler, event, position: delivery.position }
}
