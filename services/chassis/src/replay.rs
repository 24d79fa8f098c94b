//! Replay: a range of the log delivered again, to one handler alone, as a named run.
//!
//! The events of a run carry its name ([`events::extension::REPLAY_RUN`]), and everything that is kept by event is kept
//! by event *and run*: so the effects of a run are had once in it, whatever was done before, and what it announces has
//! ids of its own. Only what is delivered to one handler alone can be of a run: on an event that everybody may publish,
//! these attributes are its publisher's word, and it is not rehearsed. Without effects, a run is a rehearsal: nothing is tried and nothing is announced. Either way, what
//! became of each event is recorded in [`Bucket::Runs`].

mod rehearsal;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{Envelope, extension, subject};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use rehearsal::{Rehearsal, delivered, record};

use crate::bus::{Bus, BusError, Position, PublishError};
use crate::handler::{Handler, Hears};
use crate::store::{Bucket, Expect, Store, StoreError};

/// Version of the records.
const VERSION: u8 = 1;
/// As long as the ledger remembers.
pub(crate) const REMEMBERED: Duration = Duration::from_hours(24 * 45);
/// How many events are read at once.
const PAGE: usize = 100;

/// A handler that can be chosen.
#[derive(Debug, Clone, Copy)]
pub struct Replayable {
    /// Its name.
    pub name: &'static str,
    /// What it listens for.
    pub hears: &'static [Hears],
}

impl Replayable {
    /// That of a handler.
    pub const fn of<H: Handler>() -> Self {
        Self { name: H::DURABLE, hears: H::HEARS }
    }
}

/// What is to be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Name of the run: lower-case letters, digits and `-`; each is used once.
    pub run: String,
    /// The handler that gets the events.
    pub handler: String,
    /// The first position.
    pub from: Position,
    /// The last position.
    pub to: Position,
    /// Globs of event types; empty for all that the handler hears.
    #[serde(default)]
    pub types: Vec<String>,
    /// Whether effects are had and announcements published.
    pub effects: bool,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Version of this record.
    pub v: u8,
    /// What was asked for.
    pub request: Request,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// The next position to be looked at; one after the last when all are delivered.
    pub next: Position,
    /// How many events were delivered.
    pub delivered: u64,
}

/// What became of one event in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// Version of this record.
    pub v: u8,
    /// Source of the event.
    pub source: String,
    /// Id of the event.
    pub event: String,
    /// Type of the event.
    pub ty: String,
    /// What it came to.
    pub outcome: Outcome,
    /// Why it was ignored, failed, or went no further.
    pub because: Option<String>,
    /// What was announced, or would have been: events in the JSON event format.
    pub announced: Vec<serde_json::Value>,
    /// When it was handled.
    pub at: DateTime<Utc>,
}

/// What a replayed event came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Outcome {
    /// Handled.
    Done,
    /// Not the handler's concern.
    Ignored,
    /// Without effects, and it came to one.
    WouldAct,
    /// Failed, and it is tried again.
    Retried,
    /// Given up.
    Rejected,
}

/// Why a replay did not begin, or did not go on.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The name cannot be used.
    #[error("`{0}` is no name for a replay: use up to {limit} lower-case letters, digits and `-`", limit = extension::REPLAY_RUN_BYTES)]
    Name(String),
    /// There is a run of that name.
    #[error("there is a replay `{0}` already, of another range or handler: choose another name")]
    Taken(String),
    /// There is no such handler.
    #[error("there is no handler `{name}`: there is {known}")]
    Handler {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The range holds nothing.
    #[error("the range from {from} to {to} is empty: the log has {first} to {last}")]
    Range {
        /// First position asked for.
        from: Position,
        /// Last position asked for.
        to: Position,
        /// First position of the log.
        first: Position,
        /// Last position of the log.
        last: Position,
    },
    /// There is no such run.
    #[error("there is no replay `{0}`")]
    Unknown(String),
    /// A record is damaged.
    #[error("the record {0} of a replay cannot be read")]
    Broken(String, #[source] serde_json::Error),
    /// The store failed.
    #[error("the replays cannot be reached")]
    Store(#[from] StoreError),
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Read(#[from] BusError),
    /// The bus did not take an event: asked for again, the run goes on where it was.
    #[error("the bus did not take an event of the replay")]
    Publish(#[from] PublishError),
}

/// The replays.
#[derive(Clone)]
pub struct Replays {
    bus: Arc<dyn Bus>,
    store: Arc<dyn Store>,
}

impl Replays {
    /// The replays on this bus and store.
    pub fn new(bus: Arc<dyn Bus>, store: Arc<dyn Store>) -> Self {
        Self { bus, store }
    }

    /// Delivers the range to the handler, in the order of the log, and returns when all of it is on the bus.
    ///
    /// The same request again goes on where a crash or an error has left it, and delivers nothing twice.
    pub async fn start(
        &self,
        request: &Request,
        handlers: &[Replayable],
        now: DateTime<Utc>,
    ) -> Result<Run, ReplayError> {
        let handler = self.check(request, handlers).await?;
        let (mut run, mut revision) = self.begin(request, now).await?;
        while run.next <= request.to {
            let page = self.bus.read(run.next, PAGE).await?;
            let Some(last) = page.last() else { break };
            run.next = Position(last.position.0.min(request.to.0) + 1);
            for recorded in page.iter().take_while(|recorded| recorded.position <= request.to) {
                let Ok(event) = &recorded.event else { continue };
                if !wanted(request, handler, event) {
                    continue;
                }
                let token = format!("replay/{}/{}", request.run, recorded.position);
                let again = marked(event, request);
                // One that is there already, from before a crash, is not counted yet: the count goes with `next`.
                self.bus.redeliver(handler.name, &again, &token).await?;
                run.delivered += 1;
            }
            revision = self.keep(&run, Expect::Revision(revision)).await?;
        }
        if run.next <= request.to {
            run.next = Position(request.to.0 + 1);
            self.keep(&run, Expect::Revision(revision)).await?;
        }
        Ok(run)
    }

    async fn check(&self, request: &Request, handlers: &[Replayable]) -> Result<Replayable, ReplayError> {
        if !extension::names_a_replay(&request.run) {
            return Err(ReplayError::Name(request.run.clone()));
        }
        let handler = handlers.iter().find(|handler| handler.name == request.handler).copied();
        let handler = handler.ok_or_else(|| ReplayError::Handler {
            name: request.handler.clone(),
            known: handlers.iter().map(|handler| handler.name).collect::<Vec<_>>().join(", "),
        })?;
        let (first, last) = (self.bus.first().await?, self.bus.last().await?);
        if request.from > request.to || request.from > last || request.to < first {
            return Err(ReplayError::Range { from: request.from, to: request.to, first, last });
        }
        Ok(handler)
    }

    async fn begin(&self, request: &Request, now: DateTime<Utc>) -> Result<(Run, u64), ReplayError> {
        let run =
            Run { v: VERSION, request: request.clone(), began_at: now, next: request.from, delivered: 0 };
        match self.keep(&run, Expect::Absent).await {
            Ok(revision) => return Ok((run, revision)),
            Err(StoreError::Conflict) => {}
            Err(error @ (StoreError::Full(_) | StoreError::Unavailable(_))) => return Err(error.into()),
        }
        let (run, revision) = self.find(&request.run).await?;
        if run.request == *request {
            Ok((run, revision))
        } else {
            Err(ReplayError::Taken(request.run.clone()))
        }
    }

    async fn keep(&self, run: &Run, expect: Expect) -> Result<u64, StoreError> {
        let bytes = serde_json::to_vec(run).map_err(StoreError::unavailable)?;
        self.store.put(Bucket::Runs, &head(&run.request.run), bytes, expect, Some(REMEMBERED)).await
    }

    async fn find(&self, run: &str) -> Result<(Run, u64), ReplayError> {
        let key = head(run);
        match self.store.get(Bucket::Runs, &key).await? {
            Some(entry) => Ok((parse(&key, &entry.value)?, entry.revision)),
            None => Err(ReplayError::Unknown(run.to_owned())),
        }
    }

    /// All runs, oldest first.
    pub async fn list(&self) -> Result<Vec<Run>, ReplayError> {
        let entries = self.store.scan(Bucket::Runs, "head/").await?;
        let mut runs: Vec<Run> =
            entries.iter().map(|(key, entry)| parse(key, &entry.value)).collect::<Result<_, _>>()?;
        runs.sort_by_key(|run| run.began_at);
        Ok(runs)
    }

    /// A run, and what became of its events so far, in the order of their handling.
    pub async fn show(&self, run: &str) -> Result<(Run, Vec<Replayed>), ReplayError> {
        let (found, _) = self.find(run).await?;
        let entries = self.store.scan(Bucket::Runs, &format!("event/{run}/")).await?;
        let mut events: Vec<Replayed> =
            entries.iter().map(|(key, entry)| parse(key, &entry.value)).collect::<Result<_, _>>()?;
        events.sort_by_key(|event| event.at);
        Ok((found, events))
    }
}

fn head(run: &str) -> String {
    format!("head/{run}")
}

fn parse<T: serde::de::DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, ReplayError> {
    serde_json::from_slice(bytes).map_err(|error| ReplayError::Broken(key.to_owned(), error))
}

fn wanted(request: &Request, handler: Replayable, event: &Envelope) -> bool {
    let heard = handler.hears.iter().any(|hears| subject::fits(hears.glob(), event.ty()));
    heard && (request.types.is_empty() || request.types.iter().any(|glob| subject::fits(glob, event.ty())))
}

fn marked(event: &Envelope, request: &Request) -> Envelope {
    let effects = if request.effects { "on" } else { "off" };
    let builder = event.to_builder().without_extension(extension::REPLAY_RUN);
    let builder = builder.without_extension(extension::REPLAY_EFFECTS);
    let builder = builder.extension(extension::REPLAY_RUN, &request.run);
    let built = builder.extension(extension::REPLAY_EFFECTS, effects).build();
    built.expect("a valid event stays valid with two more attributes of letters and digits")
}
