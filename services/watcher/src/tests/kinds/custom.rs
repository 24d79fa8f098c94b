//! Objects of a kind that the settings describe.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Follower, at, begin, object};
use crate::Custom;
use crate::gather::{Object, Unreadable};
use crate::kinds::custom::Customs;
use crate::watched::Watched as _;

const NOTHING: [&str; 0] = [];
/// As an example has it.
const READY: &str = r#"!object.?status.?conditions.orValue([]).exists(c, c.type == "Ready" && c.status == "True") ? "not-ready" :
    now >= timestamp(object.status.notAfter) ? "expired" :
    now >= timestamp(object.status.notAfter) - duration("100s") ? "expiring" : "ready""#;
const AGAIN: &str = r#"has(object.status) && has(object.status.notAfter)
    ? [timestamp(object.status.notAfter) - duration("100s"), timestamp(object.status.notAfter)] : null"#;
const MESSAGE: &str = r#"object.?status.?conditions.orValue([]).filter(c, c.type == "Ready").map(c, c.?message.orValue("")).join()"#;

fn custom(phase: &str) -> Custom {
    let kind: crate::CustomKind = "certificates.cert-manager.io/v1".parse().unwrap();
    let phase = kind.expression("phase", phase).unwrap();
    Custom { kind, scope: None, phase, again: None, message: None, lasts: BTreeMap::new() }
}

fn certificates() -> Custom {
    let it = custom(READY);
    let (again, message) = (it.kind.expression("again", AGAIN), it.kind.expression("message", MESSAGE));
    let lasts = BTreeMap::from([("not-ready".to_owned(), TimeDelta::seconds(60))]);
    Custom { again: Some(again.unwrap()), message: Some(message.unwrap()), lasts, ..it }
}

fn certificate(ready: &str, ends: Option<i64>) -> Value {
    let conditions = json!([{"type": "Ready", "status": ready, "message": format!("it is {ready}")}]);
    let status = json!({"conditions": conditions, "notAfter": ends.map(at)});
    let mut it = object("shop-tls", Some("shop"), &json!({"kind": "Certificate", "status": status}));
    it["metadata"]["managedFields"] = json!([{"manager": "cert-manager"}]);
    if ends.is_none() {
        it["status"].as_object_mut().unwrap().remove("notAfter");
    }
    it
}

fn phases(it: &Follower<Customs>) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let phase = |body: &Value| format!("{}<{}", word(&body["phase"]), word(&body["previous"]));
    it.events.iter().map(|event| phase(&event.json().unwrap())).collect()
}

#[test]
fn each_other_phase_is_a_transition_also_by_the_clock_alone() {
    let mut it = Follower::new(Customs::new(certificates()));
    assert_eq!(it.sees(1, &certificate("False", None)), NOTHING);
    assert_eq!(it.waits_until(), Some(61), "it has to last");
    assert_eq!(it.sees(30, &certificate("True", Some(1000))), ["changed"]);
    assert_eq!(it.waits_until(), Some(900));
    assert_eq!(it.looks(899), NOTHING);
    assert_eq!(it.looks(900), ["changed"]);
    assert_eq!(it.waits_until(), Some(1000), "the next one is known, too, without the object");
    assert_eq!(it.looks(1000), ["changed"]);
    assert_eq!(it.waits_until(), None);
    assert_eq!(it.sees(1001, &certificate("True", Some(5000))), ["changed"], "it was renewed");
    assert_eq!(phases(&it), ["ready<-", "expiring<ready", "expired<expiring", "ready<expired"]);
    let expected = json!({
        "transition": "changed", "kind": "certificates.cert-manager.io", "version": "v1", "name": "shop-tls",
        "namespace": "shop", "phase": "ready", "previous": "expired", "message": "it is True",
    });
    assert_eq!(it.last(), expected);
    let event = it.events.last().unwrap();
    assert_eq!(event.ty(), "io.kubernetes.object.changed.v1");
    assert_eq!((event.source(), event.subject()), ("/kubernetes/shop", Some("shop/shop-tls")));
    let kept = serde_json::to_string(&it.seen).unwrap();
    assert!(kept.len() < 200 && !kept.contains("conditions"), "{kept}");
    assert_eq!(it.ends(), ["Deleted"]);
}

#[test]
fn a_phase_that_has_to_last_is_said_at_its_time_and_one_that_did_not_is_not() {
    let mut it = Follower::new(Customs::new(certificates()));
    it.sees(0, &certificate("True", Some(9000)));
    assert_eq!(it.sees(10, &certificate("False", Some(9000))), NOTHING);
    assert_eq!(it.waits_until(), Some(70));
    assert_eq!(it.sees(40, &certificate("Unknown", Some(9000))), NOTHING, "it is the same phase");
    assert_eq!(it.waits_until(), Some(70), "and has lasted since");
    assert_eq!(it.sees(50, &certificate("True", Some(9000))), NOTHING);
    assert_eq!(it.waits_until(), Some(8900));
    it.sees(60, &certificate("False", Some(9000)));
    assert_eq!(it.looks(120), ["changed"]);
    assert_eq!(phases(&it), ["ready<-", "not-ready<ready"]);
}

#[test]
fn an_empty_text_is_no_phase() {
    let mut it = Follower::new(Customs::new(custom(r#"object.?status.?phase.orValue("")"#)));
    let cluster = |phase: &str| object("db", Some("data"), &json!({"status": {"phase": phase}}));
    assert_eq!(it.sees(1, &object("db", Some("data"), &json!({}))), NOTHING);
    assert_eq!(it.sees(2, &cluster("Creating")), ["changed"]);
    assert_eq!(it.sees(3, &cluster("")), NOTHING);
    assert_eq!(it.sees(4, &cluster("Creating")), NOTHING, "what was said stays");
    assert_eq!(it.sees(5, &cluster("Healthy")), ["changed"]);
    assert_eq!(phases(&it), ["Creating<-", "Healthy<Creating"]);
}

#[test]
fn with_another_expression_the_phases_begin_anew_in_silence() {
    let healthy = object("db", Some("data"), &json!({"status": {"phase": "Healthy", "ready": 1}}));
    let mut it = Follower::new(Customs::new(custom("object.status.phase")));
    it.sees(1, &healthy);
    let mut other = Follower::new(Customs::new(custom(r#"object.status.ready > 0 ? "up" : "down""#)));
    other.seen = it.seen;
    assert_eq!(other.sees(2, &healthy), NOTHING);
    let down = object("db", Some("data"), &json!({"status": {"phase": "Healthy", "ready": 0}}));
    assert_eq!(other.sees(3, &down), ["changed"]);
    assert_eq!(phases(&other), ["down<up"]);
}

#[test]
fn an_object_of_which_the_expressions_make_nothing_says_why() {
    let read = |custom: Custom, it: &Value| -> Result<_, Unreadable> {
        let decoded: Object<_> = serde_json::from_value(it.clone()).unwrap();
        Customs::new(custom).read(decoded.body, begin())
    };
    let widget = object(
        "w",
        Some("shop"),
        &json!({"status": {"n": 7, "long": "x".repeat(129), "many": vec![0; 1000]}}),
    );
    for (phase, expected) in [
        (
            "object.status.n",
            "`phase` of the settings makes nothing of it: it is a whole number, and should be a text",
        ),
        (
            "object.status.n > 5",
            "`phase` of the settings makes nothing of it: it is a truth value, and should be a text",
        ),
        (
            "object.status.long",
            "`phase` of the settings makes nothing of it: it is a text of 129 bytes; a phase has at most 128",
        ),
        (
            "object.status.many.map(a, object.status.many.map(b, string(a + b)).join()).join()",
            "`phase` of the settings makes nothing of it: its loops run over too many items",
        ),
    ] {
        assert_eq!(read(custom(phase), &widget).unwrap_err().to_string(), expected, "{phase}");
    }
    let missing = read(custom("object.status.phase"), &widget).unwrap_err().to_string();
    assert!(
        missing.starts_with("`phase` of the settings makes nothing of it: ") && missing.contains("phase"),
        "{missing}"
    );

    let again = custom(r#""x""#);
    let again = Custom { again: Some(again.kind.expression("again", "object.status.n").unwrap()), ..again };
    let expected = "`again` of the settings makes nothing of it: it is a whole number, and should be a time, a list of times, or null";
    assert_eq!(read(again, &widget).unwrap_err().to_string(), expected);
}

#[test]
fn no_more_than_eight_steps_are_foreseen_however_many_there_would_be() {
    let it = custom("string(now)");
    let again = it.kind.expression("again", r#"now + duration("1s")"#).unwrap();
    let mut it = Follower::new(Customs::new(Custom { again: Some(again), ..it }));
    it.sees(0, &object("w", None, &json!({})));
    for second in 1..8 {
        assert_eq!(it.looks(second), ["changed"]);
    }
    assert_eq!(it.waits_until(), None);
    assert_eq!(it.looks(9), NOTHING);
    assert_eq!(it.events.last().unwrap().subject(), Some("w"), "outside of namespaces");
}
