//! How long something in the cluster has to last until it is said.

use chrono::TimeDelta;
use serde::Deserialize;

use crate::duration::{Wait, delta};

/// How long something in the cluster has to last until it is said; absent, for as long as the watcher's README says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Patience {
    /// A Pod for which there is no node.
    pub pod_unschedulable: Option<Wait>,
    /// A Pod that is not ready.
    pub pod_not_ready: Option<Wait>,
    /// A Pod that is well again.
    pub pod_recovered: Option<Wait>,
    /// A Node that has joined and is not ready.
    pub node_starts: Option<Wait>,
    /// A workload that is new, or is to have more pods.
    pub workload_starts: Option<Wait>,
    /// The roll-out of a `StatefulSet` or a `DaemonSet`.
    pub rollout: Option<Wait>,
    /// A claim that waits for its volume.
    pub claim_pending: Option<Wait>,
    /// An autoscaler that cannot scale.
    pub autoscaler_limited: Option<Wait>,
    /// A `CronJob` whose time has passed without a Job.
    pub cron_job_missed: Option<Wait>,
}

impl Patience {
    /// What the watcher needs.
    pub fn all(&self) -> watcher::Patience {
        let Self {
            pod_unschedulable,
            pod_not_ready,
            pod_recovered,
            node_starts,
            workload_starts,
            rollout,
            claim_pending,
            autoscaler_limited,
            cron_job_missed,
        } = self;
        let or = |given: &Option<Wait>, usual: TimeDelta| given.map_or(usual, delta);
        let usual = watcher::Patience::default();
        watcher::Patience {
            pod_unschedulable: or(pod_unschedulable, usual.pod_unschedulable),
            pod_not_ready: or(pod_not_ready, usual.pod_not_ready),
            pod_recovered: or(pod_recovered, usual.pod_recovered),
            node_starts: or(node_starts, usual.node_starts),
            workload_starts: or(workload_starts, usual.workload_starts),
            rollout: or(rollout, usual.rollout),
            claim_pending: or(claim_pending, usual.claim_pending),
            autoscaler_limited: or(autoscaler_limited, usual.autoscaler_limited),
            cron_job_missed: or(cron_job_missed, usual.cron_job_missed),
        }
    }
}
