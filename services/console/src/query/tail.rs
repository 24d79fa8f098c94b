//! Events as they come.

use std::collections::VecDeque;
use std::sync::Arc;

use chassis::{Bus, BusError, Position, Recorded};
use futures::Stream;

use super::Filter;
use super::range::first_since;
use super::scan::PAGE;

struct Tail {
    bus: Arc<dyn Bus>,
    filter: Filter,
    /// Where to read next; `None` until it is known where to begin.
    next: Option<Position>,
    after: Option<Position>,
    waiting: VecDeque<Recorded>,
}

/// The events that the filter wants: those after `after` (or since `filter.since`), then the new ones as they come. With
/// neither, only new ones. Does not end by itself, but for `filter.until` it ends with the first event that is too late.
///
/// After an error the stream goes on where it was, if it is asked again.
pub fn tail(
    bus: Arc<dyn Bus>,
    filter: Filter,
    after: Option<Position>,
) -> impl Stream<Item = Result<Recorded, BusError>> + Send + 'static {
    let tail = Tail { bus, filter, next: None, after, waiting: VecDeque::new() };
    futures::stream::unfold(tail, |mut tail| async move {
        let item = tail.item().await?;
        Some((item, tail))
    })
}

impl Tail {
    async fn item(&mut self) -> Option<Result<Recorded, BusError>> {
        loop {
            while let Some(recorded) = self.waiting.pop_front() {
                if self.filter.until.is_some_and(|until| recorded.recorded >= until) {
                    return None;
                }
                if self.filter.wants(&recorded) {
                    return Some(Ok(recorded));
                }
            }
            if let Err(error) = self.more().await {
                return Some(Err(error));
            }
        }
    }

    /// Reads on, or waits until there is more.
    async fn more(&mut self) -> Result<(), BusError> {
        let next = match self.next {
            Some(next) => next,
            None => self.begin().await?,
        };
        // Before the page is read: what is stored after this is not missed below.
        let end = self.bus.last().await?;
        let page = self.bus.read(next, usize::try_from(PAGE).unwrap_or(usize::MAX)).await?;
        if let Some(last) = page.last() {
            self.next = Some(Position(last.position.0 + 1));
        } else {
            // Up to here the log has no more events, though it may have other things (redeliveries).
            let next = next.max(Position(end.0 + 1));
            self.next = Some(next);
            self.bus.changed(Position(next.0 - 1)).await?;
        }
        self.waiting = page.into();
        Ok(())
    }

    async fn begin(&mut self) -> Result<Position, BusError> {
        let next = match (self.after, self.filter.since) {
            (None, None) => Position(self.bus.last().await?.0 + 1),
            (after, since) => {
                let next = Position(after.unwrap_or_default().0.saturating_add(1));
                match since {
                    Some(since) => next.max(first_since(&*self.bus, since).await?),
                    None => next,
                }
            }
        };
        self.next = Some(next);
        Ok(next)
    }
}
