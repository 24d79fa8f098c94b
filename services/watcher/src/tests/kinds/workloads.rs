//! Deployments, `StatefulSets`, `DaemonSets`.

use events::payload::workload::WorkloadKind;
use serde_json::{Value, json};

use super::{Follower, object};
use crate::kinds::workload::Workloads;

/// A Deployment: its generation, image, wanted and available pods, and why its roll-out stands where it does.
fn deployment(generation: i64, image: &str, replicas: i64, available: bool, progress: &str) -> Value {
    object(
        "web",
        Some("shop"),
        &json!({
            "metadata": {"generation": generation},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [{"image": image}]}}},
            "status": {
                "observedGeneration": generation, "updatedReplicas": replicas,
                "availableReplicas": if available { replicas } else { 0 },
                "conditions": [
                    {"type": "Available", "status": if available { "True" } else { "False" }, "reason": "Why"},
                    {"type": "Progressing", "status": "True", "reason": progress, "message": "how it goes"},
                ],
            },
        }),
    )
}

const DONE: &str = "NewReplicaSetAvailable";
const MOVES: &str = "ReplicaSetUpdated";
const STALLED: &str = "ProgressDeadlineExceeded";

#[test]
fn a_deployment_tells_its_life() {
    let mut it = Follower::new(Workloads::of(WorkloadKind::Deployment));
    assert_eq!(it.sees(0, &deployment(1, "web:1", 2, false, "NewReplicaSetCreated")), ["created"]);
    assert_eq!(it.sees(5, &deployment(1, "web:1", 2, true, MOVES)), ["available"]);
    assert_eq!(it.sees(6, &deployment(1, "web:1", 2, true, DONE)), ["rolled-out"]);
    assert_eq!(it.sees(7, &deployment(1, "web:1", 2, true, DONE)), [""; 0]);

    assert_eq!(it.sees(10, &deployment(2, "web:2", 2, true, MOVES)), ["image-changed", "progressing"]);
    assert_eq!(it.sees(15, &deployment(2, "web:2", 2, true, DONE)), ["rolled-out"]);
    assert_eq!(it.sees(20, &deployment(3, "web:2", 5, true, DONE)), ["scaled"]);
    assert_eq!(it.last()["previous"], "2");
    // A pod is missing: that is no roll-out.
    assert_eq!(it.sees(30, &deployment(3, "web:2", 5, false, MOVES)), ["unavailable"]);
    assert_eq!(it.sees(31, &deployment(3, "web:2", 5, true, DONE)), ["available"]);

    assert_eq!(it.sees(40, &deployment(4, "web:3", 5, true, MOVES)), ["image-changed", "progressing"]);
    assert_eq!(it.sees(700, &deployment(4, "web:3", 5, true, STALLED)), ["deadline-exceeded"]);
    assert_eq!(it.last()["reason"], STALLED);
    assert_eq!(it.sees(710, &deployment(5, "web:2", 5, true, MOVES)), ["image-changed", "progressing"]);
    assert_eq!(it.sees(720, &deployment(5, "web:2", 5, true, DONE)), ["rolled-out"]);
    assert_eq!(it.ends(), ["Deleted"]);
}

#[test]
fn what_changed_several_times_between_two_sights_is_one_transition() {
    let mut it = Follower::new(Workloads::of(WorkloadKind::Deployment));
    it.sees(0, &deployment(1, "web:1", 2, true, DONE));
    assert_eq!(it.sees(900, &deployment(7, "web:4", 2, true, DONE)), ["image-changed"]);
    assert_eq!(it.last()["previous"], "web:1");
    assert_eq!(it.last()["images"], json!(["web:4"]));
}

#[test]
fn a_deployment_that_never_gets_available_says_so_after_five_minutes() {
    let mut it = Follower::new(Workloads::of(WorkloadKind::Deployment));
    assert_eq!(it.sees(1, &deployment(1, "web:1", 2, false, MOVES)), ["created"]);
    assert_eq!(it.waits_until(), Some(300));
    assert_eq!(it.looks(300), ["unavailable"]);
    let late = Follower::new(Workloads::of(WorkloadKind::Deployment))
        .sees(5000, &deployment(1, "web:1", 2, false, STALLED));
    assert_eq!(
        late,
        ["created", "deadline-exceeded", "unavailable"],
        "it is in trouble when it is first seen"
    );
}

#[test]
fn a_status_about_an_older_template_and_a_pause_say_nothing() {
    let mut it = Follower::new(Workloads::of(WorkloadKind::Deployment));
    it.sees(0, &deployment(1, "web:1", 2, true, DONE));
    let mut old = deployment(1, "web:1", 2, true, DONE);
    old["metadata"]["generation"] = json!(2);
    assert_eq!(it.sees(1, &old), [""; 0]);
    let mut paused = deployment(2, "web:1", 2, true, "DeploymentPaused");
    paused["spec"]["paused"] = json!(true);
    assert_eq!(it.sees(2, &paused), [""; 0]);
}

fn stateful(generation: i64, updated: i64, available: i64, done: bool) -> Value {
    let revision = if done { "db-2" } else { "db-1" };
    object(
        "db",
        Some("shop"),
        &json!({
            "metadata": {"generation": generation},
            "spec": {"replicas": 3, "template": {"spec": {"containers": [{"image": "db:1"}]}}},
            "status": {
                "observedGeneration": generation, "updatedReplicas": updated, "availableReplicas": available,
                "currentRevision": revision, "updateRevision": "db-2",
            },
        }),
    )
}

#[test]
fn a_stateful_set_may_miss_one_pod_while_it_is_rolled_out_and_has_ten_minutes_for_it() {
    let mut it = Follower::new(Workloads::of(WorkloadKind::StatefulSet));
    assert_eq!(it.sees(0, &stateful(1, 3, 3, true)), ["created"]);
    assert_eq!(it.sees(10, &stateful(2, 0, 2, false)), ["progressing"]);
    assert_eq!(it.waits_until(), Some(610));
    assert_eq!(it.looks(609), [""; 0]);
    assert_eq!(it.looks(610), ["deadline-exceeded"]);
    assert_eq!(it.looks(700), [""; 0]);
    assert_eq!(it.sees(710, &stateful(2, 1, 1, false)), ["unavailable"]);
    assert_eq!(it.sees(720, &stateful(2, 3, 3, true)), ["rolled-out", "available"]);
}

#[test]
fn a_new_node_makes_no_roll_out_of_a_daemon_set() {
    let daemons = |generation: i64, desired: i64, there: i64| {
        object(
            "log",
            Some("shop"),
            &json!({
                "metadata": {"generation": generation},
                "spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}}},
                "status": {
                    "observedGeneration": generation, "desiredNumberScheduled": desired,
                    "updatedNumberScheduled": there, "numberAvailable": there, "numberReady": there,
                },
            }),
        )
    };
    let mut it = Follower::new(Workloads::of(WorkloadKind::DaemonSet));
    assert_eq!(it.sees(0, &daemons(1, 4, 4)), ["created"]);
    assert_eq!(it.sees(1, &daemons(1, 5, 4)), ["scaled"]);
    assert_eq!(it.sees(2, &daemons(2, 5, 3)), ["progressing"]);
    assert_eq!(
        it.sees(3, &daemons(2, 5, 1)),
        ["unavailable"],
        "half of five may be missing: three, rounded up"
    );
    assert_eq!(it.sees(4, &daemons(2, 5, 5)), ["rolled-out", "available"]);
}
