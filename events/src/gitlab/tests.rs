//! What GitLab sends, and what becomes of it.

use chrono::SecondsFormat;

use super::{Delivery, SAMPLES, decode};

const KEY: Delivery<'_> = Delivery { idempotency_key: Some("f5e5f430-f57b"), event_uuid: Some("13792a34") };

#[test]
fn every_sample_is_an_event_by_the_rules() {
    let told: Vec<String> = SAMPLES
        .iter()
        .map(|(_, body)| {
            let event = decode(KEY, body.as_bytes()).unwrap();
            assert_eq!((event.id(), event.body()), ("f5e5f430-f57b", body.as_bytes()));
            assert_eq!(event.source(), "https://gitlab.example.com/acme/web/shop");
            assert_eq!(event.partition_key(), "acme/web/shop");
            let time = event.time().map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
            format!("{} {} {}", event.ty(), event.subject().unwrap(), time.unwrap_or_default())
        })
        .collect();
    assert_eq!(
        told,
        [
            "com.gitlab.merge_request.open 12 2026-09-21T14:12:40Z",
            "com.gitlab.pipeline.success 31 2026-09-21T14:12:40Z",
            "com.gitlab.push refs/heads/main ",
            "com.gitlab.release.create v1.4.2 2026-09-21T14:12:40Z",
            "com.gitlab.tag_push refs/tags/v1.4.2 ",
        ]
    );
}

#[test]
fn without_a_key_the_id_comes_from_the_event_and_its_body() {
    let id = |event_uuid, body: &str| {
        decode(Delivery { idempotency_key: None, event_uuid }, body.as_bytes()).unwrap().id().to_owned()
    };
    let push = SAMPLES[2].1;
    assert_eq!(id(Some("a"), push), id(Some("a"), push));
    assert_ne!(id(Some("a"), push), id(Some("b"), push), "pushed again later, to the same state");
    // What one event causes has the same UUID.
    assert_ne!(id(Some("a"), push), id(Some("a"), SAMPLES[1].1));
}

#[test]
fn other_events_follow_the_rules() {
    for (body, ty, subject) in [
        (
            r#"{"object_kind":"issue","object_attributes":{"iid":3,"state":"opened","action":"open"}}"#,
            "com.gitlab.issue.opened",
            Some("3"),
        ),
        (
            r#"{"object_kind":"note","object_attributes":{"id":4,"noteable_type":"MergeRequest"}}"#,
            "com.gitlab.note.merge_request",
            Some("4"),
        ),
        (
            r#"{"object_kind":"build","build_id":5,"build_status":"failed"}"#,
            "com.gitlab.job.failed",
            Some("5"),
        ),
        (
            r#"{"object_kind":"deployment","deployment_id":6,"status":"success"}"#,
            "com.gitlab.deployment.success",
            Some("6"),
        ),
        (
            r#"{"object_kind":"wiki_page","object_attributes":{"slug":"home","action":"create"}}"#,
            "com.gitlab.wiki_page.create",
            Some("home"),
        ),
        (r#"{"event_name":"project_create"}"#, "com.gitlab.project_create", None),
    ] {
        let event = decode(KEY, body.as_bytes()).unwrap();
        assert_eq!((event.ty(), event.subject(), event.source()), (ty, subject, "/gitlab"));
    }
}

#[test]
fn what_gitlab_never_sends_is_refused() {
    for body in ["", "[]", "{\"object_kind\":"] {
        assert_eq!(
            decode(KEY, body.as_bytes()).unwrap_err().to_string(),
            "the body is not what GitLab sends"
        );
    }
    let error = decode(KEY, b"{\"object_kind\":[]}").unwrap_err();
    assert_eq!(error.to_string(), "the body of GitLab has no member `object_kind`");
}
