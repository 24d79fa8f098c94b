//! What Gitea and Forgejo send, and what becomes of it.

use chrono::SecondsFormat;

use super::{SAMPLES, decode};

#[test]
fn every_sample_is_an_event_by_the_rules() {
    let told: Vec<String> = SAMPLES
        .iter()
        .map(|(name, body)| {
            let event = decode(name, "f6266f16-1bf3-46a5-9ea4-602e06ead473", body.as_bytes()).unwrap();
            assert_eq!((event.id(), event.body()), ("f6266f16-1bf3-46a5-9ea4-602e06ead473", body.as_bytes()));
            assert_eq!(event.source(), "https://git.example.com/acme/shop");
            assert_eq!(event.partition_key(), "acme/shop");
            let time = event.time().map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
            format!("{} {} {}", event.ty(), event.subject().unwrap(), time.unwrap_or_default())
        })
        .collect();
    assert_eq!(
        told,
        [
            "io.gitea.create v1.4.2 ",
            "io.gitea.package.created shop 2026-09-21T14:12:40Z",
            "io.gitea.pull_request.opened 12 2026-09-21T14:12:40Z",
            "io.gitea.push refs/heads/main 2026-09-21T14:12:40Z",
            "io.gitea.release.published v1.4.2 2026-09-21T14:12:40Z",
            "io.gitea.workflow_run.completed 77 2026-09-21T14:12:40Z",
        ]
    );
}

#[test]
fn an_event_that_nobody_knows_and_one_without_a_repository_are_events_too() {
    let event = decode(
        "next_year",
        "1",
        br#"{"action":"made","next_year":{"id":3},"sender":{"html_url":"https://git.example/ada"}}"#,
    )
    .unwrap();
    assert_eq!(
        (event.ty(), event.subject(), event.source()),
        ("io.gitea.next_year.made", Some("3"), "https://git.example/ada")
    );
    let event = decode(
        "action_run_success",
        "1",
        br#"{"action":"success","run":{"id":4,"stopped":"2026-09-21T14:12:40Z"}}"#,
    )
    .unwrap();
    assert_eq!((event.subject(), event.source(), event.time().is_some()), (Some("4"), "/gitea", true));
}

#[test]
fn what_gitea_never_sends_is_refused() {
    for event in ["", "Push", "push push", "../x"] {
        assert!(decode(event, "1", b"{}").unwrap_err().to_string().contains("X-Gitea-Event"), "{event}");
    }
    for body in ["", "[]", "{\"a\":", "7"] {
        let error = decode("push", "1", body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "the body is not what Gitea sends", "{body}");
    }
    let error = decode("push", "", b"{}").unwrap_err();
    assert_eq!(error.to_string(), "what Gitea sent does not make a valid CloudEvent");
}
