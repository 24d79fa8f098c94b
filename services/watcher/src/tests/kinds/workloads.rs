//! Deployments, `StatefulSets`, `DaemonSets`.

use events::payload::workload::WorkloadKind;
use serde_json::{Value, json};

use super::{Follower, object};
use crate::kinds::workload::Workloads;
use crate::patience::Patience;
use crate::watched::Watched as _;

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
    let mut it = Follower::new(Workloads::of(WorkloadKind::Deployment, Patience::default()));
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

/// The Deployment when its controller has seen that there are to be `replicas`, and so many are there. (That makes no
/// roll-out, so its condition `Progressing` stays as it was.)
fn scaled(generation: i64, replicas: i64, there: i64, enough: bool) -> Value {
    let mut it = deployment(generation, "web:1", replicas, enough, DONE);
    it["status"]["availableReplicas"] = json!(there);
    it
}

#[test]
fn a_workload_that_is_to_have_more_pods_is_not_unavailable_while_it_has_those_that_it_had() {
    let begin = || {
        let mut it = Follower::new(Workloads::of(WorkloadKind::Deployment, Patience::default()));
        assert_eq!(it.sees(0, &scaled(1, 2, 2, true)), ["created"]);
        let mut unseen = scaled(1, 2, 2, true);
        (unseen["metadata"]["generation"], unseen["spec"]["replicas"]) = (json!(2), json!(4));
        assert_eq!(it.sees(10, &unseen), ["scaled"]);
        assert_eq!(
            it.waits_until(),
            None,
            "its controller has not seen it yet, and says that there are enough"
        );
        assert_eq!(
            it.sees(11, &scaled(2, 4, 2, false)),
            [""; 0],
            "Kubernetes says that there are not enough"
        );
        assert_eq!(it.waits_until(), Some(310));
        it
    };
    let mut well = begin();
    assert_eq!(well.sees(20, &scaled(2, 4, 4, true)), [""; 0]);
    assert_eq!(well.waits_until(), None);
    assert_eq!(well.sees(30, &scaled(2, 4, 2, false)), ["unavailable"], "now it is missing what it had");

    let mut stuck = begin();
    assert_eq!(stuck.looks(309), [""; 0]);
    assert_eq!(stuck.looks(310), ["unavailable"], "it never got them");
    assert_eq!(stuck.sees(400, &scaled(2, 4, 4, true)), ["available"]);

    let mut broken = begin();
    assert_eq!(broken.sees(12, &scaled(2, 4, 1, false)), ["unavailable"], "one of those that it had is gone");

    // More again, before the first ones are there: what it had at the beginning is what counts.
    let mut more = begin();
    assert_eq!(more.sees(100, &scaled(3, 9, 2, false)), ["scaled"]);
    assert_eq!(more.waits_until(), Some(400));
    assert_eq!(more.sees(101, &scaled(4, 1, 2, true)), ["scaled"], "fewer after all");
    assert_eq!(more.waits_until(), None);
}

#[test]
fn how_many_pods_a_deployment_needs_is_reckoned_as_kubernetes_does() {
    let least = |replicas: i64, strategy: Value| {
        let mut it = scaled(1, replicas, replicas, true);
        it["spec"]["strategy"] = strategy;
        let it: crate::gather::Object<_> = serde_json::from_value(it).unwrap();
        Workloads::of(WorkloadKind::Deployment, Patience::default())
            .read(it.body, super::begin())
            .unwrap()
            .least
    };
    let rolling = |missing: Value, surge: Value| json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": missing, "maxSurge": surge}});
    assert_eq!(least(10, Value::Null), 8, "a quarter, rounded down");
    assert_eq!(least(3, Value::Null), 3);
    assert_eq!(least(10, rolling(json!("35%"), json!(1))), 7);
    assert_eq!(least(10, rolling(json!(4), json!(0))), 6);
    assert_eq!(least(10, rolling(json!(0), json!(0))), 9, "one at least has to go");
    assert_eq!(least(2, rolling(json!(5), json!(1))), 0);
    assert_eq!(least(4, json!({"type": "Recreate"})), 4);
    assert_eq!(least(0, Value::Null), 0);
}

#[test]
fn what_changed_several_times_between_two_sights_is_one_transition() {
    let mut it = Follower::new(Workloads::of(WorkloadKind::Deployment, Patience::default()));
    it.sees(0, &deployment(1, "web:1", 2, true, DONE));
    assert_eq!(it.sees(900, &deployment(7, "web:4", 2, true, DONE)), ["image-changed"]);
    assert_eq!(it.last()["previous"], "web:1");
    assert_eq!(it.last()["images"], json!(["web:4"]));
}

#[test]
fn a_deployment_that_never_gets_available_says_so_after_five_minutes() {
    let mut it = Follower::new(Workloads::of(WorkloadKind::Deployment, Patience::default()));
    assert_eq!(it.sees(1, &deployment(1, "web:1", 2, false, MOVES)), ["created"]);
    assert_eq!(it.waits_until(), Some(300));
    assert_eq!(it.looks(300), ["unavailable"]);
    let late = Follower::new(Workloads::of(WorkloadKind::Deployment, Patience::default()))
        .sees(5000, &deployment(1, "web:1", 2, false, STALLED));
    assert_eq!(
        late,
        ["created", "deadline-exceeded", "unavailable"],
        "it is in trouble when it is first seen"
    );
}

#[test]
fn a_status_about_an_older_template_and_a_pause_say_nothing() {
    let mut it = Follower::new(Workloads::of(WorkloadKind::Deployment, Patience::default()));
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
    let mut it = Follower::new(Workloads::of(WorkloadKind::StatefulSet, Patience::default()));
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
    let mut it = Follower::new(Workloads::of(WorkloadKind::DaemonSet, Patience::default()));
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
