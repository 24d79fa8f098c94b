//! One event by its id, and the events of a story.

use chassis::{Bus, BusError, Position, Recorded};

use super::QueryError;
use super::scan::Scan;
use crate::api::Candidate;

/// Candidates that an error names.
const NAMED: usize = 10;

/// The event that `id` names: by its whole id, by the beginning of it if no other id begins so, or as `@<position>`.
///
/// A whole id wins over the beginning of another; the same id from two sources is ambiguous.
pub async fn find(bus: &dyn Bus, id: &str) -> Result<Recorded, QueryError> {
    let not_found = || QueryError::NotFound(id.to_owned());
    if let Some(position) = id.strip_prefix('@').and_then(|position| position.parse().ok()) {
        let page = bus.read(Position(position), 1).await?;
        return page.into_iter().find(|recorded| recorded.position.0 == position).ok_or_else(not_found);
    }
    if id.is_empty() {
        return Err(not_found());
    }
    let (mut whole, mut beginning) = (Matches::default(), Matches::default());
    let mut scan = Scan::begin(bus, Position(1)).await?;
    while let Some(page) = scan.page().await? {
        for recorded in page {
            let Ok(event) = &recorded.event else { continue };
            if event.id() == id {
                whole.add(recorded);
            } else if event.id().starts_with(id) {
                beginning.add(recorded);
            }
        }
    }
    let matches = if whole.count > 0 { whole } else { beginning };
    matches.only(id)
}

/// Up to `limit` events of a story in the order of the log, and how many there are besides.
pub async fn correlated(
    bus: &dyn Bus,
    correlation: &str,
    limit: usize,
) -> Result<(Vec<Recorded>, usize), BusError> {
    let (mut events, mut left_out) = (Vec::new(), 0);
    let mut scan = Scan::begin(bus, Position(1)).await?;
    while let Some(page) = scan.page().await? {
        let of_story = |recorded: &Recorded| {
            recorded.event.as_ref().is_ok_and(|event| event.correlation_id() == correlation)
        };
        for recorded in page.into_iter().filter(of_story) {
            if events.len() < limit {
                events.push(recorded);
            } else {
                left_out += 1;
            }
        }
    }
    Ok((events, left_out))
}

#[derive(Default)]
struct Matches {
    first: Option<Recorded>,
    candidates: Vec<Candidate>,
    count: usize,
}

impl Matches {
    fn add(&mut self, recorded: Recorded) {
        self.count += 1;
        if let (Ok(event), true) = (&recorded.event, self.candidates.len() < NAMED) {
            self.candidates.push(Candidate {
                position: recorded.position,
                id: event.id().to_owned(),
                source: event.source().to_owned(),
                r#type: event.ty().to_owned(),
            });
        }
        self.first.get_or_insert(recorded);
    }

    fn only(self, id: &str) -> Result<Recorded, QueryError> {
        let Self { first, candidates, count } = self;
        match first {
            None => Err(QueryError::NotFound(id.to_owned())),
            Some(first) if count == 1 => Ok(first),
            Some(_) => {
                Err(QueryError::Ambiguous { id: id.to_owned(), more: count - candidates.len(), candidates })
            }
        }
    }
}
