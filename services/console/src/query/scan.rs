//! The log, page by page, forwards or backwards, for as long as a question may take.

use std::time::Duration;

use chassis::{Bus, BusError, Position, Recorded};
use tokio::time::Instant;

/// Events read at once, at first: few enough that a page of the largest bodies that travel with their events (256 KiB) fits
/// the memory.
pub(super) const PAGE: u64 = 128;
/// Events read at once where bodies are small: enough that the time to ask does not count.
const LARGE_PAGE: u64 = 512;
/// A page whose bodies have fewer bytes than this can be followed by one of twice as many events.
const SMALL: usize = 2 * 1024 * 1024;

/// How long a walk may take. Nobody should wait for an answer without knowing whether there will be one.
#[derive(Debug, Clone, Copy)]
pub struct Budget(Instant);

impl Budget {
    /// From now on.
    pub fn of(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// Whether it is over.
    pub fn is_spent(self) -> bool {
        Instant::now() >= self.0
    }
}

/// How many events to read after this page.
fn after(size: u64, page: &[Recorded]) -> u64 {
    let bytes: usize = page
        .iter()
        .map(|recorded| match &recorded.event {
            Ok(event) => event.body().len(),
            Err(message) => message.payload.len(),
        })
        .sum();
    if bytes < SMALL { (size * 2).min(LARGE_PAGE) } else { PAGE }
}

/// The positions of a walk: from `low`, and before `high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub low: Position,
    pub high: Position,
}

/// A walk from the older to the newer. It ends also when the log grows as fast as it is read.
pub(super) struct Forwards<'a> {
    bus: &'a dyn Bus,
    left: Bounds,
    size: u64,
}

impl<'a> Forwards<'a> {
    pub(super) fn over(bus: &'a dyn Bus, bounds: Bounds) -> Self {
        Self { bus, left: bounds, size: PAGE }
    }

    /// The next events; `None` at the end.
    pub(super) async fn page(&mut self) -> Result<Option<Vec<Recorded>>, BusError> {
        let Bounds { low, high } = self.left;
        if low >= high {
            return Ok(None);
        }
        // Reading may never wait: others want to run too.
        tokio::task::yield_now().await;
        let limit = usize::try_from((high.0 - low.0).min(self.size)).unwrap_or(usize::MAX);
        let mut page = self.bus.read(low, limit).await?;
        page.retain(|recorded| recorded.position < high);
        self.size = after(self.size, &page);
        Ok(page.last().map(|last| last.position).map(|last| {
            self.left.low = Position(last.0 + 1);
            page
        }))
    }

    /// All before this was looked at.
    pub(super) fn at(&self) -> Position {
        self.left.low
    }
}

/// A walk from the newer to the older.
pub(super) struct Backwards<'a> {
    bus: &'a dyn Bus,
    left: Bounds,
    size: u64,
}

impl<'a> Backwards<'a> {
    pub(super) fn over(bus: &'a dyn Bus, bounds: Bounds) -> Self {
        Self { bus, left: bounds, size: PAGE }
    }

    /// The next older events, newest first; may be empty; `None` at the end.
    pub(super) async fn page(&mut self) -> Result<Option<Vec<Recorded>>, BusError> {
        let Bounds { low, high } = self.left;
        if low >= high {
            return Ok(None);
        }
        tokio::task::yield_now().await;
        // Where there are gaps, a window has fewer events than positions, and what is behind it is cut off.
        let from = Position(high.0.saturating_sub(self.size)).max(low);
        let limit = usize::try_from(high.0 - from.0).unwrap_or(usize::MAX);
        let mut page = self.bus.read(from, limit).await?;
        page.retain(|recorded| recorded.position < high);
        self.size = after(self.size, &page);
        page.reverse();
        self.left.high = from;
        Ok(Some(page))
    }

    /// All at or after this was looked at.
    pub(super) fn at(&self) -> Position {
        self.left.high
    }
}
