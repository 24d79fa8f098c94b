//! Applications as Argo CD writes them.

use chrono::DateTime;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::parse;
use crate::observed::{
    Application, Condition, Health, Kind, Operation, Phase, ResourceId, Sync, SyncedResource,
};

const SHA: &str = "2222222222222222222222222222222222222222";

fn read(mut json: Value) -> Application {
    json["apiVersion"] = json!("argoproj.io/v1alpha1");
    json["kind"] = json!("Application");
    json["metadata"]["name"] = json!("my-app");
    let object: DynamicObject = serde_json::from_value(json).expect("an object");
    parse(&object).expect("an Application")
}

fn id(kind: Kind, namespace: &str, name: &str) -> ResourceId {
    ResourceId { kind, namespace: namespace.to_owned(), name: name.to_owned() }
}

#[test]
fn one_source_that_is_synced_and_healthy() {
    let application = read(json!({
        "metadata": { "annotations": { "argocd.argoproj.io/refresh": "normal" } },
        "spec": {
            "destination": { "namespace": "dev", "server": "https://kubernetes.default.svc" },
            "project": "default",
            "source": { "path": "apps/my-app", "repoURL": "https://github.com/acme/deploy.git", "targetRevision": "main" },
            "syncPolicy": { "automated": { "prune": true, "selfHeal": true } }
        },
        "status": {
            "controllerNamespace": "argocd",
            "health": { "lastTransitionTime": "2026-11-24T10:00:00Z", "status": "Healthy" },
            "history": [{ "deployedAt": "2026-11-24T10:00:00Z", "id": 0, "revision": SHA }],
            "operationState": {
                "finishedAt": "2026-11-24T10:00:05Z",
                "message": "successfully synced (all tasks run)",
                "operation": { "initiatedBy": { "automated": true }, "retry": { "limit": 5 }, "sync": { "prune": true, "revision": SHA } },
                "phase": "Succeeded",
                "startedAt": "2026-11-24T10:00:04Z",
                "syncResult": {
                    "resources": [{ "group": "apps", "hookPhase": "Running", "kind": "Deployment", "message": "deployment.apps/my-app configured", "name": "my-app", "namespace": "dev", "status": "Synced", "syncPhase": "Sync", "version": "v1" }],
                    "revision": SHA,
                    "source": { "repoURL": "https://github.com/acme/deploy.git" }
                }
            },
            "reconciledAt": "2026-11-24T10:00:06Z",
            "resourceHealthSource": "appTree",
            "resources": [
                { "kind": "Service", "name": "my-app", "namespace": "dev", "status": "Synced", "version": "v1" },
                { "group": "apps", "kind": "Deployment", "name": "my-app", "namespace": "dev", "status": "Synced", "version": "v1" },
                { "group": "apps", "kind": "StatefulSet", "name": "db", "status": "Synced", "version": "v1" },
                { "group": "apps", "kind": "DaemonSet", "name": "agent", "namespace": "kube-system", "status": "Synced", "version": "v1" },
                { "group": "apps", "kind": "Deployment", "name": "gone", "namespace": "dev", "status": "OutOfSync", "requiresPruning": true, "version": "v1" },
                { "group": "apps", "kind": "Deployment", "name": "smoke", "namespace": "dev", "hook": true, "version": "v1" },
                { "group": "example.org", "kind": "Deployment", "name": "other", "namespace": "dev", "version": "v1" }
            ],
            "sourceType": "Helm",
            "summary": { "images": ["ghcr.io/acme/my-app:v2"] },
            "sync": { "comparedTo": { "source": { "repoURL": "https://github.com/acme/deploy.git" } }, "revision": SHA, "status": "Synced" }
        }
    }));
    let at = |second: i64| DateTime::from_timestamp(1_795_514_400 + second, 0);
    let expected = Application {
        sources: vec!["https://github.com/acme/deploy.git".to_owned()],
        sync: Sync { status: "Synced".to_owned(), revisions: vec![SHA.to_owned()] },
        health: Health { status: "Healthy".to_owned(), message: String::new() },
        reconciled_at: at(6),
        operation: Some(Operation {
            phase: Phase::Succeeded,
            message: "successfully synced (all tasks run)".to_owned(),
            revisions: vec![SHA.to_owned()],
            finished_at: at(5),
            retries: 0,
            failed: Vec::new(),
        }),
        operation_asked: false,
        conditions: Vec::new(),
        workloads: vec![
            id(Kind::Deployment, "dev", "my-app"),
            id(Kind::StatefulSet, "dev", "db"),
            id(Kind::DaemonSet, "kube-system", "agent"),
        ],
    };
    assert_eq!(application, expected);
}

#[test]
fn two_sources_an_operation_that_failed_and_one_that_is_asked_for() {
    let application = read(json!({
        "operation": { "sync": {} },
        "spec": { "destination": {}, "sources": [{ "repoURL": "https://charts.example.org", "chart": "app" }, { "repoURL": "git@github.com:acme/deploy.git", "ref": "values" }] },
        "status": {
            "conditions": [{ "lastTransitionTime": "2026-11-24T10:00:00Z", "message": "no such chart", "type": "ComparisonError" }],
            "health": { "status": "Degraded", "message": "it broke" },
            "operationState": {
                "phase": "Failed", "message": "one or more objects failed to apply", "retryCount": 5, "startedAt": "2026-11-24T10:00:04Z",
                "operation": {},
                "syncResult": {
                    "revision": "", "revisions": ["1.2.3", SHA],
                    "resources": [
                        { "group": "", "kind": "Namespace", "name": "dev", "namespace": "", "status": "SyncFailed", "message": "forbidden", "syncPhase": "Sync", "version": "v1" },
                        { "group": "batch", "kind": "Job", "name": "migrate", "namespace": "dev", "hookPhase": "Failed", "message": "Job has reached the specified backoff limit", "hookType": "PreSync", "version": "v1" }
                    ]
                }
            },
            "sync": { "revisions": ["1.2.3", SHA], "status": "OutOfSync", "comparedTo": {} }
        }
    }));
    assert_eq!(application.sources, ["https://charts.example.org", "git@github.com:acme/deploy.git"]);
    assert_eq!(application.sync.revisions, ["1.2.3", SHA]);
    assert_eq!(application.health.message, "it broke");
    let condition = Condition { name: "ComparisonError".to_owned(), message: "no such chart".to_owned() };
    assert_eq!(application.conditions, [condition]);
    assert!(application.operation_asked);
    let operation = application.operation.expect("an operation");
    assert_eq!((operation.phase, operation.retries), (Phase::Failed, 5));
    assert_eq!(operation.revisions, ["1.2.3", SHA]);
    let resource =
        |name: &str, message: &str| SyncedResource { name: name.to_owned(), message: message.to_owned() };
    let job = resource("Job dev/migrate", "Job has reached the specified backoff limit");
    assert_eq!(operation.failed, [resource("Namespace dev", "forbidden"), job]);
}

#[test]
fn an_operation_that_has_no_result_yet_is_for_what_was_asked() {
    let application = read(json!({ "spec": {}, "status": { "operationState": {
        "phase": "Running", "operation": { "sync": { "revision": SHA } }, "startedAt": "2026-11-24T10:00:04Z"
    } } }));
    let operation = application.operation.expect("an operation");
    assert_eq!((operation.phase, operation.revisions), (Phase::Running, vec![SHA.to_owned()]));
}

#[test]
fn a_new_application_has_no_status() {
    let application = read(json!({ "spec": { "source": { "repoURL": "r" }, "destination": {} } }));
    assert_eq!(application, Application { sources: vec!["r".to_owned()], ..Application::default() });
}
