//! A story for tests: a build, four rules, a deploy that fails, a message about it.

use chassis::dead::DeadLetter;
use chassis::{Position, Recorded};
use chrono::{DateTime, TimeDelta, Utc};
use events::payload::automation::{Evaluated, Rule, Verdict};
use events::payload::deploy::{Failed, Image, Requested, Started, Step};
use events::payload::notification;
use events::{Announcement, Envelope, Payload, derive, json};

fn began() -> DateTime<Utc> {
    "2026-09-01T10:03:13.020Z".parse().expect("a time")
}

/// An event at a place in the log, so many milliseconds after the story began.
pub(super) fn at(position: u64, millis: i64, event: Envelope) -> Recorded {
    Recorded {
        position: Position(position),
        recorded: began() + TimeDelta::milliseconds(millis),
        event: Ok(event),
    }
}

/// The events of the story; and two dead letters, the first of which is its own.
pub(super) fn deploy() -> (Vec<Recorded>, Vec<DeadLetter>) {
    let root = include_bytes!("../../../../events/samples/com.github.workflow_run.completed.json");
    let root = json::decode(root).expect("the sample is an event");
    let evaluated = caused(&root, "automator", root.id(), &Evaluated { rules: rules() });
    let requested = caused(&root, "automator", "shop/dev", &requested());
    let started = caused(&requested, "deployer", "shop/dev", &started());
    let failed = caused(&requested, "deployer", "shop/dev", &failed());
    let message = caused(&failed, "automator", "team", &message());
    let sent = caused(&message, "notifier", "team", &sent());
    let letters =
        vec![letter(&requested), letter(&Envelope::builder("1", "/x", "y").build().expect("an event"))];
    let times = [0, 21, 22, 25, 41_200, 41_210, 41_470];
    let all = [root, evaluated, requested, started, failed, message, sent];
    let events = (1..).zip(times).zip(all).map(|((position, millis), event)| at(position, millis, event));
    (events.collect(), letters)
}

fn caused(parent: &Envelope, handler: &str, subject: &str, payload: &impl Payload) -> Envelope {
    let announcement = Announcement::of(payload).subject(subject);
    derive(parent, handler, payload.kind().name(), &announcement, began()).expect("it is not too deep")
}

fn rules() -> Vec<Rule> {
    let rule = |automation: &str, verdict, because: &str, actions: &[&str]| Rule {
        automation: automation.to_owned(),
        verdict,
        clause: "when".to_owned(),
        because: because.to_owned(),
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
    };
    let (success, failure) =
        ("conclusion == \"success\" (is \"success\")", "conclusion == \"failure\" (is \"success\")");
    vec![
        rule("ship-to-dev", Verdict::Matched, success, &["deploy shop to dev"]),
        rule("tell-about-broken-builds", Verdict::Skipped, failure, &[]),
        rule("ship-to-prod", Verdict::Shadowed, "app.branch == \"main\"", &["deploy shop to prod"]),
        rule("broken", Verdict::Failed, "no such key:\ncolour", &[]),
    ]
}

fn image() -> Image {
    Image { tag: Some("4c1f9a07d2e85b3660a1f4f1b7c0de52913aa8e6".to_owned()), digest: None }
}

fn requested() -> Requested {
    Requested {
        app: "shop".to_owned(),
        environment: "dev".to_owned(),
        image: image(),
        automation: Some("ship-to-dev".to_owned()),
    }
}

fn started() -> Started {
    Started {
        app: "shop".to_owned(),
        environment: "dev".to_owned(),
        image: image(),
        previous: Some(Image { tag: Some("e0b7c44".to_owned()), digest: None }),
    }
}

fn failed() -> Failed {
    Failed {
        app: "shop".to_owned(),
        environment: "dev".to_owned(),
        image: image(),
        commit: Some("1d7e3b90c5a24f6688f0e2b1a3c4d5e6f7081929".to_owned()),
        step: Step::Rollout,
        reason: "pod shop-7c waits: ImagePullBackOff:\nno such image".to_owned(),
    }
}

fn message() -> notification::Requested {
    notification::Requested {
        channel: "team".to_owned(),
        text: "shop did not reach dev\nsee the log".to_owned(),
        title: None,
        severity: notification::Severity::Warning,
        automation: Some("tell-team".to_owned()),
    }
}

fn sent() -> notification::Sent {
    notification::Sent { channel: "team".to_owned(), channel_kind: "slack".to_owned(), status: 200 }
}

fn letter(event: &Envelope) -> DeadLetter {
    DeadLetter {
        v: 1,
        id: "0123456789abcdef".to_owned(),
        handler: "deployer".to_owned(),
        event: Some(json::to_value(event)),
        message: None,
        message_beside: None,
        reasons: vec!["given up after 10 attempts".to_owned(), "the repository does not answer".to_owned()],
        attempts: 10,
        position: Position(3),
        failures: Vec::new(),
        first_tried: None,
        died_at: began(),
    }
}
