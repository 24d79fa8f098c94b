//! Looks and decides, again and again, until the deploy is done or will never be.

use std::time::Duration;

use chassis::{Failure, Shutdown};
use chrono::{DateTime, TimeDelta, Utc};
use events::payload::deploy::Step;
use resources::app::ArgoCd;

use crate::cluster::Cluster;
use crate::decide::{self, Clause, Goal, Memory, Verdict};
use crate::gather::Lookout;
use crate::observed::Observed;

/// Between two looks. Polling costs the API server a few reads a second for one deploy, and no watch can get stuck.
pub const POLL: Duration = Duration::from_secs(1);
/// A nudge without an effect is repeated after this time.
const NUDGE_AGAIN: TimeDelta = TimeDelta::seconds(10);
/// Argo CD looks when an operation ends, often in the same second, which proves nothing: it is asked to look once more.
const NUDGE_FRESH: TimeDelta = TimeDelta::seconds(3);
/// The API server or the repository may be away for so long without the deploy being given back to the bus.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// How a deploy ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The image runs.
    Running {
        /// The revision that Argo CD synced.
        revision: String,
        /// How many pods run it.
        pods: u32,
    },
    /// It does not.
    Failed {
        /// Where it ended.
        step: Step,
        /// Why.
        reason: String,
    },
}

/// Looks at one deploy until its end.
pub struct Watch<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The Application.
    pub argocd: &'a ArgoCd,
    /// What has to be true in the end.
    pub goal: &'a Goal,
    /// Between two looks.
    pub poll: Duration,
    /// Ends the watch without an end of the deploy.
    pub shutdown: &'a Shutdown,
}

impl Watch<'_> {
    /// Waits for the end.
    pub async fn to_the_end(
        &self,
        mut lookout: Lookout<'_>,
        clock: impl Fn() -> DateTime<Utc> + Send,
    ) -> Result<Ended, Failure> {
        let mut memory = Memory::new(clock());
        let mut nudges = Nudges::default();
        let mut away_since = None;
        let mut waiting_for: Option<Clause> = None;
        loop {
            let now = clock();
            match lookout.look(now).await {
                Ok(observed) => {
                    away_since = None;
                    match decide::verdict(self.goal, &observed, &mut memory, now) {
                        Verdict::Success { revision, pods } => return Ok(Ended::Running { revision, pods }),
                        Verdict::Failed { step, reason } => return Ok(Ended::Failed { step, reason }),
                        Verdict::Waiting(clause) => {
                            if nudges.is_due(&clause, &observed, now) {
                                nudges.note(&observed, now);
                                self.nudge().await;
                            }
                            if waiting_for.as_ref() != Some(&clause) {
                                let application = &self.argocd.application;
                                tracing::info!(application, waiting_for = %clause, "not done yet");
                                waiting_for = Some(clause);
                            }
                        }
                    }
                }
                Err(error) if error.is_lasting() => {
                    let step = waiting_for.as_ref().map_or(Step::Sync, Clause::step);
                    return Ok(Ended::Failed { step, reason: format!("{:#}", anyhow::Error::new(error)) });
                }
                Err(error) => {
                    if now - *away_since.get_or_insert(now) >= PATIENCE {
                        return Err(Failure::retry(error));
                    }
                    tracing::warn!(
                        error = format!("{:#}", anyhow::Error::new(error)),
                        "cannot look, trying again"
                    );
                }
            }
            tokio::select! {
                () = tokio::time::sleep(self.poll) => {}
                () = self.shutdown.triggered() => {
                    return Err(Failure::retry(anyhow::anyhow!("shutting down; it goes on after the restart")));
                }
            }
        }
    }

    async fn nudge(&self) {
        if let Err(error) = self.cluster.nudge(self.argocd).await {
            // Argo CD looks by itself every few minutes: slower, and no reason to give up.
            let error = format!("{:#}", anyhow::Error::new(error));
            tracing::warn!(application = self.argocd.application, error, "cannot make Argo CD look now");
        }
    }
}

/// When Argo CD was asked to look.
#[derive(Debug, Default)]
struct Nudges {
    /// The last time, and what `reconciledAt` said then.
    last: Option<(DateTime<Utc>, Option<DateTime<Utc>>)>,
}

impl Nudges {
    /// At once for the first time; then again if it had no effect, as Argo CD can lose it.
    fn is_due(&self, clause: &Clause, observed: &Observed, now: DateTime<Utc>) -> bool {
        let Some(application) = &observed.application else { return false };
        match self.last {
            None => true,
            Some((at, _)) if *clause == Clause::Fresh => now - at >= NUDGE_FRESH,
            Some((at, _)) if !clause.awaits_refresh() || now - at < NUDGE_AGAIN => false,
            // It has looked, and it still does not see the commit: perhaps it looked just before the push.
            Some((_, then)) => application.reconciled_at == then || matches!(clause, Clause::Compared { .. }),
        }
    }

    fn note(&mut self, observed: &Observed, now: DateTime<Utc>) {
        self.last =
            Some((now, observed.application.as_ref().and_then(|application| application.reconciled_at)));
    }
}
