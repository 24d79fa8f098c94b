//! `push`: commits and tags.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Repository, User};

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
