//! `check_run`: one check of a commit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{App, PullRequestRef, Repository, User};

/// A check was created, completed, asked for again, …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckRun {
    /// `created`, `completed`, `rerequested` or `requested_action`.
    pub action: String,
    /// The check.
    pub check_run: Check,
    /// Which of its buttons was pressed, of a `requested_action`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_action: Option<RequestedAction>,
    /// Where it runs.
    pub repository: Repository,
    /// Who caused it.
    pub sender: User,
}

/// A check of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Unique within GitHub.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The commit that is checked.
    pub head_sha: String,
    /// What the App that runs it calls it.
    pub external_id: String,
    /// `queued`, `in_progress`, `completed`, …
    pub status: String,
    /// `success`, `failure`, `neutral`, `cancelled`, …; `null` while it runs.
    pub conclusion: Option<String>,
    /// Its page.
    pub html_url: String,
    /// The page of whoever runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details_url: Option<String>,
    /// The suite that it is of.
    pub check_suite: SuiteRef,
    /// The App that runs it.
    pub app: App,
    /// The pull requests that it runs for; empty for those of forks.
    pub pull_requests: Vec<PullRequestRef>,
}

/// A suite, named by a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuiteRef {
    /// Unique within GitHub; absent where GitHub shortens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The branch that it runs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_branch: Option<String>,
}

/// A button of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestedAction {
    /// What the App that runs the check calls it.
    pub identifier: String,
}
