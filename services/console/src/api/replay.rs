//! Replays.

use chassis::replay::{Replayed, Run};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/replays`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayPage {
    /// Oldest first.
    pub replays: Vec<Run>,
}

/// `GET /api/v1/replays/{run}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayShown {
    /// What was asked for, and how far it is.
    pub replay: Run,
    /// What became of its events so far, in the order of their handling.
    pub events: Vec<Replayed>,
}
