//! Nodes, Jobs, claims, autoscalers, Namespaces, warnings, snapshots.

use serde_json::{Value, json};

use super::{Follower, at, object};
use crate::gather::Object;
use crate::kinds::autoscaler::Autoscalers;
use crate::kinds::job::Jobs;
use crate::kinds::namespace::Namespaces;
use crate::kinds::node::Nodes;
use crate::kinds::project::Projects;
use crate::kinds::volume_claim::VolumeClaims;
use crate::kinds::volume_snapshot::VolumeSnapshots;
use crate::kinds::warning::Warnings;
use crate::watched::Watched as _;

const NOTHING: [&str; 0] = [];

fn condition(ty: &str, status: &str, reason: &str, since: i64) -> Value {
    json!({"type": ty, "status": status, "reason": reason, "message": "why", "lastTransitionTime": at(since)})
}

#[test]
fn a_node_tells_its_life() {
    let node = |cordoned: bool, conditions: Value| {
        object(
            "server-1",
            None,
            &json!({"spec": {"unschedulable": cordoned}, "status": {"conditions": conditions}}),
        )
    };
    let ready = |status: &str| condition("Ready", status, "Kubelet", 0);
    let short = |status: &str| condition("MemoryPressure", status, "Kubelet", 0);
    let full = |status: &str| condition("DiskPressure", status, "Kubelet", 0);
    let mut it = Follower::new(Nodes::default());
    assert_eq!(it.sees(1, &node(false, json!([ready("False")]))), ["joined"]);
    assert_eq!(it.waits_until(), Some(120), "it may take two minutes to get ready");
    assert_eq!(it.sees(9, &node(false, json!([ready("True"), short("False")]))), ["ready"]);
    assert_eq!(it.sees(10, &node(false, json!([ready("True"), short("False")]))), NOTHING, "a heartbeat");
    assert_eq!(it.sees(20, &node(true, json!([ready("True")]))), ["cordoned"]);
    assert_eq!(it.sees(21, &node(false, json!([ready("True")]))), ["uncordoned"]);
    let both = json!([ready("True"), short("True"), full("True")]);
    assert_eq!(it.sees(30, &node(false, both)), ["under-pressure", "under-pressure"]);
    assert_eq!(it.last()["condition"], "DiskPressure");
    assert_eq!(it.sees(31, &node(false, json!([ready("True"), full("True")]))), ["relieved"]);
    assert_eq!(it.last()["condition"], "MemoryPressure");
    assert_eq!(it.sees(40, &node(false, json!([ready("Unknown"), full("True")]))), ["not-ready"]);
    assert_eq!(it.sees(41, &node(false, json!([ready("False"), full("True")]))), NOTHING);
    assert_eq!(it.sees(50, &node(false, json!([ready("True"), full("True")]))), ["ready"]);
    assert_eq!(it.ends(), ["Left"]);

    let mut late = Follower::new(Nodes::default());
    let expected = ["joined", "not-ready", "under-pressure", "cordoned"];
    assert_eq!(late.sees(500, &node(true, json!([ready("False"), short("True")]))), expected);
    assert_eq!(Follower::new(Nodes::default()).sees(500, &node(false, json!([ready("True")]))), ["joined"]);
}

#[test]
fn a_job_ends_once() {
    let job = |conditions: Value| {
        let owner = json!([{"kind": "CronJob", "name": "backup", "controller": true}]);
        object(
            "b-1",
            Some("shop"),
            &json!({"metadata": {"ownerReferences": owner}, "status": {"conditions": conditions}}),
        )
    };
    let mut it = Follower::new(Jobs::default());
    assert_eq!(it.sees(1, &job(json!([]))), NOTHING);
    assert_eq!(it.sees(2, &job(json!([condition("FailureTarget", "True", "x", 2)]))), NOTHING, "not yet");
    let failed = job(json!([condition("Failed", "True", "BackoffLimitExceeded", 3)]));
    assert_eq!(it.sees(4, &failed), ["failed"]);
    assert_eq!(it.events[0].time().unwrap().to_rfc3339(), "2026-11-24T12:00:03+00:00");
    let body = it.last();
    assert_eq!((&body["owner"], &body["reason"]), (&json!("CronJob/backup"), &json!("BackoffLimitExceeded")));
    assert_eq!(it.sees(5, &failed), NOTHING);
    assert_eq!(it.ends(), NOTHING);
    let done = job(json!([condition("Complete", "True", "CompletionsReached", 3)]));
    assert_eq!(Follower::new(Jobs::default()).sees(4, &done), ["succeeded"]);
}

#[test]
fn a_claim_tells_its_life() {
    let claim = |phase: &str, size: Option<&str>| {
        let capacity = size.map(|size| json!({"storage": size}));
        object(
            "data",
            Some("shop"),
            &json!({"spec": {"volumeName": "pv"}, "status": {"phase": phase, "capacity": capacity}}),
        )
    };
    let mut it = Follower::new(VolumeClaims::default());
    assert_eq!(it.sees(1, &claim("Pending", None)), NOTHING);
    assert_eq!(it.waits_until(), Some(300));
    assert_eq!(it.looks(300), ["pending"]);
    assert_eq!(it.sees(400, &claim("Bound", Some("1Gi"))), ["bound"]);
    assert_eq!(it.last()["previous"], "Pending");
    assert_eq!(it.sees(500, &claim("Bound", Some("2Gi"))), ["resized"]);
    assert_eq!(it.last()["previous"], "1Gi");
    assert_eq!(it.sees(600, &claim("Lost", Some("2Gi"))), ["lost"]);
    assert_eq!(it.sees(601, &claim("Lost", Some("2Gi"))), NOTHING);
    assert_eq!(it.ends(), ["Deleted"]);
}

#[test]
fn an_autoscaler_says_when_it_is_held_up_and_when_no_more() {
    let hpa = |conditions: Value| {
        object(
            "web",
            Some("shop"),
            &json!({
                "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 10},
                "status": {"conditions": conditions},
            }),
        )
    };
    let mut it = Follower::new(Autoscalers::default());
    let fine = hpa(json!([condition("ScalingActive", "True", "ValidMetricFound", 0)]));
    assert_eq!(it.sees(1, &fine), NOTHING);
    assert_eq!(it.seen, None, "nothing is kept of what is well");
    let at_min = hpa(json!([condition("ScalingLimited", "True", "TooFewReplicas", 0)]));
    assert_eq!(it.sees(2, &at_min), NOTHING);
    let at_max = hpa(json!([condition("ScalingLimited", "True", "TooManyReplicas", 3)]));
    assert_eq!(it.sees(3, &at_max), ["at-max"]);
    assert_eq!(it.sees(4, &at_max), NOTHING);
    assert_eq!(it.sees(5, &fine), ["within-limits"]);
    assert_eq!((&it.last()["previous"], it.seen.as_ref()), (&json!("at-max"), None));
    let blind = hpa(json!([condition("ScalingActive", "False", "FailedGetResourceMetric", 10)]));
    assert_eq!(it.sees(11, &blind), NOTHING);
    assert_eq!(it.waits_until(), Some(190));
    assert_eq!(it.looks(190), ["limited"]);
    assert_eq!(it.sees(200, &fine), ["within-limits"]);
    let off = hpa(json!([condition("ScalingActive", "False", "ScalingDisabled", 10)]));
    assert_eq!(it.sees(1000, &off), NOTHING);
}

#[test]
fn a_project_says_what_of_it_was_changed() {
    let project = |spec: Value| {
        object("shop", Some("argocd"), &json!({"spec": spec, "status": {"jwtTokensByRole": {}}}))
    };
    let spec = json!({
        "description": "the shop",
        "sourceRepos": ["https://git.example/gitops"],
        "destinations": [{"server": "https://kubernetes.default.svc", "namespace": "shop"}, {"name": "edge"}],
        "roles": [{"name": "ci", "jwtTokens": [{"iat": 1}]}],
    });
    let mut it = Follower::new(Projects::default());
    assert_eq!(it.sees(1, &project(spec.clone())), ["created"]);
    assert_eq!(it.last()["destinations"], json!(["shop at https://kubernetes.default.svc", "* at edge"]));
    assert_eq!(it.sees(2, &project(spec.clone())), NOTHING);
    let mut other = spec.clone();
    other["roles"][0]["jwtTokens"] = json!([]);
    other["orphanedResources"] = json!({"warn": true});
    other.as_object_mut().unwrap().remove("description");
    assert_eq!(it.sees(3, &project(other.clone())), ["changed"]);
    assert_eq!(it.last()["changed"], json!(["description", "orphanedResources", "roles"]));
    assert!(!serde_json::to_string(&it.seen).unwrap().contains("iat"), "tokens are not kept");
    assert_eq!(it.ends(), ["Deleted"]);

    let decoded: Object<_> = serde_json::from_value(project(json!({"sourceRepos": "all"}))).unwrap();
    let error = Projects::default().read(decoded.body, super::begin()).unwrap_err();
    assert_eq!(error.to_string(), "its spec has not the shape that Argo CD gives it");
}

#[test]
fn a_namespace_tells_its_life() {
    let mut it = Follower::new(Namespaces::default());
    assert_eq!(it.sees(1, &object("shop", None, &json!({"status": {"phase": "Active"}}))), ["created"]);
    let ending = object("shop", None, &json!({"metadata": {"deletionTimestamp": at(2)}}));
    assert_eq!(it.sees(2, &ending), ["terminating"]);
    assert_eq!(it.sees(3, &ending), NOTHING);
    assert_eq!(it.ends(), ["Deleted"]);
}

#[test]
fn a_burst_of_warnings_is_one_and_one_more_when_there_are_ten_times_as_many() {
    let event = |name: &str, count: i64| {
        let rest = json!({
            "involvedObject": {"kind": "Pod", "name": "web-1", "namespace": "shop", "uid": "u1"},
            "reason": "FailedMount", "message": "no such config", "count": count,
            "firstTimestamp": at(1), "lastTimestamp": at(count), "source": {"component": "kubelet"},
        });
        object(name, Some("shop"), &rest)
    };
    let mut it = Follower::new(Warnings::default());
    assert_eq!(it.sees(1, &event("a", 1)), ["warning"]);
    assert_eq!(it.events[0].subject(), Some("shop/pod/web-1"));
    for count in 2..10 {
        assert_eq!(it.sees(count, &event("a", count)), NOTHING, "{count}");
    }
    assert_eq!(it.sees(10, &event("a", 10)), ["warning"]);
    assert_eq!((&it.last()["count"], &it.last()["previous"]), (&json!(10), &json!("1")));
    assert_eq!(it.sees(11, &event("b", 80)), NOTHING, "90 in two Events");
    assert_eq!(it.sees(12, &event("c", 10)), ["warning"], "100 in three Events");

    // Kubernetes forgets them one by one.
    let (seen, watched) = (it.seen.clone().unwrap(), Warnings::default());
    let gone = |seen, name| {
        let decoded: Object<_> = serde_json::from_value(event(name, 1)).unwrap();
        watched.end(&seen, Some(&watched.read(decoded.body, super::begin()).unwrap()))
    };
    let left = gone(seen, "a").keep.expect("two are left");
    let left = gone(left, "b").keep.expect("one is left");
    assert_eq!(gone(left, "c").keep, None);
}

#[test]
fn warnings_about_what_kubernetes_would_not_name_are_still_said() {
    let mut it = Follower::new(Warnings::default());
    let odd = json!({"involvedObject": {"kind": "Odd Thing", "name": "a/b\u{7}"}, "reason": "R\u{0}", "message": "m"});
    assert_eq!(it.sees(1, &object("x", Some("shop"), &odd)), ["warning"]);
    let bare = json!({"reason": null});
    assert_eq!(Follower::new(Warnings::default()).sees(1, &object("x", Some("shop"), &bare)), ["warning"]);
}

#[test]
fn a_snapshot_is_ready_or_has_failed() {
    let snapshot = |status: Value| object("s", Some("shop"), &json!({"status": status}));
    let mut it = Follower::new(VolumeSnapshots::default());
    assert_eq!(it.sees(1, &snapshot(json!({"readyToUse": false}))), NOTHING);
    let failed = snapshot(json!({"readyToUse": false, "error": {"message": "no space"}}));
    assert_eq!(it.sees(2, &failed), ["failed"]);
    assert_eq!(it.last()["message"], "no space");
    assert_eq!(it.sees(3, &failed), NOTHING);
    assert_eq!(it.sees(4, &snapshot(json!({"readyToUse": true}))), ["ready"]);
    assert_eq!(it.ends(), NOTHING);
}
