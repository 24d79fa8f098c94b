use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::catalogue;

const DELIVERY: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

fn event(name: &str, body: &Value) -> Envelope {
    decode(name, DELIVERY, body.to_string().as_bytes()).unwrap()
}

/// One delivery for each event that has a rule, and some that have none, cut down to the members that count. The
/// values are those of Octokit's examples (`@octokit/webhooks-examples`, MIT) where it has one.
#[test]
fn every_event_is_about_what_the_adapter_says_and_of_the_time_that_it_says() {
    let mut events = BTreeSet::new();
    for line in include_str!("deliveries.jsonl").lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let name = row["event"].as_str().unwrap();
        let event = event(name, &row["body"]);
        let ty = match row["body"]["action"].as_str() {
            Some(action) => format!("com.github.{name}.{action}"),
            None => format!("com.github.{name}"),
        };
        let time = row["time"].as_str().map(|time| time.parse::<DateTime<Utc>>().unwrap());
        assert_eq!(
            (event.ty(), event.subject(), event.time()),
            (ty.as_str(), row["subject"].as_str(), time),
            "{line}"
        );
        events.insert(name.to_owned());
    }
    for (name, ..) in rules::RULES {
        assert!(events.contains(*name), "deliveries.jsonl has no {name}");
    }
}

#[test]
fn a_delivery_becomes_a_root_event_with_its_body_untouched() {
    let body = br#" {"action":"completed","n":1.10,"repository":{"url":"https://api.github.com/repos/acme/shop","full_name":"acme/shop"}} "#;
    let event = decode("workflow_run", DELIVERY, body).unwrap();
    assert_eq!((event.id(), event.ty()), (DELIVERY, "com.github.workflow_run.completed"));
    assert_eq!(event.source(), "https://api.github.com/repos/acme/shop");
    assert_eq!((event.datacontenttype(), event.body()), (Some("application/json"), body.as_slice()));
    assert_eq!(event.partition_key(), "acme/shop");
    assert_eq!((event.correlation_id().as_ref(), event.causation_id()), (DELIVERY, None));
    assert_eq!(event.traceparent().unwrap(), announcement::root_traceparent(event.source(), DELIVERY));
    assert_eq!(decode("workflow_run", DELIVERY, body).unwrap(), event, "no clock, no chance");
}

#[test]
fn without_a_repository_the_source_is_the_next_best() {
    let (organization, account, sender) = (
        json!({"url": "https://api.github.com/orgs/acme", "login": "acme"}),
        json!({"account": {"url": "https://api.github.com/users/acme"}}),
        json!({"url": "https://api.github.com/users/ada"}),
    );
    for (name, body, wanted) in [
        ("ping", json!({"organization": organization, "sender": sender}), "https://api.github.com/orgs/acme"),
        (
            "installation",
            json!({"installation": account, "sender": sender}),
            "https://api.github.com/users/acme",
        ),
        ("github_app_authorization", json!({"sender": sender}), "https://api.github.com/users/ada"),
        ("security_advisory", json!({}), "https://api.github.com"),
        (
            "push",
            json!({"repository": {"url": "not a url"}, "sender": sender}),
            "https://api.github.com/users/ada",
        ),
        ("push", json!({"repository": null}), "https://api.github.com"),
        ("push", json!({"repository": {"url": ""}}), "https://api.github.com"),
    ] {
        let event = event(name, &body);
        assert_eq!(event.source(), wanted, "{name} {body}");
        assert_eq!(event.extension(extension::PARTITION_KEY), None);
    }
}

#[test]
fn a_value_of_an_unexpected_shape_is_left_out_and_loses_no_event() {
    for body in [
        json!({"ref": {"name": "main"}, "repository": {"pushed_at": "yesterday", "full_name": 7}}),
        json!({"ref": "", "repository": {"pushed_at": null, "full_name": ""}}),
        json!({"ref": "two\nlines", "repository": {"pushed_at": i64::MAX}}),
        json!({"ref": "a".repeat(10_000), "repository": {"pushed_at": 1e300}}),
        json!({"ref": null, "repository": "acme/shop", "action": null}),
        json!({"ref": [], "repository": [], "action": 7.5e1}),
    ] {
        let event = event("push", &body);
        assert_eq!((event.ty(), event.subject(), event.time()), ("com.github.push", None, None), "{body}");
    }
}

#[test]
fn what_is_not_a_json_object_is_refused_with_the_place() {
    for (body, line, column) in [
        (b"".as_slice(), 1, 0),
        (b"[]", 1, 0),
        (b"\"text\"", 1, 6),
        (b"payload=%7B%7D", 1, 1),
        (b"{\"a\": 1,\n\"b\": oops}", 2, 6),
        (b"{} {}", 1, 4),
        (b"{\"a\": \"\xff\"}", 1, 8),
    ] {
        match decode("push", DELIVERY, body) {
            Err(DecodeError::InvalidBody { line: l, column: c, .. }) => {
                assert_eq!((l, c), (line, column), "{}", String::from_utf8_lossy(body));
            }
            other => panic!("{}: {other:?}", String::from_utf8_lossy(body)),
        }
    }
    let error = decode("push", DELIVERY, b"{").unwrap_err().to_string();
    assert_eq!(
        error,
        "the body is not a JSON object (line 1, column 1); set the webhook's content type to application/json"
    );
}

#[test]
fn headers_that_make_no_event_are_refused() {
    for name in ["", "Push", "push ", "a.b", "*", "пуш"] {
        assert!(
            matches!(decode(name, DELIVERY, b"{}"), Err(DecodeError::InvalidEvent(found)) if found == name)
        );
    }
    let missing = |error| matches!(error, DecodeError::Invalid(InvalidEnvelope::Missing("id")));
    assert!(missing(decode("push", "", b"{}").unwrap_err()));
    assert!(decode("push", "a\nb", b"{}").is_err());
    let body = json!({"action": "a\nb"}).to_string();
    assert!(matches!(decode("push", DELIVERY, body.as_bytes()), Err(DecodeError::Invalid(_))));
}

#[test]
fn the_known_types_are_sorted_and_of_events_that_are_known() {
    let types: Vec<_> = known_types().collect();
    assert!(types.len() > 200 && types.is_sorted());
    assert!(types.iter().all(|ty| is_known_type(ty) && ty.starts_with(TYPE_PREFIX)));
    for ty in ["com.github.push", "com.github.workflow_run.in_progress", "com.github.issues.closed"] {
        assert!(is_known_type(ty), "{ty}");
    }
    for ty in ["com.github.push.created", "com.github.workflow_run", "com.github", "push"] {
        assert!(!is_known_type(ty), "{ty}");
    }
    let known = |name: &str| types.iter().any(|ty| ty.split('.').nth(2) == Some(name));
    let unknown: Vec<_> = rules::RULES.iter().map(|(name, ..)| *name).filter(|name| !known(name)).collect();
    assert_eq!(
        unknown,
        ["content_reference", "repository_dispatch"],
        "retired, and with actions of the users"
    );
}

#[test]
fn a_view_looks_at_its_own_event_with_any_action() {
    let sample = catalogue::sample("com.github.workflow_run.completed").unwrap();
    let event = crate::json::decode(sample.as_bytes()).unwrap();
    let run = WorkflowRun::of(&event).unwrap();
    assert_eq!((run.action.as_str(), run.workflow_run.conclusion.as_deref()), ("completed", Some("success")));
    assert_eq!(run.repository.full_name, "acme/shop");

    let error = Push::of(&event).unwrap_err();
    assert_eq!(error.to_string(), "com.github.workflow_run.completed is not a push of GitHub");
    let empty = event.to_builder().untyped_body("{}").build().unwrap();
    assert!(matches!(WorkflowRun::of(&empty), Err(ViewError::Body(_))));
}

#[test]
fn a_view_and_its_schema_are_found_by_the_whole_name_of_the_event() {
    assert!(
        PullRequest::fits("com.github.pull_request.opened") && PullRequest::fits("com.github.pull_request")
    );
    for ty in
        ["com.github.pull_request_review.submitted", "com.example.pull_request.opened", "pull_request.opened"]
    {
        assert!(!PullRequest::fits(ty), "{ty}");
    }
    assert_eq!(schema("com.github.pull_request.opened"), Some(PullRequest::SCHEMA));
    assert_eq!(schema("com.github.pull_request_review.submitted"), None);
}
