//! Sources.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/sources`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcePage {
    /// All that are declared, by name.
    pub sources: Vec<SourceShown>,
}

/// A Source, and what came through it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceShown {
    /// Its name.
    pub name: String,
    /// Which protocol it speaks.
    pub kind: String,
    /// Where its senders post to; absent of a clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its senders are told to stop.
    pub retired: bool,
    /// When it was first sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// When a request was last accepted; absent when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<DateTime<Utc>>,
    /// The last refused request of each answer, newest first.
    pub refused: Vec<SourceRefused>,
    /// Nothing was accepted for longer than usual.
    pub silent: bool,
    /// For how many seconds nothing was accepted; absent when nothing ever was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_seconds: Option<u64>,
    /// The longest time without an accepted request in the week up to the last one; absent when it is too early to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual_seconds: Option<u64>,
}

/// A request that was refused, or failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRefused {
    /// When.
    pub at: DateTime<Utc>,
    /// How it was answered, as the label of the metrics.
    pub answer: String,
    /// Why.
    pub error: String,
}
