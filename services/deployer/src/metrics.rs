//! What is counted.

use chrono::TimeDelta;
use events::payload::deploy::Step;
use prometheus::{HistogramVec, IntCounterVec};
use strum::IntoStaticStr;

use crate::deploy::End;

/// Upper bounds, in seconds: a commit alone takes one or two, a rollout up to some minutes.
const DEPLOY_SECONDS: &[f64] = &[1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0, 300.0, 600.0, 1200.0];

chassis::metric_set! {
    /// What the deployer counts.
    pub struct DeployMetrics {
        /// Deploys that came to an end, by how.
        deploys: IntCounterVec = counters("signalbox_deploys_total", &["result"]),
        /// Seconds from the delivery of a request to the end of its deploy; after a crash, from the last delivery.
        seconds: HistogramVec = histograms("signalbox_deploy_seconds", &["result"], DEPLOY_SECONDS),
    }
}

/// How a deploy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Ending {
    /// The image runs, or is in the repository where nothing else is looked at.
    Succeeded,
    /// It could not be begun.
    FailedPlan,
    /// It could not be committed.
    FailedCommit,
    /// Argo CD did not take it.
    FailedSync,
    /// Its pods did not get ready.
    FailedRollout,
}

impl Ending {
    /// The label of this end.
    pub fn of(end: &End) -> Self {
        match end {
            End::Succeeded { .. } => Self::Succeeded,
            End::Failed { step, .. } => match step {
                Step::Plan => Self::FailedPlan,
                Step::Commit => Self::FailedCommit,
                Step::Sync => Self::FailedSync,
                Step::Rollout => Self::FailedRollout,
            },
        }
    }
}

impl DeployMetrics {
    /// A deploy came to an end.
    pub fn ended(&self, ending: Ending, took: TimeDelta) {
        let label: [&'static str; 1] = [ending.into()];
        self.deploys.with_label_values(&label).inc();
        self.seconds.with_label_values(&label).observe(took.as_seconds_f64());
    }
}
