//! Pages of events.

use std::str::FromStr;
use std::time::Duration;

use chassis::{Bus, BusError, Position, Recorded};
use thiserror::Error;

use super::Filter;
use super::range::{Range, bounds};
use super::scan::{Backwards, Budget, Forwards};
use crate::api::Entry;

/// Events of a page when nobody says how many.
pub const DEFAULT_LIMIT: usize = 100;
/// Most events of a page.
pub const MAX_LIMIT: usize = 1_000;
/// A page is closed after this time, so that a filter that fits nothing answers too.
pub const PAGE_TIME: Duration = Duration::from_secs(2);

/// A page is closed when its events have this many bytes.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Which event of a page comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest.
    #[default]
    Newest,
    /// The oldest.
    Oldest,
}

/// The text is no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("neither `newest` nor `oldest`")]
pub struct NoOrder;

impl FromStr for Order {
    type Err = NoOrder;

    fn from_str(text: &str) -> Result<Self, NoOrder> {
        match text {
            "newest" => Ok(Self::Newest),
            "oldest" => Ok(Self::Oldest),
            _ => Err(NoOrder),
        }
    }
}

/// A page.
#[derive(Debug, Clone)]
pub struct Found {
    /// In the order that was asked for.
    pub events: Vec<Entry>,
    /// How far the log was looked at, if not to its end: go on before it (newest first) or after it.
    pub cursor: Option<Position>,
}

impl Found {
    /// Takes an event that is wanted; whether the page is full with it.
    fn take(&mut self, recorded: &Recorded, limit: usize, bytes: &mut usize) -> bool {
        let entry = Entry::from(recorded);
        *bytes += entry.json().len();
        self.events.push(entry);
        self.events.len() >= limit || *bytes >= PAGE_BYTES
    }
}

/// Up to `limit` events of the range that the filter wants. There can be fewer although the log has more: then the budget
/// was spent, or the page has many bytes, and there is a cursor.
pub async fn list(
    bus: &dyn Bus,
    filter: &Filter,
    range: Range,
    order: Order,
    limit: usize,
    budget: Budget,
) -> Result<Found, BusError> {
    let bounds = bounds(bus, filter, range).await?;
    let (mut found, mut bytes) = (Found { events: Vec::new(), cursor: None }, 0);
    match order {
        Order::Newest => {
            let mut scan = Backwards::over(bus, bounds);
            while let Some(page) = scan.page().await? {
                for recorded in page.iter().filter(|recorded| filter.wants(recorded)) {
                    if found.take(recorded, limit, &mut bytes) {
                        return Ok(Found { cursor: Some(recorded.position), ..found });
                    }
                }
                if budget.is_spent() && scan.at() > bounds.low {
                    return Ok(Found { cursor: Some(scan.at()), ..found });
                }
            }
        }
        Order::Oldest => {
            let mut scan = Forwards::over(bus, bounds);
            while let Some(page) = scan.page().await? {
                for recorded in page.iter().filter(|recorded| filter.wants(recorded)) {
                    if found.take(recorded, limit, &mut bytes) {
                        return Ok(Found { cursor: Some(recorded.position), ..found });
                    }
                }
                if budget.is_spent() && scan.at() < bounds.high {
                    return Ok(Found { cursor: Some(Position(scan.at().0 - 1)), ..found });
                }
            }
        }
    }
    Ok(found)
}
