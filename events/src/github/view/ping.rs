//! `ping`: what a new webhook says first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Repository;

/// GitHub tries a new webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ping {
    /// A saying of GitHub's.
    pub zen: String,
    /// The webhook.
    pub hook_id: u64,
    /// The webhook.
    pub hook: Hook,
    /// The repository, when the webhook is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hook {
    /// `Repository`, `Organization` or `App`.
    pub r#type: String,
    /// The events that it sends; `*` for all.
    pub events: Vec<String>,
    /// Whether it sends any.
    pub active: bool,
}
