//! Pods.

use serde_json::{Value, json};

use super::{Follower, at, object};
use crate::kinds::pod::Pods;

fn pod(phase: &str, ready: Option<i64>, container: &Value) -> Value {
    let since = at(ready.unwrap_or_default());
    let status = if ready.is_some() { "True" } else { "False" };
    let reason = if ready.is_some() { Value::Null } else { json!("ContainersNotReady") };
    object(
        "web-1",
        Some("shop"),
        &json!({
            "metadata": {"ownerReferences": [{"kind": "ReplicaSet", "name": "web", "controller": true}]},
            "spec": {"nodeName": "server-1", "containers": [{"name": "web", "image": "web:1"}]},
            "status": {
                "phase": phase,
                "conditions": [{"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": since}],
                "containerStatuses": [container],
            },
        }),
    )
}

fn container(ready: bool, restarts: u32, state: &Value, last: &Value) -> Value {
    json!({"name": "web", "image": "web:1", "ready": ready, "restartCount": restarts, "state": state, "lastState": last})
}

fn runs(since: i64) -> Value {
    json!({"running": {"startedAt": at(since)}})
}

fn waits(reason: &str) -> Value {
    json!({"waiting": {"reason": reason, "message": format!("it is {reason}")}})
}

fn ended(reason: &str, code: i64, when: i64) -> Value {
    json!({"terminated": {"reason": reason, "exitCode": code, "finishedAt": at(when)}})
}

fn follower() -> Follower<Pods> {
    Follower::new(Pods::default())
}

#[test]
fn a_healthy_pod_says_nothing_and_nothing_is_kept_of_it() {
    let mut pod_ = follower();
    let starting = pod("Pending", None, &container(false, 0, &waits("ContainerCreating"), &json!({})));
    assert_eq!(pod_.sees(1, &starting), [""; 0]);
    assert_eq!(pod_.waits_until(), Some(300), "it may take five minutes to start");
    assert_eq!(pod_.sees(4, &pod("Running", Some(3), &container(true, 0, &runs(2), &json!({})))), [""; 0]);
    assert_eq!((pod_.seen.as_ref(), pod_.waits_until()), (None, None));
}

#[test]
fn a_crash_loop_is_said_once_and_its_end_after_a_steady_minute() {
    let mut pod_ = follower();
    let crashes = |restarts| container(false, restarts, &waits("CrashLoopBackOff"), &ended("Error", 1, 9));
    assert_eq!(pod_.sees(10, &pod("Running", None, &crashes(1))), ["crash-looping"]);
    let body = pod_.last();
    assert_eq!(
        (&body["container"], &body["exit_code"], &body["restarts"]),
        (&json!("web"), &json!(1), &json!(1))
    );
    assert_eq!((&body["owner"], &body["since"]), (&json!("ReplicaSet/web"), &json!(at(9))));
    assert_eq!(body["reason"], "CrashLoopBackOff");

    // It runs for some seconds, and crashes again: no news.
    let tries = pod("Running", Some(20), &container(true, 2, &runs(20), &ended("Error", 1, 9)));
    assert_eq!(pod_.sees(20, &tries), [""; 0]);
    assert_eq!(pod_.waits_until(), Some(80));
    assert_eq!(pod_.sees(31, &pod("Running", None, &crashes(3))), [""; 0]);

    let runs_well = pod("Running", Some(100), &container(true, 4, &runs(100), &ended("Error", 1, 40)));
    assert_eq!(pod_.sees(101, &runs_well), [""; 0]);
    assert_eq!(pod_.looks(159), [""; 0]);
    assert_eq!(pod_.looks(160), ["recovered"]);
    assert_eq!(pod_.last()["problems"], json!(["crash-looping"]));
    assert_eq!(pod_.seen, None);
    assert_eq!(pod_.looks(500), [""; 0]);
}

#[test]
fn every_problem_has_its_transition() {
    let unschedulable = |mut pod: Value| {
        pod["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes",
                    "lastTransitionTime": at(5)}]);
        pod["status"]["containerStatuses"] = json!([]);
        pod
    };
    let mut evicted = pod("Failed", None, &container(false, 0, &ended("Error", 137, 5), &json!({})));
    evicted["status"]["reason"] = json!("Evicted");
    let killed = container(false, 1, &runs(8), &ended("OOMKilled", 137, 7));
    let pull = |reason: &str| pod("Pending", None, &container(false, 0, &waits(reason), &json!({})));
    let cases = [
        (pod("Running", None, &killed), 9, vec!["oom-killed"]),
        (pull("ErrImagePull"), 9, vec!["image-pull-failing"]),
        (pull("ImagePullBackOff"), 9, vec!["image-pull-failing"]),
        (pull("InvalidImageName"), 9, vec!["image-pull-failing"]),
        (pull("ContainerCreating"), 299, vec![]),
        (pull("ContainerCreating"), 300, vec!["not-ready"]),
        (evicted, 9, vec!["evicted"]),
        (unschedulable(pull("x")), 34, vec![]),
        (unschedulable(pull("x")), 35, vec!["unschedulable"]),
    ];
    for (object, seconds, expected) in cases {
        assert_eq!(follower().sees(seconds, &object), expected, "{seconds}: {object}");
    }
}

#[test]
fn a_pod_that_ran_out_of_memory_long_ago_and_runs_since_is_well() {
    let long_ago = pod("Running", Some(20), &container(true, 1, &runs(20), &ended("OOMKilled", 137, 19)));
    assert_eq!(follower().sees(80, &long_ago), [""; 0]);
    assert_eq!(follower().sees(79, &long_ago), ["oom-killed"], "not long ago");
}

#[test]
fn whoever_is_told_why_is_not_told_that_it_is_not_ready() {
    let mut pod_ = follower();
    let pulls = pod("Pending", None, &container(false, 0, &waits("ImagePullBackOff"), &json!({})));
    assert_eq!(pod_.sees(9, &pulls), ["image-pull-failing"]);
    assert_eq!(pod_.looks(1000), [""; 0]);
}

#[test]
fn a_pod_that_is_being_deleted_has_no_problems_and_its_end_is_none() {
    let mut pod_ = follower();
    let mut ending = pod("Running", None, &container(false, 1, &waits("CrashLoopBackOff"), &json!({})));
    ending["metadata"]["deletionTimestamp"] = json!(at(2));
    assert_eq!(pod_.sees(1000, &ending), [""; 0]);
    ending["metadata"]["deletionTimestamp"] = Value::Null;
    assert_eq!(pod_.sees(1001, &ending), ["crash-looping"]);
    assert_eq!(pod_.ends(), [""; 0]);
}

#[test]
fn a_pod_whose_work_is_done_has_recovered() {
    let mut pod_ = follower();
    let pulls = pod("Pending", None, &container(false, 0, &waits("ErrImagePull"), &json!({})));
    assert_eq!(pod_.sees(9, &pulls), ["image-pull-failing"]);
    let done = pod("Succeeded", None, &container(false, 0, &ended("Completed", 0, 60), &json!({})));
    assert_eq!(pod_.sees(61, &done), ["recovered"]);
}
