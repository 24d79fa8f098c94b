//! Questions to the log, for the API and the command line alike.

mod filter;
mod find;
mod list;
mod scan;
mod tail;
mod when;

use chassis::dead::DeadLetters;
use chassis::{Bus, BusError};
use thiserror::Error;

pub use filter::Filter;
pub use find::{correlated, find};
pub use list::{DEFAULT_LIMIT, MAX_LIMIT, first_since, latest, list};
pub use tail::tail;
pub use when::{NotAMoment, when};

use crate::api::Candidate;
use crate::story::Story;

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum QueryError {
    /// Nothing has that id.
    #[error("no event has the id `{0}` or an id that begins with it")]
    NotFound(String),
    /// Several events have that id, or an id that begins with it.
    #[error("`{id}` may mean {} events", candidates.len() + more)]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// Some of them.
        candidates: Vec<Candidate>,
        /// How many there are besides.
        more: usize,
    },
    /// The bus failed.
    #[error("the log cannot be read")]
    Bus(#[from] BusError),
}

/// Events of a story that are shown; one of ours has some tens.
const STORY_EVENTS: usize = 5_000;

/// The story of the event that `id` names, with its dead letters.
pub async fn story(bus: &dyn Bus, dead: &DeadLetters, id: &str) -> Result<Story, QueryError> {
    let focus = find(bus, id).await?;
    let Ok(event) = &focus.event else { return Err(QueryError::NotFound(id.to_owned())) };
    let (events, left_out) = correlated(bus, &event.correlation_id(), STORY_EVENTS).await?;
    let mut story = Story::build(&events, event.id());
    if left_out > 0 {
        story.notes.push(format!("{left_out} more events are not shown"));
    }
    match dead.list().await {
        Ok(letters) => Ok(story.with_dead_letters(&letters)),
        // The events are worth showing all the same, but nobody should think that nothing died.
        Err(error) => {
            story.notes.push(format!("dead letters are not shown: {:#}", anyhow::Error::new(error)));
            Ok(story)
        }
    }
}

#[cfg(test)]
mod tests;
