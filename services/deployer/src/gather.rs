//! Looks at the world: the file before a deploy, the Application, its workloads and their pods after.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use events::payload::deploy::Image;
use resources::app::{ArgoCd, Git};
use thiserror::Error;

use crate::cluster::{Cluster, ClusterError};
use crate::edit::{self, EditError, Edited};
use crate::git::{Commit, GitError, Repositories};
use crate::observed::{Application, Observed, Relation, Revisions};
use crate::plan::Plan;

/// A revision that the repository does not know is looked for again after this time: it may have been pushed since.
const LOOK_AGAIN: TimeDelta = TimeDelta::seconds(15);

/// Why something could not be looked at.
#[derive(Debug, Error)]
pub enum GatherError {
    /// The GitOps repository.
    #[error("cannot read the GitOps repository")]
    Git(#[from] GitError),
    /// The values file.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The cluster.
    #[error("cannot look at the cluster")]
    Cluster(#[from] ClusterError),
}

impl GatherError {
    /// Whether another attempt would end the same until a person has done something.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Git(error) => error.is_lasting(),
            Self::Edit(_) => true,
            Self::Cluster(error) => error.is_lasting(),
        }
    }
}

/// The values file as it is, edited as it would be: what cannot be done is known before anything is done.
pub async fn file(repositories: &Repositories, plan: &Plan) -> Result<Edited, GatherError> {
    let git = &plan.environment.git;
    let repository = repositories.lock(&git.repository).await;
    let head = repository.fetch(&git.branch).await?;
    let stored = repository.file(&head, &git.branch, &git.file).await?;
    Ok(edit::edit(edit::text(&stored.bytes, git)?, git, &plan.wanted)?)
}

/// Looks at one deploy again and again.
pub struct Lookout<'a> {
    cluster: &'a Cluster,
    repositories: &'a Repositories,
    git: &'a Git,
    argocd: &'a ArgoCd,
    commit: &'a Commit,
    /// What is known of revisions. How two commits stand to each other never changes.
    revisions: Revisions,
    /// When those that nobody knows were looked for.
    looked: BTreeMap<String, DateTime<Utc>>,
}

impl<'a> Lookout<'a> {
    /// A lookout for `commit`.
    pub fn new(
        cluster: &'a Cluster,
        repositories: &'a Repositories,
        git: &'a Git,
        argocd: &'a ArgoCd,
        commit: &'a Commit,
    ) -> Self {
        Self {
            cluster,
            repositories,
            git,
            argocd,
            commit,
            revisions: Revisions::default(),
            looked: BTreeMap::new(),
        }
    }

    /// All that can be seen now.
    pub async fn look(&mut self, now: DateTime<Utc>) -> Result<Observed, GatherError> {
        let Some(application) = self.cluster.application(self.argocd).await? else {
            return Ok(Observed::default());
        };
        self.relate(&application, now).await?;
        let mut observed = Observed {
            revisions: self.revisions.clone(),
            application: Some(application),
            ..Observed::default()
        };
        if let Some(application) = &observed.application
            && observed.revisions.containing(&application.sync.revisions).is_some()
        {
            // Before that, the workloads are those of an older commit.
            for id in &application.workloads {
                match self.cluster.workload(id).await? {
                    Some(workload) => observed.workloads.push(workload),
                    None => observed.absent.push(id.clone()),
                }
            }
        }
        Ok(observed)
    }

    /// How the revisions of the Application stand to the commit.
    async fn relate(&mut self, application: &Application, now: DateTime<Utc>) -> Result<(), GitError> {
        let operation = application.operation.as_ref().map(|operation| operation.revisions.as_slice());
        for revisions in [application.sync.revisions.as_slice(), operation.unwrap_or_default()] {
            for revision in application.of_repository(revisions, &self.git.repository) {
                let known = match self.revisions.0.get(revision) {
                    Some(Relation::Contains { .. } | Relation::Lacks) => true,
                    Some(Relation::Unknown) => {
                        self.looked.get(revision).is_some_and(|at| now - *at < LOOK_AGAIN)
                    }
                    None => false,
                };
                if !known {
                    let relation = self.relation(revision).await?;
                    self.looked.insert(revision.to_owned(), now);
                    self.revisions.0.insert(revision.to_owned(), relation);
                }
            }
        }
        Ok(())
    }

    async fn relation(&self, revision: &str) -> Result<Relation, GitError> {
        let Some(revision) = Commit::parse(revision) else { return Ok(Relation::Unknown) };
        let repository = self.repositories.lock(&self.git.repository).await;
        match repository.contains(&self.git.branch, self.commit, &revision).await? {
            None => Ok(Relation::Unknown),
            Some(false) => Ok(Relation::Lacks),
            Some(true) => {
                let names = match repository.file(&revision, &self.git.branch, &self.git.file).await {
                    Ok(stored) => self.named(&stored.bytes),
                    Err(GitError::NoFile { .. } | GitError::NotAFile { .. } | GitError::TooLarge(_)) => None,
                    Err(error) => return Err(error),
                };
                Ok(Relation::Contains { names })
            }
        }
    }

    /// A file that somebody has broken names nothing.
    fn named(&self, bytes: &[u8]) -> Option<Image> {
        edit::text(bytes, self.git).and_then(|text| edit::named(text, self.git)).ok().flatten()
    }
}
