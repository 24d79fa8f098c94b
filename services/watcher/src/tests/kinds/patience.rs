//! How long something has to last until it is said is what the settings say.

use chrono::TimeDelta;
use events::payload::workload::WorkloadKind;
use serde_json::{Value, json};

use super::{Follower, at, object};
use crate::kinds::autoscaler::Autoscalers;
use crate::kinds::cron_job::CronJobs;
use crate::kinds::node::Nodes;
use crate::kinds::pod::Pods;
use crate::kinds::volume_claim::VolumeClaims;
use crate::kinds::workload::Workloads;
use crate::patience::Patience;
use crate::watched::Watched;

/// Each another number, none of them the usual one.
fn patience() -> Patience {
    Patience {
        pod_unschedulable: TimeDelta::seconds(11),
        pod_not_ready: TimeDelta::seconds(12),
        pod_recovered: TimeDelta::seconds(13),
        node_starts: TimeDelta::seconds(14),
        workload_starts: TimeDelta::seconds(15),
        rollout: TimeDelta::seconds(16),
        claim_pending: TimeDelta::seconds(17),
        autoscaler_limited: TimeDelta::seconds(18),
        cron_job_missed: TimeDelta::seconds(19),
    }
}

/// What stands like this from the beginning on is said at that second and not before.
fn says<W: Watched>(watched: W, object: &Value, second: i64, said: &str) {
    let mut it = Follower::new(watched);
    it.sees(1, object);
    assert_eq!(it.waits_until(), Some(second), "{said}");
    assert_eq!(it.looks(second - 1), [""; 0], "{said}");
    assert_eq!(it.looks(second), [said]);
}

fn status(name: &str, status: &Value) -> Value {
    object(name, Some("shop"), &json!({"spec": {"replicas": 3}, "status": status}))
}

fn condition(ty: &str, status: &str, reason: &str) -> Value {
    json!({"type": ty, "status": status, "reason": reason, "lastTransitionTime": at(0)})
}

#[test]
fn each_wait_can_be_said() {
    let nowhere =
        json!({"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable")]});
    says(Pods::new(patience()), &status("web", &nowhere), 11, "unschedulable");
    let starts =
        json!({"phase": "Running", "conditions": [condition("Ready", "False", "ContainersNotReady")]});
    says(Pods::new(patience()), &status("web", &starts), 12, "not-ready");

    let killed = json!({"name": "web", "image": "web:1", "ready": true, "restartCount": 1,
        "state": {"running": {"startedAt": at(0)}},
        "lastState": {"terminated": {"reason": "OOMKilled", "finishedAt": at(0)}}});
    let ready = json!({"phase": "Running", "conditions": [condition("Ready", "True", "")], "containerStatuses": [killed]});
    let mut well = Follower::new(Pods::new(patience()));
    assert_eq!(well.sees(1, &status("web", &ready)), ["oom-killed"]);
    assert_eq!(well.looks(12), [""; 0]);
    assert_eq!(well.looks(13), ["recovered"]);

    let node = json!({"conditions": [condition("Ready", "False", "KubeletNotReady")]});
    says(Nodes::new(patience()), &object("server-1", None, &json!({"status": node})), 14, "not-ready");
    let deployment = json!({"observedGeneration": 1, "conditions": [condition("Available", "False", "Why")]});
    let deployments = Workloads::of(WorkloadKind::Deployment, patience());
    says(deployments, &status("web", &deployment), 15, "unavailable");
    says(VolumeClaims::new(patience()), &status("data", &json!({"phase": "Pending"})), 17, "pending");
    let blind = json!({"conditions": [condition("ScalingActive", "False", "FailedGetResourceMetric")]});
    says(Autoscalers::new(patience()), &status("web", &blind), 18, "limited");
    // The minute after the objects were made.
    let cron = object("backup", Some("shop"), &json!({"spec": {"schedule": "* * * * *"}}));
    says(CronJobs::new(patience()), &cron, 79, "missed");
}

#[test]
fn a_roll_out_has_as_long_as_is_said() {
    let db = |generation: i64, revision: &str| {
        let spec = json!({"replicas": 1});
        let status = json!({"observedGeneration": generation, "availableReplicas": 1,
            "currentRevision": revision, "updateRevision": "db-2"});
        object(
            "db",
            Some("shop"),
            &json!({"metadata": {"generation": generation}, "spec": spec, "status": status}),
        )
    };
    let mut it = Follower::new(Workloads::of(WorkloadKind::StatefulSet, patience()));
    assert_eq!(it.sees(0, &db(1, "db-2")), ["created"]);
    assert_eq!(it.sees(10, &db(2, "db-1")), ["progressing"]);
    assert_eq!(it.waits_until(), Some(26));
    assert_eq!(it.looks(26), ["deadline-exceeded"]);
}
