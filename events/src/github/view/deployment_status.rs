//! `deployment_status`: how a deployment goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DeploymentDetail, Repository, User};

/// A deployment is on its way, succeeded, failed, …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentStatus {
    /// `created`.
    pub action: String,
    /// How it goes.
    pub deployment_status: StatusDetail,
    /// The deployment.
    pub deployment: DeploymentDetail,
    /// What is deployed.
    pub repository: Repository,
    /// Who said it.
    pub sender: User,
}

/// How a deployment goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusDetail {
    /// Unique within GitHub.
    pub id: u64,
    /// `pending`, `queued`, `in_progress`, `success`, `failure`, `error` or `inactive`.
    pub state: String,
    /// In words.
    pub description: String,
    /// Where to.
    pub environment: String,
    /// Where it can be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment_url: Option<String>,
    /// Its log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_url: Option<String>,
    /// Its log, as it was called before.
    pub target_url: String,
}
