//! What is a transition and what is none.

use events::payload::application::Transition;
use serde_json::{Value, json};

use super::sample::{application, operation, read, sight, synced_and_healthy, with};
use crate::kinds::application::{Applications, Sight, remember};
use crate::watched::{Verdict, Watched as _};

const T1: &str = "2026-11-24T10:00:00Z";
const T2: &str = "2026-11-24T10:05:00Z";
const T3: &str = "2026-11-24T10:09:00Z";

/// The transitions between two statuses of one Application, as `transition<previous`.
fn between(before: &Value, after: &Value) -> Vec<String> {
    let changes = decide(Some(&sight(before)), &sight(after)).changes.into_iter();
    changes
        .map(|change| format!("{:?}<{}", change.transition, change.previous.as_deref().unwrap_or("-")))
        .collect()
}

fn decide(seen: Option<&Sight>, now: &Sight) -> Verdict<Sight, Transition> {
    Applications::default().decide(seen, now, "2026-11-24T12:00:00Z".parse().unwrap())
}

fn sync(word: &str) -> Value {
    json!({"sync": {"status": word}})
}

fn health(word: &str) -> Value {
    json!({"health": {"status": word}})
}

fn op(phase: &str, started: &str, finished: Option<&str>) -> Value {
    json!({"operationState": operation(phase, started, finished)})
}

#[test]
fn at_first_sight_only_its_existence_is_said() {
    let changes = decide(None, &sight(&synced_and_healthy())).changes;
    assert_eq!(changes.len(), 1);
    assert_eq!(format!("{:?}", changes[0].transition), "Created");
    assert_eq!(changes[0].previous, None);
}

#[test]
fn every_status_that_argo_cd_has_is_a_transition_of_its_own() {
    let absent = json!({});
    let cases = [
        (absent.clone(), sync("Synced"), "Synced<Unknown"),
        (sync("Synced"), sync("OutOfSync"), "OutOfSync<Synced"),
        (sync("OutOfSync"), sync("Unknown"), "SyncUnknown<OutOfSync"),
        (sync("Synced"), absent.clone(), "SyncUnknown<Synced"),
        (absent.clone(), health("Missing"), "Missing<Unknown"),
        (health("Missing"), health("Progressing"), "Progressing<Missing"),
        (health("Progressing"), health("Healthy"), "Healthy<Progressing"),
        (health("Healthy"), health("Degraded"), "Degraded<Healthy"),
        (health("Degraded"), health("Suspended"), "Suspended<Degraded"),
        (health("Suspended"), health("Unknown"), "HealthUnknown<Suspended"),
        (absent, op("Running", T1, None), "OperationRunning<-"),
        (op("Running", T1, None), op("Succeeded", T1, Some(T2)), "OperationSucceeded<Running"),
        (op("Running", T1, None), op("Failed", T1, Some(T2)), "OperationFailed<Running"),
        (op("Running", T1, None), op("Error", T1, Some(T2)), "OperationError<Running"),
        (op("Terminating", T1, None), op("Failed", T1, Some(T2)), "OperationFailed<Terminating"),
    ];
    for (before, after, expected) in cases {
        assert_eq!(between(&before, &after), [expected], "{before} -> {after}");
    }
}

#[test]
fn what_is_no_transition_is_silent() {
    let message = json!({"health": {"status": "Healthy", "message": "still", "lastTransitionTime": T3}});
    let revision = json!({"sync": {"status": "Synced", "revision": "bbb"}});
    let cases = [
        (synced_and_healthy(), synced_and_healthy(), "nothing changed"),
        (health("Healthy"), message, "only the message"),
        (sync("Synced"), revision, "only the revision"),
        (
            json!({}),
            json!({"sync": {"status": "Unknown"}, "health": {"status": "Unknown"}}),
            "absent is unknown",
        ),
        (health("Unknown"), health("Hibernating"), "a word of a later Argo CD is as unknown as before"),
        (op("Running", T1, None), op("Running", T1, Some(T2)), "waits for the next attempt"),
        (op("Running", T1, Some(T2)), op("Running", T1, None), "the next attempt"),
        (op("Running", T1, None), op("Terminating", T1, None), "is being ended"),
        (op("Succeeded", T1, Some(T2)), json!({}), "its state was taken away"),
        (op("Succeeded", T1, Some(T2)), op("Paused", T3, None), "a phase of a later Argo CD"),
        (json!({}), json!({"operationState": {"startedAt": T1}}), "no phase yet"),
    ];
    for (before, after, why) in cases {
        assert_eq!(between(&before, &after), [""; 0], "{why}");
    }
}

#[test]
fn an_operation_that_began_and_ended_unseen_is_said_once_by_its_end() {
    let before = op("Succeeded", T1, Some(T1));
    assert_eq!(between(&before, &op("Failed", T2, Some(T3))), ["OperationFailed<-"]);
    assert_eq!(
        between(&before, &op("Succeeded", T2, Some(T3))),
        ["OperationSucceeded<-"],
        "the same end again"
    );
    assert_eq!(
        between(&before, &op("Succeeded", T1, Some(T2))),
        ["OperationSucceeded<Succeeded"],
        "same second"
    );
    assert_eq!(between(&before, &op("Running", T2, None)), ["OperationRunning<-"]);
}

/// A sync status about that revision of that path, and the operation before it.
fn compared(word: &str, revision: &str, path: &str, operation: &Value) -> Value {
    let to = json!({"source": {"repoURL": "https://git.example/gitops", "path": path}});
    json!({"sync": {"status": word, "revision": revision, "comparedTo": to}, "operationState": operation})
}

#[test]
fn what_was_synced_and_is_not_any_more_although_git_is_the_same_has_drifted() {
    let done = operation("Succeeded", T1, Some(T2));
    let (synced, out) = (
        |revision: &str| compared("Synced", revision, "shop", &done),
        |revision: &str| compared("OutOfSync", revision, "shop", &done),
    );
    assert_eq!(between(&synced("aaa"), &out("aaa")), ["OutOfSync<Synced", "Drifted<Synced"]);
    assert_eq!(between(&out("aaa"), &synced("aaa")), ["Synced<OutOfSync"], "its end is that it is synced");
    let others = [
        (out("bbb"), "a commit"),
        (compared("OutOfSync", "aaa", "shop-2", &done), "the Application is another one"),
        (
            json!({"sync": {"status": "OutOfSync", "revision": "aaa"}, "operationState": done}),
            "it does not say",
        ),
    ];
    for (after, why) in others {
        assert_eq!(between(&synced("aaa"), &after), ["OutOfSync<Synced"], "{why}");
    }
    for phase in ["Failed", "Error", "Running"] {
        let end = (phase != "Running").then_some(T3);
        let after = compared("OutOfSync", "aaa", "shop", &operation(phase, T2, end));
        assert!(!between(&synced("aaa"), &after).contains(&"Drifted<Synced".to_owned()), "{phase}");
    }
    let never = compared("OutOfSync", "aaa", "shop", &Value::Null);
    assert_eq!(
        between(&compared("Synced", "aaa", "shop", &Value::Null), &never).len(),
        2,
        "nobody synced it"
    );
    assert_eq!(
        between(&compared("Unknown", "aaa", "shop", &done), &out("aaa")),
        ["OutOfSync<Unknown"],
        "it was not known to be synced"
    );
}

#[test]
fn a_commit_that_changes_nothing_is_kept_in_silence_so_that_drift_after_it_is_drift() {
    let done = operation("Succeeded", T1, Some(T2));
    let first = sight(&compared("Synced", "aaa", "shop", &done));
    let verdict = decide(Some(&first), &sight(&compared("Synced", "bbb", "shop", &done)));
    assert_eq!(verdict.changes, []);
    let kept = verdict.keep.expect("it is still there");
    let after = decide(Some(&kept), &sight(&compared("OutOfSync", "bbb", "shop", &done)));
    let said: Vec<_> = after.changes.iter().map(|change| change.transition).collect();
    assert_eq!(said, [Transition::OutOfSync, Transition::Drifted]);

    // Of one that is out of sync, nothing is written for a commit.
    let out = sight(&compared("OutOfSync", "aaa", "shop", &done));
    let verdict = decide(Some(&out), &sight(&compared("OutOfSync", "bbb", "shop", &done)));
    assert_eq!(verdict, Verdict::new(Vec::new(), Some(out)));
}

#[test]
fn several_transitions_come_in_the_order_of_cause() {
    let after = json!({
        "health": {"status": "Progressing"},
        "sync": {"status": "OutOfSync"},
        "operationState": operation("Running", T3, None),
    });
    let expected = ["OperationRunning<-", "OutOfSync<Synced", "Progressing<Healthy"];
    assert_eq!(between(&synced_and_healthy(), &after), expected);
}

#[test]
fn the_operation_that_was_said_is_remembered_while_none_is_there() {
    let cleared = with(synced_and_healthy(), "operationState", Value::Null);
    let cleared = with(cleared, "health", json!({"status": "Degraded"}));
    let kept = remember(Some(&sight(&synced_and_healthy())), sight(&cleared));
    assert_eq!(kept.operation.as_ref().unwrap().phase, "Succeeded");
    let back = with(cleared.clone(), "operationState", synced_and_healthy()["operationState"].clone());
    assert_eq!(decide(Some(&kept), &sight(&back)), Verdict::new(Vec::new(), Some(kept.clone())));

    let other = read(application("shop", "u2", &cleared)).unwrap();
    assert_eq!(
        remember(Some(&kept), other).operation,
        None,
        "what another Application did is not remembered"
    );
}
