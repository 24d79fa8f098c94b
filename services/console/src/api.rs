//! What the API answers, as types: the command line reads and prints the same, with or without a server between.

mod dead;
mod entry;
mod replay;
mod source;

use chassis::Position;
use serde::{Deserialize, Serialize};

pub use dead::{DamagedLetter, DeadBulk, DeadEvent, DeadPage, DeadSummary, Unsettled};
pub use entry::{Entry, Unreadable};
pub use replay::{ReplayPage, ReplayShown};
pub use source::{SourcePage, SourceRefused, SourceShown};

/// `GET /api/v1/events`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventPage {
    /// In the order that was asked for.
    pub events: Vec<Entry>,
    /// The address of the next page; absent when there is none. A page can be short, or empty, and have this: it stands for
    /// events that were looked at and are not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// How far this page has looked, when there is a next one: what `next` has as `before` (newest first) or `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Position>,
}

/// `GET /api/v1`: who answers here. It says nothing about whether the bus does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// [`About::NAME`].
    pub name: String,
    /// The version of the program.
    pub version: String,
}

impl About {
    /// What the name is, so that nobody takes another program's API for ours.
    pub const NAME: &str = "signalbox";
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
