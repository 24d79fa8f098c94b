//! Reading an Application.

use events::payload::application::Operation;
use serde_json::{Value, json};

use super::sample::{application, read, sight};
use crate::gather::Unreadable;

#[test]
fn a_new_application_without_status_is_unknown() {
    for status in [Value::Null, json!({}), json!({"sync": null, "health": null, "operationState": null})] {
        let sight = sight(&status);
        assert_eq!((sight.sync.as_str(), sight.health.as_str()), ("Unknown", "Unknown"));
        assert_eq!(sight.operation, None);
        assert!(sight.revisions.is_empty() && sight.images.is_empty() && sight.conditions.is_empty());
    }
}

#[test]
fn what_matters_is_taken_from_a_whole_status() {
    let sight = sight(&json!({
        "sync": {"status": "OutOfSync", "revision": "abc", "comparedTo": {"source": {}}},
        "health": {"status": "Degraded", "message": "crash loop", "lastTransitionTime": "2026-11-24T10:00:00Z"},
        "operationState": {
            "phase": "Failed", "message": "one task failed", "startedAt": "2026-11-24T09:00:00Z",
            "finishedAt": "2026-11-24T09:00:09Z", "retryCount": 2,
            "operation": {"sync": {"revision": "abc"}},
            "syncResult": {"revision": "abc", "resources": [{"kind": "Deployment"}]},
        },
        "summary": {"images": ["shop:1@sha256:aa"]},
        "conditions": [{"type": "SyncError", "message": "will not retry"}, {"type": "OrphanedResourceWarning"}],
        "resources": [{"kind": "Deployment"}],
        "history": [{"id": 1}],
    }));
    assert_eq!(sight.project, "web");
    assert_eq!(sight.destination_namespace.as_deref(), Some("shop"));
    assert_eq!((sight.sync.as_str(), sight.health.as_str()), ("OutOfSync", "Degraded"));
    assert_eq!(sight.health_message.as_deref(), Some("crash loop"));
    assert_eq!(sight.revisions, ["abc"]);
    assert_eq!(sight.images, ["shop:1@sha256:aa"]);
    assert_eq!(sight.conditions, ["SyncError: will not retry", "OrphanedResourceWarning: "]);
    let expected = Operation {
        phase: "Failed".to_owned(),
        message: Some("one task failed".to_owned()),
        started_at: Some("2026-11-24T09:00:00Z".to_owned()),
        finished_at: Some("2026-11-24T09:00:09Z".to_owned()),
        revisions: vec!["abc".to_owned()],
    };
    assert_eq!(sight.operation, Some(expected));
}

#[test]
fn an_application_with_several_sources_has_several_revisions() {
    let sight = sight(&json!({
        "sync": {"status": "Synced", "revision": "", "revisions": ["aaa", "bbb"]},
        "operationState": {"phase": "Succeeded", "syncResult": {"revision": "", "revisions": ["aaa", "bbb"]}},
    }));
    assert_eq!(sight.revisions, ["aaa", "bbb"]);
    assert_eq!(sight.operation.unwrap().revisions, ["aaa", "bbb"]);
}

#[test]
fn what_is_absent_from_the_spec_is_as_argo_cd_takes_it() {
    let mut bare = application("shop", "u1", &json!({}));
    bare["spec"] = json!({"destination": {"name": "in-cluster"}, "project": ""});
    let sight = read(bare).unwrap();
    assert_eq!((sight.project.as_str(), sight.destination_namespace), ("default", None));
}

#[test]
fn long_texts_and_lists_are_bounded() {
    let images: Vec<String> = (0..1000).map(|n| format!("image:{n}")).collect();
    let sight = sight(&json!({
        "health": {"status": "Degraded", "message": "ä".repeat(100_000)},
        "summary": {"images": images},
        "conditions": [{"type": "ComparisonError", "message": "x".repeat(100_000)}],
    }));
    let message = sight.health_message.unwrap();
    assert!(message.len() < 4200 && message.ends_with("ä…"), "{} bytes", message.len());
    assert_eq!(sight.images.len(), 200);
    assert!(sight.conditions[0].len() < 4200);
}

#[test]
fn a_part_of_another_shape_is_named_and_the_object_is_still_known() {
    let cases = [
        ("sync", json!({"status": 3}), "status.sync"),
        ("health", json!("Healthy"), "status.health"),
        ("operationState", json!({"phase": {"name": "Running"}}), "status.operationState"),
        ("summary", json!({"images": "shop:1"}), "status.summary"),
        ("conditions", json!({"type": "SyncError"}), "status.conditions"),
    ];
    for (field, value, expected) in cases {
        match read(application("shop", "u1", &json!({field: value}))).unwrap_err() {
            Unreadable::Shape { part, .. } => assert_eq!(part, expected),
            other => panic!("{field}: {other}"),
        }
    }
}

#[test]
fn an_object_without_uid_is_unreadable() {
    let mut without_uid = application("shop", "u1", &json!({}));
    without_uid["metadata"]["uid"] = Value::Null;
    let error = read(without_uid).unwrap_err();
    assert_eq!(error.to_string(), "it has no metadata.uid");
}
