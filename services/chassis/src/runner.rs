//! Runs a handler: takes deliveries, keeps the events of one partition key in order, gives signs of life, and settles.

mod active;
mod one;
mod queue;
mod standing;
mod table;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};

use crate::attempts::{Attempts, Of};
use crate::bus::{Bus, BusError, ConsumerSpec, Deliveries, Delivery, Position, Settle};
use crate::handler::Handler;
use crate::lease::{Fence, Leases};
use crate::metrics::Metrics;
use crate::{Clock, Health, Shutdown, Store};

pub use active::alone;
use queue::{GivenBack, Queue, Queued};
pub use standing::Standing;
use table::End;

/// Deliveries held for each event that is handled at once: enough that slow keys do not starve the others.
const HELD_PER_SLOT: usize = 64;
/// Signs of life in one ack wait.
const BEATS_PER_WAIT: u32 = 3;
/// First and longest wait after an error of the bus.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// When the bus gave no error for so long to somebody who asks for a delivery, it has none, and would give it: longer than
/// it takes to notice that requests are not answered.
const CALM: Duration = Duration::from_secs(10);

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
#[derive(Clone, Default)]
pub struct Options {
    /// Another ack wait than the handler's: what a crash costs, against how often it must give a sign of life.
    pub ack_wait: Option<Duration>,
    /// Where several processes may run this handler: the one that has its lease is active, the others wait.
    pub leases: Option<Arc<Leases>>,
    /// Where it is told, under the handler's name, when it gets no events.
    pub health: Option<Health>,
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
    let active = ports.metrics.active(H::NAME);
    let standing = Standing::of(H::NAME, options.health.as_ref());
    let work = |fence: Fence| {
        let (handler, ports) = (handler.clone(), ports.clone());
        let runner = Runner::new(handler, ports, ack_wait, fence.clone(), standing.clone());
        let shutdown = &shutdown;
        async move { runner.run(shutdown, fence.lost()).await }
    };
    alone(options.leases, H::DURABLE, &active, &standing, &shutdown, work).await
}

/// What runs a handler while it is active.
struct Runner<H> {
    handler: Arc<H>,
    ports: Ports,
    ack_wait: Duration,
    fence: Fence,
    queue: Queue,
    running: JoinSet<one::Ended>,
    /// What each of those tasks is at.
    at: HashMap<task::Id, (Arc<str>, Position)>,
    resume_at: Instant,
    pause: Duration,
    standing: Standing,
    /// When it counts as standing well again, if no error comes before.
    calm_at: Option<Instant>,
}

impl<H: Handler> Runner<H> {
    fn new(handler: Arc<H>, ports: Ports, ack_wait: Duration, fence: Fence, standing: Standing) -> Self {
        let queue = Queue::new(H::CONCURRENCY, H::CONCURRENCY * HELD_PER_SLOT, ack_wait * 2);
        let (running, at, resume_at) = (JoinSet::new(), HashMap::new(), Instant::now());
        let (pause, calm_at) = (PAUSE, None);
        Self { handler, ports, ack_wait, fence, queue, running, at, resume_at, pause, standing, calm_at }
    }

    /// Runs until shutdown, or until `lost`: then what is being handled is cut off, because another process may be at it.
    async fn run(mut self, shutdown: &Shutdown, lost: impl Future<Output = ()>) -> Result<(), BusError> {
        tokio::pin!(lost);
        let consuming = async {
            tokio::select! {
                deliveries = consume::<H>(&self.ports, self.ack_wait, &self.standing, shutdown) => deliveries,
                () = &mut lost => None,
            }
        };
        let Some(mut deliveries) = consuming.await else { return Ok(()) };
        let mut beats = tokio::time::interval(self.ack_wait / BEATS_PER_WAIT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.start();
            let now = Instant::now();
            for given_back in self.queue.make_room(now) {
                give_back(Some(given_back)).await;
            }
            let wakes = self.queue.wakes(now);
            let takes = self.queue.has_room() && self.resume_at <= now;
            tokio::select! {
                () = shutdown.triggered() => break,
                () = &mut lost => {
                    self.running.shutdown().await;
                    return Ok(());
                }
                Some(joined) = self.running.join_next_with_id() => self.ended(joined).await,
                _ = beats.tick() => self.beat().await,
                () = at(wakes) => {}
                () = at(Some(self.resume_at)), if self.resume_at > now => {}
                () = at(self.calm_at) => self.is_well(),
                next = deliveries.next(), if takes => self.take(next).await,
            }
        }
        // What waits goes back at once, and not to us; what is being handled ends.
        drop(deliveries);
        for delivery in self.queue.waiting() {
            let _ = delivery.acker.settle(Settle::Return(Duration::ZERO)).await;
        }
        while let Some(joined) = self.running.join_next_with_id().await {
            let Some(one::Ended { end: End::Again(queued), .. }) = self.joined(joined) else { continue };
            let _ = queued.delivery.acker.settle(Settle::Return(Duration::ZERO)).await;
        }
        Ok(())
    }

    /// Starts what may be handled now.
    fn start(&mut self) {
        while let Some(queued) = self.queue.start(Instant::now()) {
            let (handler, ports, fence) = (self.handler.clone(), self.ports.clone(), self.fence.clone());
            let beat = self.ack_wait / BEATS_PER_WAIT;
            ports.metrics.in_flight(H::NAME).inc();
            let at = (queued.key.clone(), queued.delivery.position);
            let task =
                self.running.spawn(async move { one::handle(&*handler, &ports, fence, queued, beat).await });
            self.at.insert(task.id(), at);
        }
    }

    async fn take(&mut self, next: Result<Delivery, BusError>) {
        match next {
            Ok(delivery) => {
                self.pause = PAUSE;
                self.is_well();
                let queued = self.queued(delivery).await;
                let given_back = self.queue.push(queued, Instant::now());
                give_back(given_back).await;
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::new(error));
                tracing::warn!(handler = H::NAME, error, "no delivery, trying again");
                self.standing.failed(&error);
                self.resume_at = Instant::now() + self.pause;
                self.calm_at = Some(self.resume_at + CALM);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    fn is_well(&mut self) {
        self.calm_at = None;
        self.standing.well();
    }

    /// A delivery with what is known of earlier attempts at its event.
    async fn queued(&self, delivery: Delivery) -> Queued {
        let key = Queue::key(&delivery);
        let mut attempts = Attempts::default();
        let known = !delivery.again || self.queue.is_running(&key, delivery.position);
        if let (false, Ok(event)) = (known, &delivery.event) {
            let of =
                Of { store: &*self.ports.store, handler: H::DURABLE, event, position: delivery.position };
            attempts = Attempts::load(of).await.unwrap_or_else(|error| {
                tracing::debug!(handler = H::NAME, %error, "earlier attempts are not known yet");
                Attempts { unknown: true, ..Attempts::default() }
            });
        }
        let wait = attempts.not_before.map(|not_before| not_before.left(self.ports.clock.now()));
        Queued { key, delivery, attempts, not_before: Instant::now() + wait.unwrap_or_default() }
    }

    async fn ended(&mut self, joined: Result<(task::Id, one::Ended), JoinError>) {
        let Some(one::Ended { key, position, end }) = self.joined(joined) else { return };
        match end {
            End::Settled => self.queue.release(&key, position),
            End::Again(queued) => give_back(self.queue.retry(*queued, Instant::now())).await,
        }
    }

    fn joined(&mut self, joined: Result<(task::Id, one::Ended), JoinError>) -> Option<one::Ended> {
        self.ports.metrics.in_flight(H::NAME).dec();
        match joined {
            Ok((task, ended)) => {
                self.at.remove(&task);
                Some(ended)
            }
            // Its delivery is gone with it: if it was not settled, the bus delivers it again.
            Err(error) => {
                tracing::error!(handler = H::NAME, %error, "a task of the runner ended by itself");
                if let Some((key, position)) = self.at.remove(&error.id()) {
                    self.queue.lose(&key, position, Instant::now());
                }
                None
            }
        }
    }

    /// Signs of life for what waits: it is here, although nobody is at it.
    async fn beat(&mut self) {
        for delivery in self.queue.waiting() {
            one::beat(delivery).await;
        }
        self.queue.prune(Instant::now());
    }
}

async fn give_back(given_back: Option<GivenBack>) {
    if let Some((delivery, after)) = given_back {
        let _ = delivery.acker.settle(Settle::Return(after)).await;
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// The consumer, as soon as the bus has it; `None` on shutdown.
async fn consume<H: Handler>(
    ports: &Ports,
    ack_wait: Duration,
    standing: &Standing,
    shutdown: &Shutdown,
) -> Option<Box<dyn Deliveries>> {
    let spec = ConsumerSpec {
        name: H::DURABLE.to_owned(),
        types: H::HEARS.iter().map(|hears| hears.glob().to_owned()).collect(),
        start: H::START,
        max_in_flight: H::CONCURRENCY * HELD_PER_SLOT,
        ack_wait,
    };
    let mut pause = PAUSE;
    loop {
        let error = tokio::select! {
            () = shutdown.triggered() => return None,
            consumer = ports.bus.consume(spec.clone()) => match consumer {
                Ok(deliveries) => {
                    standing.well();
                    return Some(deliveries);
                }
                Err(error) => format!("{:#}", anyhow::Error::new(error)),
            },
        };
        standing.refused(&error);
        tracing::warn!(handler = spec.name, error, "no consumer yet, trying again");
        tokio::select! {
            () = shutdown.triggered() => return None,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
