//! Writes the wanted image to Git: one commit for one event, however often it is tried.

mod message;

use std::time::Duration;

use chassis::{Intended, failpoint};
use chrono::{DateTime, Utc};
use events::Envelope;
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::edit::{self, EditError};
use crate::git::{Author, Commit, GitError, Pushed, Repositories, Repository};
use crate::plan::Plan;

pub use message::trailers;

/// How often somebody else may be faster before the deploy is tried again later. Each time the edit is made anew on what
/// they pushed, so this only bounds the time that the repository is held.
const TRIES: u32 = 8;
/// The longest wait between two of them: enough for the other side to end its push.
const LONGEST_WAIT: Duration = Duration::from_millis(400);

/// The repository says what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// The commit that says so.
    pub commit: Commit,
    /// Whether this deploy made it; false when the repository said so before.
    pub changed: bool,
}

/// Why it does not.
#[derive(Debug, Error)]
pub enum CommitError {
    /// Git did not do it.
    #[error("cannot write to the GitOps repository")]
    Git(#[from] GitError),
    /// The file cannot say it.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Others push all the time.
    #[error("others pushed to the branch `{branch}` each of the {TRIES} times that the commit was made")]
    Overtaken {
        /// Which branch.
        branch: String,
    },
}

impl CommitError {
    /// Whether another attempt would end the same until a person has done something.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Git(error) => error.is_lasting(),
            Self::Edit(_) => true,
            Self::Overtaken { .. } => false,
        }
    }

    /// Whether surely nothing was pushed.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Git(error) => !error.is_of_push(),
            Self::Edit(_) | Self::Overtaken { .. } => true,
        }
    }
}

/// The commit of this event, if it is on the branch.
pub async fn find(
    repositories: &Repositories,
    plan: &Plan,
    event: &Envelope,
) -> Result<Option<Committed>, CommitError> {
    let git = &plan.environment.git;
    let repository = repositories.lock(&git.repository).await;
    let head = repository.fetch(&git.branch).await?;
    Ok(ours(&repository, &head, event).await?)
}

/// Makes the branch say what the plan wants.
pub async fn write(
    repositories: &Repositories,
    plan: &Plan,
    event: &Envelope,
    author: &Author,
    now: DateTime<Utc>,
    intended: &Intended,
) -> Result<Committed, CommitError> {
    let git = &plan.environment.git;
    let repository = repositories.lock(&git.repository).await;
    let mut renewed = false;
    for attempt in 1..=TRIES {
        match once(&repository, plan, event, author, now, intended).await {
            Ok(Some(committed)) => return Ok(committed),
            Ok(None) => {
                let wait = LONGEST_WAIT.mul_f64(rand::rng().random_range(0.1..=1.0));
                tokio::time::sleep(wait).await;
            }
            Err(CommitError::Git(error)) if error.is_local() && !renewed => {
                // The fetch saw nothing wrong, but an object is broken: once, a new cache may help.
                tracing::warn!(attempt, error = %error, "throwing the cache of a repository away");
                repository.discard().await?;
                renewed = true;
            }
            Err(error) => return Err(error),
        }
    }
    Err(CommitError::Overtaken { branch: git.branch.clone() })
}

/// One try, on the newest commit of the branch; `None` when somebody else was faster.
async fn once(
    repository: &Repository,
    plan: &Plan,
    event: &Envelope,
    author: &Author,
    now: DateTime<Utc>,
    intended: &Intended,
) -> Result<Option<Committed>, CommitError> {
    let git = &plan.environment.git;
    let head = repository.fetch(&git.branch).await?;
    // An earlier try may have been taken although its answer was lost.
    if let Some(committed) = ours(repository, &head, event).await? {
        return Ok(Some(committed));
    }
    let stored = repository.file(&head, &git.branch, &git.file).await?;
    let edited = edit::edit(edit::text(&stored.bytes, git)?, git, &plan.wanted)?;
    if !edited.changed {
        let commit = repository.last_change(&head, &git.file).await?;
        return Ok(Some(Committed { commit, changed: false }));
    }
    let message = message::message(plan, event, edited.previous.as_ref());
    let stored = stored.with(edited.text.into_bytes());
    failpoint::hit("deployer.before-commit");
    let commit = repository.commit(&head, &git.file, &stored, &message, author, now).await?;
    failpoint::hit("deployer.after-commit");
    match repository.push(&commit, &git.branch, intended).await? {
        Pushed::Done => {
            failpoint::hit("deployer.after-push");
            Ok(Some(Committed { commit, changed: true }))
        }
        Pushed::Overtaken => {
            tracing::info!(branch = git.branch, "somebody else was faster: making the commit anew on theirs");
            Ok(None)
        }
    }
}

async fn ours(
    repository: &Repository,
    head: &Commit,
    event: &Envelope,
) -> Result<Option<Committed>, GitError> {
    let trailers = trailers(event);
    let identity: Vec<(&str, &str)> =
        trailers.iter().take(2).map(|(name, value)| (*name, value.as_str())).collect();
    let commit = repository.with_trailers(head, &identity).await?;
    Ok(commit.map(|commit| Committed { commit, changed: true }))
}

#[cfg(test)]
mod tests;
