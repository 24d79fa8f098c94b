//! `check_suite`: all checks of one App for a commit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{App, PullRequestRef, Repository, User};

/// The checks of an App for a commit completed, or were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckSuite {
    /// `completed`, `requested` or `rerequested`.
    pub action: String,
    /// The suite.
    pub check_suite: Suite,
    /// Where it runs.
    pub repository: Repository,
    /// Who caused it.
    pub sender: User,
}

/// The checks of one App for a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suite {
    /// Unique within GitHub.
    pub id: u64,
    /// The branch that it runs for; `null` for that of a fork.
    pub head_branch: Option<String>,
    /// The commit that is checked.
    pub head_sha: String,
    /// `requested`, `queued`, `in_progress`, `completed`, …
    pub status: Option<String>,
    /// `success`, `failure`, `neutral`, `cancelled`, …; `null` while it runs.
    pub conclusion: Option<String>,
    /// The App that runs it.
    pub app: App,
    /// The pull requests that it runs for; empty for those of forks.
    pub pull_requests: Vec<PullRequestRef>,
}
