//! `repository_dispatch`: what somebody tells a repository through the API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Repository, User};

/// Somebody told a repository something, in words of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RepositoryDispatch {
    /// What happened: the `event_type` of the request.
    pub action: String,
    /// The main branch.
    pub branch: String,
    /// What was told beside it.
    pub client_payload: Option<Map<String, Value>>,
    /// Whom it was told.
    pub repository: Repository,
    /// Who told it.
    pub sender: User,
}
