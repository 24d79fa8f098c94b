//! From what a person asks to have replayed to a range of the log.

use chassis::replay::{ReplayError, Replays, Request};
use chassis::{Bus, Position};
use chrono::{DateTime, Utc};

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// A position.
    At(Position),
    /// A moment, by the clock of the bus.
    When(DateTime<Utc>),
}

/// What is to be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Name of the run.
    pub run: String,
    /// The handler that gets the events.
    pub handler: String,
    /// With the first event at or after this.
    pub from: Option<Edge>,
    /// To the last event at this position, or before this moment; the end of the log if nothing is said.
    pub to: Option<Edge>,
    /// Globs of event types; empty for all that the handler hears.
    pub types: Vec<String>,
    /// Whether effects are had.
    pub effects: bool,
}

/// The request for it. One that was begun and says nothing else of its range goes on with the range that it had: the end of
/// the log is elsewhere by now.
pub async fn request(bus: &dyn Bus, replays: &Replays, wanted: Wanted) -> Result<Request, ReplayError> {
    let Wanted { run, handler, from, to, types, effects } = wanted;
    let begun = replays.list().await?.into_iter().map(|run| run.request).find(|request| request.run == run);
    let begun = begun.as_ref();
    let first = match (from, begun) {
        (Some(Edge::At(position)), _) => position,
        (Some(Edge::When(since)), _) => bus.seek(since).await?,
        (None, Some(begun)) => begun.from,
        (None, None) => bus.first().await?,
    };
    let last = match (to, begun) {
        (Some(Edge::At(position)), _) => position,
        (Some(Edge::When(until)), _) => Position(bus.seek(until).await?.0.saturating_sub(1)),
        (None, Some(begun)) => begun.to,
        (None, None) => bus.last().await?,
    };
    Ok(Request { run, handler, from: first, to: last, types, effects })
}
