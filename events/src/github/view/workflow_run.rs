//! `workflow_run`: GitHub Actions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Repository, User};

/// A run of GitHub Actions was requested, is in progress, or completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkflowRun {
    /// `requested`, `in_progress` or `completed`.
    pub action: String,
    /// The run.
    pub workflow_run: Run,
    /// Where it runs.
    pub repository: Repository,
    /// Who caused it.
    pub sender: User,
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Unique within GitHub.
    pub id: u64,
    /// Name of the workflow.
    pub name: Option<String>,
    /// File of the workflow, for example `.github/workflows/ci.yml`; absent in old payloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The branch or tag that it runs for.
    pub head_branch: Option<String>,
    /// The commit that it runs for.
    pub head_sha: String,
    /// What it answers: `push`, `pull_request`, `schedule`, `workflow_dispatch`, …
    pub event: String,
    /// `queued`, `in_progress`, `completed`, …
    pub status: String,
    /// `success`, `failure`, `cancelled`, `skipped`, `timed_out`, …; `null` while it runs.
    pub conclusion: Option<String>,
    /// Counts the runs of the workflow.
    pub run_number: u64,
    /// Counts the attempts of this run, from 1.
    pub run_attempt: u64,
    /// Its page.
    pub html_url: String,
    /// The pull requests that it runs for; empty for those of forks.
    pub pull_requests: Vec<PullRequestRef>,
}

/// A pull request, named by a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullRequestRef {
    /// Unique within the repository.
    pub number: u64,
}
