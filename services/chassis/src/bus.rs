//! The bus: an append-only log of events with durable consumers. Two engines, one behaviour.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use events::Envelope;
use thiserror::Error;

/// How many events one step of a plain [`Bus::seek`] looks at.
const SEEK_PAGE: usize = 256;

/// Place of an event in the log, from 1. Positions grow; there may be gaps.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The bus has the event, durably.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Where it stands in the log (for a duplicate that is no longer in the dedup index of the engine: 0).
    pub position: Position,
    /// It was there already (same `source` and `id`); nothing was stored.
    pub duplicate: bool,
}

/// Why the bus does not have the event.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The bus is away or slow: the sender should try again. Nothing is known to be stored.
    #[error("the bus does not take events at the moment")]
    Unavailable(#[source] anyhow::Error),
    /// Too many events are waiting to be stored: the sender should try again.
    #[error("the bus has too many events waiting to be stored")]
    Busy,
    /// The disk is full: the sender should try again later.
    #[error("the bus has no space left")]
    Full(#[source] anyhow::Error),
    /// The body is larger than the bus ever takes.
    #[error("the body has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Size of the body.
        bytes: usize,
        /// Largest body that is taken.
        limit: usize,
    },
}

impl PublishError {
    /// Whether it says nothing about the other events of a batch.
    pub fn is_of_the_event(&self) -> bool {
        match self {
            Self::TooLarge { .. } => true,
            Self::Unavailable(_) | Self::Busy | Self::Full(_) => false,
        }
    }

    /// Of an event that follows one that failed.
    pub(crate) fn behind() -> Self {
        Self::Unavailable(anyhow::anyhow!("it was not stored, because one before it in its batch was not"))
    }
}

/// The bus could not be read, or an acknowledgement could not be recorded.
#[derive(Debug, Error)]
#[error("{doing}")]
pub struct BusError {
    /// What was being done.
    pub doing: &'static str,
    /// Why it failed.
    #[source]
    pub source: anyhow::Error,
}

impl BusError {
    /// Names what was being done.
    pub fn new(doing: &'static str, source: impl Into<anyhow::Error>) -> Self {
        Self { doing, source: source.into() }
    }
}

/// Where a new durable consumer begins. One that exists goes on where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the first event of the log: nothing that was accepted before the handler existed is missed.
    Beginning,
    /// With the next event.
    Now,
    /// With the first event recorded at or after this time.
    At(DateTime<Utc>),
}

/// A durable consumer: one per handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerSpec {
    /// Its durable name: the handler's.
    pub name: String,
    /// Globs of event types ([`events::subject::fits`]); these are delivered, and nothing else.
    pub types: Vec<String>,
    /// Where it begins when it is new.
    pub start: Start,
    /// How many deliveries may be unsettled at once.
    pub max_in_flight: usize,
    /// An unsettled delivery without progress for this long is delivered again.
    pub ack_wait: Duration,
}

/// An event in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its place.
    pub position: Position,
    /// When the bus took it.
    pub recorded: DateTime<Utc>,
    /// The event, or why it cannot be read.
    pub event: Result<Envelope, Undecodable>,
}

/// A message that is no event: its bytes are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecodable {
    /// Where it stood.
    pub subject: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// Why it cannot be read.
    pub reason: String,
}

/// One delivery of one event to one handler.
pub struct Delivery {
    /// Its place in the log.
    pub position: Position,
    /// It may have been delivered before: to a process that died, or that gave it back. False only if it surely was not.
    pub again: bool,
    /// When the handler tried the event first, in an earlier delivery that ended in a dead letter which was driven again.
    pub first_tried: Option<DateTime<Utc>>,
    /// The event, or why it cannot be read.
    pub event: Result<Envelope, Undecodable>,
    /// Settles it.
    pub acker: Box<dyn Acker>,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("position", &self.position)
            .field("again", &self.again)
            .finish_non_exhaustive()
    }
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// Handled: not delivered again.
    Ack,
    /// Nothing was done about it: as [`Settle::Ack`], but nobody waits until it is recorded, as nothing is lost when it is
    /// delivered again and passed over again.
    Skip,
    /// Given back without having been handled: delivered again after this time, to whoever consumes then.
    Return(Duration),
    /// Given up (a dead letter has it): not delivered again.
    Term,
    /// Still being handled: the wait starts anew.
    Progress,
}

/// Settles one delivery.
#[async_trait]
pub trait Acker: Send + Sync {
    /// Returns when the bus has recorded it (for `Progress` and `Skip`: when it is on its way).
    async fn settle(&self, how: Settle) -> Result<(), BusError>;
}

/// The deliveries of one consumer.
#[async_trait]
pub trait Deliveries: Send {
    /// The next delivery; waits for one. Cancel-safe. After an error it can be called again.
    async fn next(&mut self) -> Result<Delivery, BusError>;
}

/// The log of events.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Stores the event durably, once per `source` and `id`, and only then returns.
    async fn publish(&self, event: &Envelope) -> Result<Published, PublishError>;

    /// Stores the events in the order of the slice; answers for each, in the same order.
    ///
    /// No transaction. One that is itself too large says nothing about the others. After the first that fails for another
    /// reason no later one is begun, so that what is stored is in order; all that follow fail. (On JetStream, those that
    /// were under way by then may still be stored.) Published again, those that are stored already are duplicates, so a
    /// caller repeats the whole batch. An engine has more than one under way at once.
    async fn publish_all(&self, events: &[Envelope]) -> Vec<Result<Published, PublishError>> {
        let mut results = Vec::with_capacity(events.len());
        let mut failed = false;
        for event in events {
            let result = if failed { Err(PublishError::behind()) } else { self.publish(event).await };
            failed |= result.as_ref().is_err_and(|error| !error.is_of_the_event());
            results.push(result);
        }
        results
    }

    /// Delivers the event once more, to one handler alone; the same `token` never delivers twice.
    async fn redeliver(
        &self,
        handler: &str,
        event: &Envelope,
        token: &str,
    ) -> Result<Published, PublishError>;

    /// Makes or resumes a durable consumer.
    async fn consume(&self, spec: ConsumerSpec) -> Result<Box<dyn Deliveries>, BusError>;

    /// Up to `limit` events at or after `from`, oldest first. Empty at the end of the log.
    ///
    /// They are *light*: a large body stays in the store, and its event has a `dataref` that
    /// [`crate::claim::check_out`] follows.
    async fn read(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, BusError>;

    /// The oldest position that is kept; 1 when nothing was dropped yet.
    async fn first(&self) -> Result<Position, BusError> {
        let oldest = self.read(Position(1), 1).await?;
        Ok(oldest.first().map_or(Position(1), |recorded| recorded.position))
    }

    /// The first position that was recorded at or after this time; one after the last when there is none.
    async fn seek(&self, time: DateTime<Utc>) -> Result<Position, BusError> {
        let mut from = self.first().await?;
        loop {
            let page = self.read(from, SEEK_PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(Position(self.last().await?.0 + 1));
            };
            from = Position(last.position.0 + 1);
            if let Some(found) = page.iter().find(|recorded| recorded.recorded >= time) {
                return Ok(found.position);
            }
        }
    }

    /// The last position of the log; 0 when it is empty.
    async fn last(&self) -> Result<Position, BusError>;

    /// Returns when the log may have an event after `position` (spurious returns are allowed).
    async fn changed(&self, position: Position) -> Result<(), BusError>;

    /// Whether the bus takes a write now.
    async fn check(&self) -> Result<(), BusError>;
}
