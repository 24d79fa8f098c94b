use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::RULES;
use crate::Envelope;
use crate::github::{decode, decode_of_hook};

/// One delivery for each rule: Octokit's examples (`@octokit/webhooks-examples` 7.6.1, MIT), cut down to what counts.
fn deliveries() -> impl Iterator<Item = (String, Value)> {
    include_str!("deliveries.jsonl").lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        (row["event"].as_str().unwrap().to_owned(), row["body"].clone())
    })
}

fn event(name: &str, delivery: &str, body: &Value) -> Envelope {
    decode_of_hook(name, delivery, body.to_string().as_bytes()).unwrap()
}

/// The same body as the webhook of an App and of an organisation has it.
fn of_an_app(body: &Value) -> Value {
    let mut body = body.clone();
    body["installation"] = json!({"id": 375_706, "node_id": "MDIzOkludGVncmF0aW9u"});
    body["organization"] = json!({"login": "Octocoders", "url": "https://api.github.com/orgs/Octocoders"});
    body
}

fn pointer(path: &str) -> String {
    format!("/{}", path.replace('.', "/"))
}

#[test]
fn one_happening_that_two_webhooks_tell_is_one_event() {
    let mut tried = BTreeSet::new();
    for (name, body) in deliveries() {
        let (one, other) = (event(&name, "d-1", &body), event(&name, "d-2", &of_an_app(&body)));
        assert_eq!((one.source(), one.id()), (other.source(), other.id()), "{name}");
        assert_eq!((one.ty(), one.subject(), one.time()), (other.ty(), other.subject(), other.time()));
        assert_eq!(one.extension("githubdelivery").as_deref(), Some("d-1"), "{name}");
        assert_eq!(one, event(&name, "d-1", &body), "a delivery by hand is the same event");
        tried.insert(name);
    }
    assert!(RULES.iter().all(|(name, ..)| tried.contains(*name)), "every rule is tried: {tried:?}");
}

#[test]
fn another_happening_is_another_event() {
    for (name, body) in deliveries() {
        let once = event(&name, "d-1", &body);
        let (_, _, required, optional) = RULES.iter().find(|(known, ..)| *known == name).unwrap();
        for path in required.iter().chain(*optional) {
            let mut other = body.clone();
            let Some(value) = other.pointer_mut(&pointer(path)) else { continue };
            *value = json!("another");
            assert_ne!(event(&name, "d-1", &other).id(), once.id(), "{name}: {path}");
        }
    }
}

#[test]
fn a_branch_that_is_forced_to_and_fro_is_pushed_each_time() {
    let push = |before: &str, after: &str, at: i64| {
        let repository = json!({"id": 1, "url": "https://github.com/acme/shop", "pushed_at": at});
        event(
            "push",
            "d",
            &json!({"ref": "refs/heads/x", "before": before, "after": after, "repository": repository}),
        )
    };
    let ids: BTreeSet<String> = [("a", "b", 1), ("b", "a", 2), ("a", "b", 3), ("b", "a", 4)]
        .into_iter()
        .map(|(before, after, at)| push(before, after, at).id().to_owned())
        .collect();
    assert_eq!(ids.len(), 4);
}

#[test]
fn what_does_not_say_which_happening_it_is_keeps_the_id_of_its_delivery() {
    let repository = json!({"id": 1, "url": "https://github.com/acme/shop", "pushed_at": 1});
    for (name, body) in [
        ("create", json!({"ref": "x", "ref_type": "branch"})),
        ("watch", json!({"action": "started"})),
        ("repository_dispatch", json!({"action": "x", "client_payload": {}})),
        (
            "check_run",
            json!({"action": "rerequested", "check_run": {"id": 1, "started_at": "2026-09-01T10:00:00Z"}}),
        ),
        ("push", json!({"ref": "refs/heads/x", "before": "a"})),
        ("push", json!({"ref": "refs/heads/x", "before": "a", "after": null})),
        ("push", json!({"action": "new", "ref": "refs/heads/x", "before": "a", "after": "b"})),
        ("issues", json!({"issue": {"id": 1, "updated_at": "2026-09-01T10:00:00Z"}})),
    ] {
        let mut body = body;
        body["repository"] = repository.clone();
        let event = event(name, "d-1", &body);
        assert_eq!((event.id(), event.extension("githubdelivery")), ("d-1", None), "{name} {body}");
    }
    for (name, body) in deliveries() {
        let (_, _, required, _) = RULES.iter().find(|(known, ..)| *known == name).unwrap();
        for path in *required {
            let mut less = body.clone();
            *less.pointer_mut(&pointer(path)).unwrap() = Value::Null;
            assert_eq!(event(&name, "d-1", &less).id(), "d-1", "{name} without {path}");
        }
        assert_eq!(
            decode(&name, "d-1", body.to_string().as_bytes()).unwrap().id(),
            "d-1",
            "not from a webhook"
        );
    }
}
