//! What the API answers, as types: the command line reads and prints the same, with or without a server between.

mod dead;
mod entry;

use chassis::Position;
use serde::{Deserialize, Serialize};

pub use dead::{DeadEvent, DeadPage, DeadSummary};
pub use entry::{Entry, Unreadable};

/// `GET /api/v1/events`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventPage {
    /// Oldest first.
    pub events: Vec<Entry>,
    /// What to ask for as `after` to go on; absent at the end of the log. A page can be empty and have this: it stands for
    /// events that were looked at and did not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Position>,
}

/// An event that an ambiguous id may mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Names it without doubt, as `@<position>`.
    pub position: Position,
    /// Its id.
    pub id: String,
    /// Where it happened.
    pub source: String,
    /// Its type.
    pub r#type: String,
}

/// Every answer that is not 2xx, and the last line of a stream that ended because of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What is wrong.
    pub error: String,
    /// What would be right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The events that an ambiguous id may mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
}

#[cfg(test)]
mod tests;
