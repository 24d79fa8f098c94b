//! Pages of events.

use std::collections::VecDeque;

use chassis::{Bus, BusError, Position};
use chrono::{DateTime, TimeDelta, Utc};

use super::Filter;
use super::scan::Scan;
use crate::api::{Entry, EventPage};

/// Events of a page when nobody says how many.
pub const DEFAULT_LIMIT: usize = 100;
/// Most events of a page.
pub const MAX_LIMIT: usize = 1_000;

/// A page is closed when its events have this many bytes: a body can have 25 MB.
const PAGE_BYTES: usize = 8 * 1024 * 1024;
/// A page is closed when this many events were looked at, so that a filter that fits nothing answers in a bounded time.
const LOOKED_AT: usize = 20_000;

/// The clock of the bus may be set back by this much between two events.
const CLOCK_STEP: TimeDelta = TimeDelta::minutes(5);

/// The first events after `after` that the filter wants, at most `limit` of them.
pub async fn list(
    bus: &dyn Bus,
    filter: &Filter,
    after: Position,
    limit: usize,
) -> Result<EventPage, BusError> {
    let from = beginning(bus, filter, after).await?;
    let mut scan = Scan::begin(bus, from).await?;
    let (mut events, mut bytes, mut looked_at) = (Vec::new(), 0, 0);
    while let Some(page) = scan.page().await? {
        for recorded in &page {
            looked_at += 1;
            if filter.wants(recorded) {
                let entry = Entry::from(recorded);
                bytes += entry.json().len();
                events.push(entry);
            }
            if events.len() >= limit || bytes >= PAGE_BYTES || looked_at >= LOOKED_AT {
                return Ok(EventPage { events, next: Some(recorded.position) });
            }
        }
    }
    Ok(EventPage { events, next: None })
}

/// The last `limit` events that the filter wants, oldest first.
pub async fn latest(bus: &dyn Bus, filter: &Filter, limit: usize) -> Result<Vec<Entry>, BusError> {
    let from = beginning(bus, filter, Position(0)).await?;
    let mut scan = Scan::begin(bus, from).await?;
    let (mut events, mut bytes) = (VecDeque::new(), 0);
    while let Some(page) = scan.page().await? {
        for recorded in page.iter().filter(|recorded| filter.wants(recorded)) {
            let entry = Entry::from(recorded);
            bytes += entry.json().len();
            events.push_back(entry);
            while events.len() > limit || (bytes > PAGE_BYTES && events.len() > 1) {
                let dropped: Option<Entry> = events.pop_front();
                bytes -= dropped.map_or(0, |entry| entry.json().len());
            }
        }
    }
    Ok(events.into())
}

/// Where to begin to read for this filter.
pub(super) async fn beginning(bus: &dyn Bus, filter: &Filter, after: Position) -> Result<Position, BusError> {
    let next = Position(after.0.saturating_add(1));
    Ok(match filter.since {
        Some(since) => next.max(first_since(bus, since).await?),
        None => next,
    })
}

/// A position before which no event was taken at or after this time; the events there may still be older.
///
/// Found by halving: the log is read at some twenty places instead of from its beginning.
pub async fn first_since(bus: &dyn Bus, since: DateTime<Utc>) -> Result<Position, BusError> {
    let since = since.checked_sub_signed(CLOCK_STEP).unwrap_or(DateTime::<Utc>::MIN_UTC);
    // All before `low` are older; whatever stands at `high` or after it is not, or there is nothing.
    let (mut low, mut high) = (1, bus.last().await?.0 + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match bus.read(Position(middle), 1).await?.first() {
            Some(recorded) if recorded.recorded < since => low = recorded.position.0 + 1,
            Some(_) | None => high = middle,
        }
    }
    Ok(Position(low))
}
