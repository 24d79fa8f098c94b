//! Typed views of the events that automations use most: the members that they look at, all others ignored.
//!
//! A view is not the payload: the event's body stays what GitHub sent. Its JSON Schema says which members a rule can
//! name with confidence.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::TYPE_PREFIX;
use crate::Envelope;

/// A typed view of one event of GitHub, whatever its action.
pub trait View: Serialize + DeserializeOwned + JsonSchema {
    /// The value of `X-GitHub-Event`.
    const EVENT: &'static str;
    /// JSON Schema (2020-12) of the view, as committed in `events/schemas/`. Open: GitHub sends more than it names.
    const SCHEMA: &'static str;

    /// Whether a type is this event's, with any action.
    fn fits(ty: &str) -> bool {
        ty.strip_prefix(TYPE_PREFIX)
            .and_then(|ty| ty.strip_prefix(Self::EVENT))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Looks at an event.
    fn of(envelope: &Envelope) -> Result<Self, ViewError> {
        if !Self::fits(envelope.ty()) {
            return Err(ViewError::Type {
                event: Self::EVENT,
                ty: envelope.ty().to_owned(),
            });
        }
        Ok(envelope.typed()?)
    }
}

/// Why an event cannot be looked at.
#[derive(Debug, Error)]
pub enum ViewError {
    /// It is of another type.
    #[error("{ty} is not a {event} of GitHub")]
    Type {
        /// What the view is of.
        event: &'static str,
        /// What the event is.
        ty: String,
    },
    /// Its body lacks a member of the view, or has it in another type.
    #[error("the body does not have what this event of GitHub always has")]
    Body(#[from] serde_json::Error),
}

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

/// Commits or tags were pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Push {
    /// `refs/heads/<branch>` or `refs/tags/<tag>`.
    pub r#ref: String,
    /// The commit that it pointed at before; all zeros when it is new.
    pub before: String,
    /// The commit that it points at now; all zeros when it is gone.
    pub after: String,
    /// Whether the branch or tag is new.
    pub created: bool,
    /// Whether the branch or tag is gone.
    pub deleted: bool,
    /// Whether history was rewritten.
    pub forced: bool,
    /// A page that compares before and after.
    pub compare: String,
    /// The commits, oldest first; GitHub lists at most 2048.
    pub commits: Vec<Commit>,
    /// The newest of them; `null` when the branch or tag is gone.
    pub head_commit: Option<Commit>,
    /// Where it was pushed to.
    pub repository: Repository,
    /// Who pushed.
    pub sender: User,
}

/// A commit of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Commit {
    /// Its hash.
    pub id: String,
    /// Its message.
    pub message: String,
    /// Its page.
    pub url: String,
    /// Files that it added.
    pub added: Vec<String>,
    /// Files that it removed.
    pub removed: Vec<String>,
    /// Files that it changed.
    pub modified: Vec<String>,
}

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

/// A release was created, published, edited, …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    /// `published`, `released`, `prereleased`, …
    pub action: String,
    /// The release.
    pub release: ReleaseDetail,
    /// What was released.
    pub repository: Repository,
    /// Who did it.
    pub sender: User,
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseDetail {
    /// Unique within GitHub.
    pub id: u64,
    /// Its tag.
    pub tag_name: String,
    /// The branch or commit that the tag is made from, if it does not exist yet.
    pub target_commitish: String,
    /// Its title.
    pub name: Option<String>,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether it is a pre-release.
    pub prerelease: bool,
    /// Its text.
    #[serde(default)]
    pub body: Option<String>,
    /// Its page.
    pub html_url: String,
}

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

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repository {
    /// Unique within GitHub, and kept when it is renamed.
    pub id: u64,
    /// Name without the owner.
    pub name: String,
    /// `<owner>/<name>`.
    pub full_name: String,
    /// Whether it is private.
    pub private: bool,
    /// Its page.
    pub html_url: String,
    /// Its main branch; absent where GitHub shortens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
}

/// A user, or a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// The name that people see.
    pub login: String,
    /// `User`, `Bot` or `Organization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
}

macro_rules! views {
    ($($view:ident = $event:literal),+ $(,)?) => {
        $(
            impl View for $view {
                const EVENT: &'static str = $event;
                const SCHEMA: &'static str = include_str!(concat!("../../schemas/com.github.", $event, ".json"));
            }
        )+

        /// The JSON Schema of the view that fits a type, if there is one.
        pub(super) fn schema(ty: &str) -> Option<&'static str> {
            $(
                if $view::fits(ty) {
                    return Some($view::SCHEMA);
                }
            )+
            None
        }

        /// For the tests of the catalogue: each view's event, its committed schema, its schema made anew, and what
        /// the view leaves of a body.
        #[cfg(test)]
        pub(crate) fn all() -> Vec<(&'static str, &'static str, serde_json::Value, crate::catalogue::Reread)> {
            vec![$((
                $event,
                $view::SCHEMA,
                crate::catalogue::schema_of::<$view>(concat!("com.github.", $event)),
                |body| serde_json::to_value(serde_json::from_slice::<$view>(body)?),
            )),+]
        }
    };
}
views! {
    WorkflowRun = "workflow_run",
    Push = "push",
    PullRequest = "pull_request",
    Release = "release",
    Ping = "ping",
}
