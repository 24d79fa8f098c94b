//! A handler: hears events, acts, and says what came of it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{Announcement, Envelope, Kind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bus::{Bus, Start};
use crate::lease::Fence;
use crate::ledger::{Intended, Ledger, Reconciled};
use crate::replay::Rehearsal;
use crate::{Clock, Failure, Store};

/// What a handler listens for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hears {
    /// One of our own event types.
    Kind(Kind),
    /// Event types that fit a glob ([`events::subject::fits`]).
    Glob(&'static str),
}

impl Hears {
    /// The glob of event types.
    pub fn glob(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.name(),
            Self::Glob(glob) => glob,
        }
    }
}

/// Hears events of some types, one at a time for one partition key, and answers each with an outcome.
///
/// An event may be delivered more than once: every external effect goes through [`Context::effect`], and the event is
/// a nudge (the handler reads the present state and does not trust that the event is still true).
pub trait Handler: Send + Sync + 'static {
    /// What people call it: label of the metrics, name in the log. MUST be unique in the program.
    const NAME: &'static str;
    /// What it is known by on the bus and in the store: its consumer, its lease, its entries in the ledger, its dead
    /// letters, the ids of its announcements. MUST NOT change: a handler that is renamed says here what its name was, and
    /// so goes on where it was, and does nothing twice.
    const DURABLE: &'static str = Self::NAME;
    /// What it listens for.
    const HEARS: &'static [Hears];
    /// How many events (of different partition keys) it handles at once.
    const CONCURRENCY: usize = 8;
    /// Without a sign of life for this long, an event is delivered again. The chassis gives the sign while `handle` runs,
    /// so this is the time that a crash costs, not the time that the work may take.
    const ACK_WAIT: Duration = Duration::from_secs(10);
    /// How many attempts an event gets before it is a dead letter.
    const ATTEMPTS: u32 = 10;
    /// Where it begins when it runs for the first time.
    const START: Start = Start::Beginning;

    /// Handles one event.
    fn handle(&self, event: &Envelope, cx: &Context)
    -> impl Future<Output = Result<Outcome, Failure>> + Send;
}

/// What a handler came to. A failure is an `Err`.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It acted; these are announced (steps `0`, `1`, …), then the event is settled.
    Done(Vec<Announcement>),
    /// The event is not its concern; why.
    Ignore(&'static str),
}

/// The ports of a handler, bound to the event at hand.
#[derive(Clone)]
pub struct Context {
    pub(crate) handler: &'static str,
    pub(crate) event: Arc<Envelope>,
    pub(crate) attempt: u32,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) fence: Fence,
    pub(crate) rehearsal: Option<Arc<Rehearsal>>,
}

impl Context {
    /// Binds the ports to an event, as the runner does: for tests of a handler.
    pub fn new(
        handler: &'static str,
        event: Arc<Envelope>,
        attempt: u32,
        bus: Arc<dyn Bus>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let rehearsal = Rehearsal::of(&event);
        Self { handler, event, attempt, bus, store, clock, fence: Fence::none(), rehearsal }
    }

    /// Has effects only while this fence holds.
    #[must_use]
    pub fn under(mut self, fence: Fence) -> Self {
        self.fence = fence;
        self
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// 1 for the first attempt at this event.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Announces something before the end, once per `step` (which must not be a number: those are the steps of
    /// [`Outcome::Done`]).
    pub async fn announce(&self, step: &str, announcement: &Announcement) -> Result<(), Failure> {
        let event = events::derive(&self.event, self.handler, step, announcement, self.clock.now())
            .map_err(Failure::reject)?;
        if let Some(rehearsal) = &self.rehearsal {
            rehearsal.say(event);
            return Ok(());
        }
        self.bus.publish(&event).await?;
        Ok(())
    }

    /// Has an external effect at most once for this event, handler and `step`, whatever is killed or redelivered.
    ///
    /// The effect is recorded as intended before `act` runs and as done after, with its result. When it is done already,
    /// its recorded result is returned. When it was intended and not done (a crash, a lost answer), `reconcile` looks at
    /// the world first: [`Reconciled::Happened`] is recorded as done, [`Reconciled::Absent`] lets `act` run.
    ///
    /// What changes the world asks for the [`Intended`] that `act` is given.
    ///
    /// In a replay without effects, nothing is tried: the result that was recorded when the event was handled first is
    /// returned, or else the handling ends here.
    pub async fn effect<T, R, RF, A, AF>(&self, step: &str, reconcile: R, act: A) -> Result<T, Failure>
    where
        T: Serialize + DeserializeOwned + Send,
        R: FnOnce() -> RF + Send,
        RF: Future<Output = Result<Reconciled<T>, Failure>> + Send,
        A: FnOnce(Intended) -> AF + Send,
        AF: Future<Output = Result<T, Failure>> + Send,
    {
        let ledger = Ledger::new(&*self.store, &*self.clock, &self.fence);
        if self.rehearsal.is_some() {
            let done = ledger.result_before(self.handler, &self.event, step).await?;
            return done.ok_or_else(|| Failure::rehearsed(step));
        }
        ledger.effect(self.handler, &self.event, step, reconcile, act).await
    }
}
