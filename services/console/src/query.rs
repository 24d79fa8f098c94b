//! Questions to the log, for the API and the command line alike.

mod dead;
mod filter;
mod find;
mod list;
mod range;
mod replay;
mod scan;
mod source;
mod story;
mod tail;
mod when;

use chassis::BusError;
use chrono::{DateTime, Utc};
use thiserror::Error;

pub use dead::{Cursor, DeadFilter, NotACursor};
pub use filter::Filter;
pub use find::find;
pub use list::{DEFAULT_LIMIT, Found, MAX_LIMIT, NoOrder, Order, PAGE_TIME, list};
pub use range::Range;
pub use replay::{Edge, Wanted, request};
pub use scan::Budget;
pub use source::sources;
pub use story::story;
pub use tail::tail;
pub use when::{NotAMoment, when};

use crate::api::Candidate;

/// Why a question has no answer.
#[derive(Debug, Error)]
pub enum QueryError {
    /// Nothing has that id.
    #[error("no event has the id `{0}` or an id that begins with it")]
    NotFound(String),
    /// Nothing that was looked at has that id, and the log is long.
    #[error("no event since {} has the id `{id}` or an id that begins with it; older ones were not looked at", looked_to.to_rfc3339())]
    NotFoundSince {
        /// What was asked for.
        id: String,
        /// How far back was looked.
        looked_to: DateTime<Utc>,
    },
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

#[cfg(test)]
mod tests;
