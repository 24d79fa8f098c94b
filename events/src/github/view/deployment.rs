//! `deployment`: that somebody wants something deployed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Repository, User};

/// A deployment was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deployment {
    /// `created`.
    pub action: String,
    /// The deployment.
    pub deployment: DeploymentDetail,
    /// What is to be deployed.
    pub repository: Repository,
    /// Who asked for it.
    pub sender: User,
}

/// A deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentDetail {
    /// Unique within GitHub.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// The branch, tag or commit that was named.
    pub r#ref: String,
    /// What is to be done; `deploy`, unless somebody said otherwise.
    pub task: String,
    /// Where to.
    pub environment: String,
    /// Why.
    pub description: Option<String>,
    /// Who asked for it; `null` when that one is gone.
    pub creator: Option<User>,
    /// Whether people use that environment; absent in old payloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production_environment: Option<bool>,
    /// Its address in the API.
    pub url: String,
}
