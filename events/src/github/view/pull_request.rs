//! `pull_request`: pull requests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Repository, User};

/// A pull request was opened, closed, labelled, …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullRequest {
    /// `opened`, `synchronize`, `closed`, …
    pub action: String,
    /// Unique within the repository.
    pub number: u64,
    /// The pull request.
    pub pull_request: PullRequestDetail,
    /// Where it should be merged.
    pub repository: Repository,
    /// Who did it.
    pub sender: User,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullRequestDetail {
    /// Unique within the repository.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// `open` or `closed`.
    pub state: String,
    /// Whether it is a draft.
    #[serde(default)]
    pub draft: bool,
    /// Whether it was merged; `null` where GitHub does not say.
    #[serde(default)]
    pub merged: Option<bool>,
    /// The commit that merged it, or would merge it.
    pub merge_commit_sha: Option<String>,
    /// Its page.
    pub html_url: String,
    /// What should be merged.
    pub head: Branch,
    /// What it should be merged into.
    pub base: Branch,
    /// Who opened it.
    pub user: User,
    /// Its labels.
    #[serde(default)]
    pub labels: Vec<Label>,
}

/// One side of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Branch {
    /// Name of the branch.
    pub r#ref: String,
    /// Its commit.
    pub sha: String,
}

/// A label of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Label {
    /// Its name.
    pub name: String,
}
