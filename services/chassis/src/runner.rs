//! Runs a handler: takes deliveries, keeps the events of one partition key in order, gives signs of life, and settles.

mod queue;
mod table;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::Instrument as _;

use crate::bus::{Bus, BusError, ConsumerSpec, Deliveries, Delivery, Settle};
use crate::claim::{self, ClaimError};
use crate::handler::{Context, Handler};
use crate::metrics::Metrics;
use crate::{Clock, Failure, Shutdown, Store};

use queue::Queue;
use table::{End, Table};

/// Deliveries held for each event that is handled at once: enough that one slow key does not starve the others.
const HELD_PER_SLOT: usize = 8;
/// Signs of life in one ack wait.
const BEATS_PER_WAIT: u32 = 3;
/// Wait after an error of the bus.
const PAUSE: Duration = Duration::from_secs(1);

/// The ports of a runner.
#[derive(Clone)]
pub struct Ports {
    /// The log.
    pub bus: Arc<dyn Bus>,
    /// The state.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What a runner may be told apart from its handler's own wishes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Another ack wait than the handler's: what a crash costs, against how often it must give a sign of life.
    pub ack_wait: Option<Duration>,
}

/// Runs the handler until shutdown; then waits for what is being handled.
pub async fn run<H: Handler>(handler: Arc<H>, ports: Ports, shutdown: Shutdown) -> Result<(), BusError> {
    run_with(handler, ports, Options::default(), shutdown).await
}

/// As [`run`], with options.
pub async fn run_with<H: Handler>(
    handler: Arc<H>,
    ports: Ports,
    options: Options,
    shutdown: Shutdown,
) -> Result<(), BusError> {
    let ack_wait = options.ack_wait.unwrap_or(H::ACK_WAIT);
    let held = H::CONCURRENCY * HELD_PER_SLOT;
    let spec = ConsumerSpec {
        name: H::NAME.to_owned(),
        types: H::HEARS.iter().map(|hears| hears.glob().to_owned()).collect(),
        start: H::START,
        max_in_flight: held,
        ack_wait,
    };
    let Some(mut deliveries) = consume(&ports, &spec, &shutdown).await else {
        return Ok(());
    };
    let beat = ack_wait / BEATS_PER_WAIT;
    let mut beats = tokio::time::interval(beat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut queue = Queue::new(H::CONCURRENCY);
    let mut running = JoinSet::new();
    let mut resume_at = Instant::now();
    loop {
        while let Some(delivery) = queue.start(Instant::now()) {
            let (handler, ports) = (handler.clone(), ports.clone());
            ports.metrics.in_flight(H::NAME).inc();
            running.spawn(async move { one(&*handler, &ports, delivery, beat).await });
        }
        tokio::select! {
            () = shutdown.triggered() => break,
            Some(joined) = running.join_next() => finished::<H>(joined, &mut queue, &ports, ack_wait),
            _ = beats.tick() => {
                for delivery in queue.waiting() {
                    beat_once(delivery).await;
                }
            }
            () = tokio::time::sleep_until(resume_at), if resume_at > Instant::now() => {}
            next = deliveries.next(), if queue.held() < held && resume_at <= Instant::now() => match next {
                Ok(delivery) => if let Some((delivery, after)) = queue.push(delivery, Instant::now()) {
                    let _ = delivery.acker.settle(Settle::Nak(after)).await;
                },
                Err(error) => {
                    tracing::warn!(handler = H::NAME, error = %anyhow::Error::new(error), "no delivery, trying again");
                    resume_at = Instant::now() + PAUSE;
                }
            },
        }
    }
    // What waits goes back at once, and not to us; what is being handled ends.
    drop(deliveries);
    for delivery in queue.waiting() {
        let _ = delivery.acker.settle(Settle::Nak(Duration::ZERO)).await;
    }
    while let Some(joined) = running.join_next().await {
        finished::<H>(joined, &mut queue, &ports, ack_wait);
    }
    Ok(())
}

/// The consumer, as soon as the bus has it; `None` on shutdown.
async fn consume(ports: &Ports, spec: &ConsumerSpec, shutdown: &Shutdown) -> Option<Box<dyn Deliveries>> {
    loop {
        let error = tokio::select! {
            () = shutdown.triggered() => return None,
            consumer = ports.bus.consume(spec.clone()) => match consumer {
                Ok(deliveries) => return Some(deliveries),
                Err(error) => error,
            },
        };
        tracing::warn!(
            handler = spec.name,
            error = format!("{:#}", anyhow::Error::new(error)),
            "no consumer yet, trying again"
        );
        tokio::select! {
            () = shutdown.triggered() => return None,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn finished<H: Handler>(
    joined: Result<(crate::Position, Arc<str>, End), tokio::task::JoinError>,
    queue: &mut Queue,
    ports: &Ports,
    ack_wait: Duration,
) {
    ports.metrics.in_flight(H::NAME).dec();
    match joined {
        Ok((position, key, End::Settled)) => queue.release(&key, position),
        // Whoever is behind it waits for it, but not for ever: should it never come back, they go on.
        Ok((position, key, End::Later(delay))) => {
            queue.hold(&key, position, Instant::now() + delay + ack_wait * 2);
        }
        Err(error) => {
            tracing::error!(handler = H::NAME, error = %error, "a task of the runner ended by itself");
        }
    }
}

async fn one<H: Handler>(
    handler: &H,
    ports: &Ports,
    queued: queue::Queued,
    beat: Duration,
) -> (crate::Position, Arc<str>, End) {
    let queue::Queued { key, delivery } = queued;
    let (event_id, event_type) = match &delivery.event {
        Ok(event) => (event.id().to_owned(), event.ty().to_owned()),
        Err(_) => (String::new(), String::new()),
    };
    let span = tracing::info_span!(
        "handle",
        handler = H::NAME,
        event.id = event_id,
        event.type = event_type,
        position = delivery.position.0,
        attempt = delivery.attempt
    );
    let work = alive(&delivery, beat, settle(handler, ports, &delivery)).instrument(span);
    let end = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| {
        tracing::error!(handler = H::NAME, panic = said(&panic), "settling an event panicked: it comes back");
        End::Later(Duration::ZERO)
    });
    (delivery.position, key, end)
}

async fn settle<H: Handler>(handler: &H, ports: &Ports, delivery: &Delivery) -> End {
    let started = Instant::now();
    let table = Table { handler: H::NAME, attempts: H::ATTEMPTS, ports, delivery };
    let light = match &delivery.event {
        Ok(event) => event,
        Err(undecodable) => return table.undecodable(undecodable, started).await,
    };
    // Only now, so that what waits does not hold large bodies.
    let event = match claim::check_out(&*ports.store, light.clone()).await {
        Ok(event) => Arc::new(event),
        Err(lost @ ClaimError::Lost(_)) => {
            return table.undecodable(&claim::without_body(light, &lost), started).await;
        }
        Err(error @ ClaimError::Store { .. }) => {
            return table.settle(light, Err(Failure::retry(error)), started).await;
        }
    };
    let context = Context::new(
        H::NAME,
        event.clone(),
        delivery.attempt,
        ports.bus.clone(),
        ports.store.clone(),
        ports.clock.clone(),
    );
    let outcome = AssertUnwindSafe(handler.handle(&event, &context)).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|panic| {
        Err(Failure::retry(anyhow::anyhow!("the handler panicked: {}", said(&panic))))
    });
    table.settle(light, outcome, started).await
}

fn said(panic: &Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned())
}

/// Gives signs of life while the work goes on.
async fn alive(delivery: &Delivery, beat: Duration, work: impl Future<Output = End>) -> End {
    let mut beats = tokio::time::interval_at(Instant::now() + beat, beat);
    tokio::pin!(work);
    loop {
        tokio::select! {
            end = &mut work => return end,
            _ = beats.tick() => beat_once(delivery).await,
        }
    }
}

async fn beat_once(delivery: &Delivery) {
    if let Err(error) = delivery.acker.settle(Settle::Progress).await {
        tracing::debug!(position = delivery.position.0, error = %error, "a sign of life did not get through");
    }
}
