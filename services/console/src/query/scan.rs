//! The log, page by page, up to the end that it had at the beginning.

use chassis::{Bus, BusError, Position, Recorded};

/// Events read at once: enough that a round trip does not count, few enough that large bodies fit the memory.
pub(super) const PAGE: usize = 256;

/// A walk over the log. It ends also when the log grows as fast as it is read.
pub(super) struct Scan<'a> {
    bus: &'a dyn Bus,
    /// Where the next page begins.
    next: Position,
    end: Position,
}

impl<'a> Scan<'a> {
    /// A walk that begins at `from`.
    pub(super) async fn begin(bus: &'a dyn Bus, from: Position) -> Result<Self, BusError> {
        let end = bus.last().await?;
        Ok(Self { bus, next: Position(from.0.max(1)), end })
    }

    /// The next events; `None` at the end.
    pub(super) async fn page(&mut self) -> Result<Option<Vec<Recorded>>, BusError> {
        if self.next > self.end {
            return Ok(None);
        }
        // Reading may never wait: others want to run too.
        tokio::task::yield_now().await;
        let page = self.bus.read(self.next, PAGE).await?;
        Ok(page.last().map(|last| last.position).map(|last| {
            self.next = Position(last.0 + 1);
            page
        }))
    }
}
