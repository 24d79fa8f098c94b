//! One deploy: plan, commit, sync, rollout.

use chassis::{Context, Failure, Handler, Intended, Reconciled, Shutdown};
use events::Envelope;
use events::payload::deploy::{Image, Requested, Step, Verified};
use serde::{Deserialize, Serialize};

use crate::Deployer;
use crate::announce;
use crate::commit::{self, Committed};
use crate::decide::Goal;
use crate::gather::{self, GatherError, Lookout};
use crate::git::Commit;
use crate::plan::{self, Plan};
use crate::precedence;
use crate::verify::{Ended, Watch};

/// How a deploy ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// The image runs, or is in the repository where nothing else is looked at.
    Succeeded {
        /// The commit that says so.
        committed: Committed,
        /// How far that was verified.
        verified: Verified,
    },
    /// It does not run.
    Failed {
        /// Where it ended.
        step: Step,
        /// The commit, if it came that far.
        commit: Option<Commit>,
        /// Why, for people.
        reason: String,
    },
}

/// Why a deploy stopped before it came to an end.
pub struct Stopped {
    /// Where.
    pub step: Step,
    /// The commit, if it came that far.
    pub commit: Option<Commit>,
    /// What went wrong.
    pub failure: Failure,
}

impl Deployer {
    /// Deploys.
    pub(crate) async fn deploy(
        &self,
        requested: &Requested,
        event: &Envelope,
        cx: &Context,
    ) -> Result<End, Stopped> {
        let at = |step, commit: Option<&Commit>| {
            let commit = commit.cloned();
            move |failure| Stopped { step, commit, failure }
        };

        // Plan: nothing is written.
        let plan = plan::plan(requested, &self.catalog.get(), self.cluster.is_some())
            .map_err(Failure::reject)
            .map_err(at(Step::Plan, None))?;
        let previous = self.look_before(&plan).await.map_err(by_gather).map_err(at(Step::Plan, None))?;
        precedence::take(requested, event, cx).await.map_err(at(Step::Plan, None))?;
        let started = announce::started(requested, previous);
        cx.announce("started", &started).await.map_err(at(Step::Plan, None))?;

        // Commit: the one effect on the world, once.
        let committed = cx
            .effect(
                "commit",
                || self.find_commit(&plan, event),
                |intended| self.write_commit(&plan, event, cx, intended),
            )
            .await
            .map_err(at(Step::Commit, None))?;

        // Sync and rollout: Argo CD and Kubernetes act, the deployer looks.
        let verified = match (&plan.environment.argocd, &self.cluster) {
            (Some(argocd), Some(cluster)) => {
                let goal = goal(&plan, &committed);
                let lookout =
                    Lookout::new(cluster, &self.repositories, &plan.environment.git, argocd, &goal.commit);
                // The last attempt has to come to an end.
                let shutdown = if cx.attempt() < Self::ATTEMPTS { &self.shutdown } else { &Shutdown::new() };
                let watch = Watch { cluster, argocd, goal: &goal, poll: self.poll, shutdown };
                match watch
                    .to_the_end(lookout, || cx.now())
                    .await
                    .map_err(at(Step::Sync, Some(&committed.commit)))?
                {
                    Ended::Running { revision, pods } => {
                        Verified::Running { application: argocd.application.clone(), revision, pods }
                    }
                    Ended::Failed { step, reason } => {
                        return Ok(End::Failed { step, commit: Some(committed.commit), reason });
                    }
                }
            }
            // `plan` has refused an environment that names an Application where there is no cluster.
            (None, _) | (Some(_), None) => Verified::CommitOnly,
        };
        Ok(End::Succeeded { committed, verified })
    }

    /// What the file names before the deploy. Also finds out what would go wrong later.
    async fn look_before(&self, plan: &Plan) -> Result<Option<Image>, GatherError> {
        if let (Some(argocd), Some(cluster)) = (&plan.environment.argocd, &self.cluster) {
            // A missing right is found before the commit. A missing Application is not: it may come with the commit.
            cluster.application(argocd).await?;
        }
        Ok(gather::file(&self.repositories, plan).await?.previous)
    }

    /// Looks in the repository for the commit of this event.
    async fn find_commit(&self, plan: &Plan, event: &Envelope) -> Result<Reconciled<Committed>, Failure> {
        let found = commit::find(&self.repositories, plan, event).await.map_err(by_commit)?;
        Ok(found.map_or(Reconciled::Absent, Reconciled::Happened))
    }

    async fn write_commit(
        &self,
        plan: &Plan,
        event: &Envelope,
        cx: &Context,
        intended: Intended,
    ) -> Result<Committed, Failure> {
        commit::write(&self.repositories, plan, event, &self.author, cx.now(), &intended)
            .await
            .map_err(by_commit)
    }
}

fn goal(plan: &Plan, committed: &Committed) -> Goal {
    Goal {
        commit: committed.commit.clone(),
        wanted: plan.wanted.clone(),
        image_name: plan.image_name.clone(),
        verify: plan.environment.verify,
    }
}

fn by_gather(error: GatherError) -> Failure {
    if error.is_lasting() { Failure::reject(error) } else { Failure::retry(error) }
}

fn by_commit(error: commit::CommitError) -> Failure {
    let (lasting, absent) = (error.is_lasting(), error.is_absent());
    let failure = if lasting { Failure::reject(error) } else { Failure::retry(error) };
    if absent { failure.effect_absent() } else { failure }
}
