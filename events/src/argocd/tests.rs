use std::error::Error as _;

use serde_json::{Value, json};

use super::*;
use crate::{Kind, json as format};

fn sample(changes: &Value) -> Value {
    let mut body: Value = serde_json::from_str(SAMPLE).unwrap();
    merge(&mut body, changes);
    body
}

/// Sets members, also those of objects in it; takes those away that are `null`.
fn merge(into: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        match (value, &mut into[name]) {
            (Value::Object(_), inner @ Value::Object(_)) => merge(inner, value),
            (Value::Null, _) => drop(into.as_object_mut().unwrap().remove(name)),
            (value, place) => *place = value.clone(),
        }
    }
}

fn event(changes: &Value) -> Envelope {
    decode(sample(changes).to_string().as_bytes()).unwrap()
}

#[test]
fn the_sample_is_the_golden_event() {
    let golden: Value = serde_json::from_str(Kind::ApplicationNotified.sample()).unwrap();
    assert_eq!(format::to_value(&decode(SAMPLE.as_bytes()).unwrap()), golden);
}

#[test]
fn what_is_said_of_one_state_is_one_event_and_the_same_state_at_another_time_is_another() {
    let once = event(&json!({}));
    for (why, changes) in [
        ("an attempt after the next reconciliation", json!({"reconciledAt": "2026-09-01T10:16:26Z"})),
        ("another wording", json!({"health": {"message": "It is broken."}, "images": []})),
        ("an unknown member", json!({"since": "next year"})),
    ] {
        assert_eq!(event(&changes).id(), once.id(), "{why}");
    }
    for (why, changes) in [
        ("another trigger", json!({"trigger": "on-deployed"})),
        ("another Application of that name", json!({"uid": "another"})),
        ("degraded again", json!({"health": {"lastTransitionTime": "2026-09-01T11:13:26Z"}})),
        ("another operation", json!({"operation": {"startedAt": "2026-09-01T10:05:20Z"}})),
        ("its end", json!({"operation": {"finishedAt": null}})),
        ("another revision", json!({"sync": {"revision": "2"}})),
    ] {
        assert_ne!(event(&changes).id(), once.id(), "{why}");
    }
    let old = |at: &str| event(&json!({"health": {"lastTransitionTime": ""}, "reconciledAt": at}));
    assert_eq!(old("2026-09-01T10:13:26Z").id(), old("2026-09-01T10:13:26Z").id());
    assert_ne!(old("2026-09-01T10:13:26Z").id(), old("2026-09-01T10:14:26Z").id(), "no state is lost");
}

#[test]
fn an_application_that_never_did_anything_is_told_too() {
    let empty =
        json!({"status": "", "revision": "", "revisions": [], "message": "", "lastTransitionTime": ""});
    let none = json!({"phase": "", "message": "", "startedAt": "", "finishedAt": "", "revision": "", "revisions": []});
    let changes = json!({"trigger": "", "destinationNamespace": "", "sync": empty, "health": empty, "operation": none, "images": []});
    for changes in
        [changes, json!({"trigger": null, "sync": null, "health": null, "operation": null, "images": null})]
    {
        let event = event(&changes);
        let Notified { trigger, sync, health, revisions, images, operation, .. } = event.payload().unwrap();
        assert_eq!((sync.as_str(), health.as_str(), event.time()), ("Unknown", "Unknown", None));
        assert_eq!((trigger, revisions.len(), images.len(), operation), (None, 0, 0, None));
    }
}

#[test]
fn the_time_is_the_latest_and_several_sources_have_several_revisions() {
    let changes =
        json!({"operation": {"finishedAt": "2026-09-01T12:00:00+01:00"}, "sync": {"revisions": ["1", "2"]}});
    let event = event(&changes);
    assert_eq!(event.time(), Some("2026-09-01T11:00:00Z".parse().unwrap()));
    assert_eq!(event.payload::<Notified>().unwrap().revisions, ["1", "2"]);
    assert_eq!(
        self::event(&json!({"health": {"lastTransitionTime": "today"}, "operation": null})).time(),
        None
    );
}

#[test]
fn what_is_not_our_template_is_refused_with_the_reason() {
    for (body, wanted) in [
        (json!([]), "invalid length 0"),
        (json!({}), "missing field `version`"),
        (sample(&json!({"version": "2"})), "unknown variant `2`, expected `1`"),
        (sample(&json!({"version": null})), "missing field `version`"),
        (sample(&json!({"name": null})), "missing field `name`"),
        (sample(&json!({"namespace": null})), "missing field `namespace`"),
        (sample(&json!({"sync": "Synced"})), "invalid type: string \"Synced\""),
        (sample(&json!({"name": "two\nlines"})), ""),
        (sample(&json!({"namespace": "not a uri"})), ""),
    ] {
        let error = decode(body.to_string().as_bytes()).unwrap_err();
        let reason = error.source().unwrap().to_string();
        assert!(reason.contains(wanted), "{body}: {error}: {reason}");
    }
    // A template that writes texts without `toJson`.
    let broken = SAMPLE.replace("\"Degraded\"", "<no value>");
    assert!(matches!(decode(broken.as_bytes()), Err(DecodeError::Body { .. })));
}
