//! How long something has to last until it is said.

use chrono::TimeDelta;

/// How long something has to last until it is said. Too short, and the ordinary course of things is news; too long, and
/// the news is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// A Pod for which there is no node: the scheduler may find a place at its second attempt.
    pub pod_unschedulable: TimeDelta,
    /// A Pod that is not ready: it may take this long to start.
    pub pod_not_ready: TimeDelta,
    /// A Pod that is well again after a problem: a container that crashes again and again runs for some seconds each time.
    pub pod_recovered: TimeDelta,
    /// A Node that has just joined is not ready.
    pub node_starts: TimeDelta,
    /// A workload that is new, or is to have more pods than before, has not all of them at once.
    pub workload_starts: TimeDelta,
    /// A roll-out of a `StatefulSet` or a `DaemonSet`. A Deployment says itself when its time is over.
    pub rollout: TimeDelta,
    /// A claim that waits for its volume: a provisioner needs some seconds.
    pub claim_pending: TimeDelta,
    /// An autoscaler that cannot scale: metrics are missing for a moment whenever pods start.
    pub autoscaler_limited: TimeDelta,
    /// A `CronJob` whose time has passed without a Job, where it has no `startingDeadlineSeconds`.
    pub cron_job_missed: TimeDelta,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            pod_unschedulable: TimeDelta::seconds(30),
            pod_not_ready: TimeDelta::minutes(5),
            pod_recovered: TimeDelta::minutes(1),
            node_starts: TimeDelta::minutes(2),
            workload_starts: TimeDelta::minutes(5),
            rollout: TimeDelta::minutes(10),
            claim_pending: TimeDelta::minutes(5),
            autoscaler_limited: TimeDelta::minutes(3),
            cron_job_missed: TimeDelta::minutes(5),
        }
    }
}
