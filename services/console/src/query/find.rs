//! One event by its id.

use std::time::Duration;

use chassis::{Bus, Position, Recorded};

use super::range::{Range, bounds};
use super::scan::{Backwards, Budget};
use super::{Filter, QueryError};
use crate::api::Candidate;

/// Candidates that an error names.
const NAMED: usize = 10;
/// How long to look for an id.
const FIND: Duration = Duration::from_secs(10);
/// How long to look for a second event with an id that was found: only another source can have made it.
const TWIN: Duration = Duration::from_secs(1);

/// The event that `id` names: by its whole id, by the beginning of it if no other id begins so, or as `@<position>`.
///
/// A whole id wins over the beginning of another; the same id from two sources is ambiguous. The newest are looked at
/// first, for a bounded time: of an older event whose id is not found in it, an error says how far was looked.
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
    let (budget, mut twin) = (Budget::of(FIND), None);
    let bounds = bounds(bus, &Filter::default(), Range::default()).await?;
    let mut scan = Backwards::over(bus, bounds);
    let mut looked_to = None;
    while let Some(page) = scan.page().await? {
        looked_to = page.last().map(|recorded| recorded.recorded).or(looked_to);
        for recorded in page {
            let Ok(event) = &recorded.event else { continue };
            if event.id() == id {
                whole.add(recorded);
                twin.get_or_insert_with(|| Budget::of(TWIN));
            } else if event.id().starts_with(id) {
                beginning.add(recorded);
            }
        }
        if twin.is_some_and(Budget::is_spent) {
            break;
        }
        if budget.is_spent() && scan.at() > bounds.low {
            if let (0, 0, Some(looked_to)) = (whole.count, beginning.count, looked_to) {
                return Err(QueryError::NotFoundSince { id: id.to_owned(), looked_to });
            }
            break;
        }
    }
    let matches = if whole.count > 0 { whole } else { beginning };
    matches.only(id)
}

#[derive(Default)]
struct Matches {
    newest: Option<Recorded>,
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
        self.newest.get_or_insert(recorded);
    }

    fn only(self, id: &str) -> Result<Recorded, QueryError> {
        let Self { newest, mut candidates, count } = self;
        candidates.sort_by_key(|candidate| candidate.position);
        match newest {
            None => Err(QueryError::NotFound(id.to_owned())),
            Some(newest) if count == 1 => Ok(newest),
            Some(_) => {
                Err(QueryError::Ambiguous { id: id.to_owned(), more: count - candidates.len(), candidates })
            }
        }
    }
}
