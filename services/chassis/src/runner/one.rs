//! One attempt at one event.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::Ports;
use super::queue::Queued;
use super::table::{End, Table, Verdict};
use crate::attempts::{Attempts, Of};
use crate::bus::{Delivery, Position, Settle};
use crate::claim::{self, ClaimError};
use crate::handler::{Context, Handler};
use crate::lease::Fence;
use crate::{Failure, backoff};

/// What an attempt came to.
pub struct Ended {
    /// The partition key.
    pub key: Arc<str>,
    /// Where the delivery stands.
    pub position: Position,
    /// What becomes of it.
    pub end: End,
}

/// Makes one attempt, with signs of life while it lasts.
pub async fn handle<H: Handler>(
    handler: &H,
    ports: &Ports,
    fence: Fence,
    mut queued: Queued,
    beat: Duration,
) -> Ended {
    let (key, position) = (queued.key.clone(), queued.delivery.position);
    let (event_id, event_type) = match &queued.delivery.event {
        Ok(event) => (event.id().to_owned(), event.ty().to_owned()),
        Err(_) => (String::new(), String::new()),
    };
    let span = tracing::info_span!(
        "handle",
        handler = H::NAME,
        event.id = event_id,
        event.type = event_type,
        position = position.0,
        attempt = queued.attempts.made + 1
    );
    let work = attempt(handler, ports, fence, &mut queued, beat).instrument(span);
    let verdict = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        tracing::error!(handler = H::NAME, panic = said(&panic), "settling an event panicked: it comes back");
        Verdict::Later(backoff::after(1))
    });
    let end = match verdict {
        Verdict::Settled => End::Settled,
        Verdict::Later(delay) => {
            End::Again(Box::new(Queued { not_before: Instant::now() + delay, ..queued }))
        }
    };
    Ended { key, position, end }
}

async fn attempt<H: Handler>(
    handler: &H,
    ports: &Ports,
    fence: Fence,
    queued: &mut Queued,
    beat: Duration,
) -> Verdict {
    let Queued { delivery, attempts, .. } = queued;
    let started = Instant::now();
    let light = match &delivery.event {
        Ok(event) => event,
        Err(undecodable) => {
            let mut table = Table::new::<H>(ports, delivery, attempts);
            return table.undecodable(undecodable, started).await;
        }
    };
    let of = Of { store: &*ports.store, handler: H::DURABLE, event: light, position: delivery.position };
    if attempts.unknown {
        *attempts = match Attempts::load(of).await {
            Ok(known) => known,
            Err(error) => {
                tracing::debug!(error = %anyhow::Error::new(error), "earlier attempts are not known yet");
                return Verdict::Later(attempts.in_trouble());
            }
        };
        let left = attempts.not_before.map(|not_before| not_before.left(ports.clock.now()));
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            return Verdict::Later(left);
        }
    }
    if let Some(reasons) = attempts.doomed.clone() {
        return Table::new::<H>(ports, delivery, attempts).doomed(light, reasons, started).await;
    }
    if attempts.made >= H::ATTEMPTS {
        // The last was recorded when it began, and what it came to was not: it took its process with it.
        let mut table = Table::new::<H>(ports, delivery, attempts);
        return table.worn_out(light, started).await;
    }
    attempts.first_tried.get_or_insert_with(|| ports.clock.now());
    if delivery.again || attempts.recorded {
        // It may have ended a process before. If it does so again, that must not be for ever.
        if let Err(error) = attempts.begin(of).await {
            tracing::warn!(error = format!("{:#}", anyhow::Error::new(error)), "cannot record an attempt");
            attempts.made = attempts.made.saturating_sub(1);
            return Verdict::Later(attempts.in_trouble());
        }
    } else {
        attempts.made += 1;
    }
    let made = attempts.made;
    let mut table = Table::new::<H>(ports, delivery, attempts);
    let work = async {
        // Only now, so that what waits does not hold large bodies.
        let event = match claim::check_out(&*ports.store, light.clone()).await {
            Ok(event) => Arc::new(event),
            Err(lost @ ClaimError::Lost(_)) => {
                return table.undecodable(&claim::without_body(light, &lost), started).await;
            }
            Err(error @ ClaimError::Store { .. }) => {
                return table.settle(light, Err(error.into()), started).await;
            }
        };
        let context = Context {
            handler: H::DURABLE,
            event: event.clone(),
            attempt: made,
            bus: ports.bus.clone(),
            store: ports.store.clone(),
            clock: ports.clock.clone(),
            fence,
            // One for both: what the handler says, the table records.
            rehearsal: table.rehearsal.clone(),
        };
        let outcome = AssertUnwindSafe(handler.handle(&event, &context)).catch_unwind().await;
        let outcome = outcome.unwrap_or_else(|panic| {
            Err(Failure::retry(anyhow::anyhow!("the handler panicked: {}", said(&panic))))
        });
        table.settle(light, outcome, started).await
    };
    alive(delivery, beat, work).await
}

fn said(panic: &Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned())
}

/// Gives signs of life while the work goes on.
async fn alive(delivery: &Delivery, beat_every: Duration, work: impl Future<Output = Verdict>) -> Verdict {
    let mut beats = tokio::time::interval_at(Instant::now() + beat_every, beat_every);
    tokio::pin!(work);
    loop {
        tokio::select! {
            verdict = &mut work => return verdict,
            _ = beats.tick() => beat(delivery).await,
        }
    }
}

/// One sign of life.
pub async fn beat(delivery: &Delivery) {
    if let Err(error) = delivery.acker.settle(Settle::Progress).await {
        tracing::debug!(position = delivery.position.0, error = %error, "a sign of life did not get through");
    }
}
