//! Which part of the log a question is about.

use chassis::{Bus, BusError, Position};
use chrono::{DateTime, TimeDelta, Utc};

use super::Filter;
use super::scan::Bounds;

/// The clock of the bus may be set back by this much between two events.
const CLOCK_STEP: TimeDelta = TimeDelta::minutes(5);

/// Between these positions, both of which are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// Only what stands after this.
    pub after: Option<Position>,
    /// Only what stands before this.
    pub before: Option<Position>,
}

/// The part of the log outside of which the filter wants nothing.
pub(super) async fn bounds(bus: &dyn Bus, filter: &Filter, range: Range) -> Result<Bounds, BusError> {
    let mut low = bus.first().await?;
    let mut high = next(bus.last().await?);
    if let Some(after) = range.after {
        low = low.max(next(after));
    }
    if let Some(before) = range.before {
        high = high.min(before);
    }
    if let Some(since) = filter.since {
        low = low.max(first_since(bus, since).await?);
    }
    if let Some(until) = filter.until.and_then(|until| until.checked_add_signed(CLOCK_STEP)) {
        high = high.min(bus.seek(until).await?);
    }
    Ok(Bounds { low, high })
}

/// A position before which no event was taken at or after this time; the events there may still be older.
pub(super) async fn first_since(bus: &dyn Bus, since: DateTime<Utc>) -> Result<Position, BusError> {
    match since.checked_sub_signed(CLOCK_STEP) {
        Some(since) => bus.seek(since).await,
        // Before the calendar: everything.
        None => bus.first().await,
    }
}

fn next(position: Position) -> Position {
    Position(position.0.saturating_add(1))
}
