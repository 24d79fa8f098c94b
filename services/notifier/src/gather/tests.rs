use std::path::Path;

use chassis::Failure;
use chassis::failure::Decision;
use events::payload::notification::{Requested, Severity};
use events::{Announcement, Envelope, Kind};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use resources::{Catalog, Channel, ChannelKind, Delivery, SecretRef};

use super::{Letter, Unsendable, channel, letter};

const URL: &str = "https://hooks.slack.example/services/T000/B000/a-secret";

fn secret(folder: &Path, name: &str, text: &[u8]) -> SecretRef {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the folder can be written");
    SecretRef::File(path)
}

fn request() -> Requested {
    Requested {
        channel: "team".to_owned(),
        text: "hello".to_owned(),
        title: None,
        severity: Severity::Info,
        automation: None,
    }
}

fn event() -> Envelope {
    Envelope::builder("1", "/signalbox/automator", Kind::NotificationRequested.name())
        .json(&Announcement::of(&request()).data)
        .build()
        .expect("the event is valid")
}

fn of(kind: ChannelKind) -> Result<Letter, Unsendable> {
    let channel = Channel { name: "team".to_owned(), kind, delivery: Delivery::AtLeastOnce };
    letter(&channel, &request(), &event())
}

fn decision(why: Unsendable) -> Decision {
    let failure = Failure::from(why);
    assert!(failure.effect_absent, "nothing was sent");
    failure.decision
}

#[test]
fn a_slack_message_carries_no_header_of_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let letter = of(ChannelKind::Slack { url: secret(folder.path(), "url", format!(" {URL}\n").as_bytes()) });
    let letter = letter.expect("it can be sent");
    assert_eq!(letter.url.as_str(), URL, "white space around it is no part of it");
    assert_eq!(letter.headers.len(), 1);
    assert_eq!(letter.headers[CONTENT_TYPE], "application/json");
}

#[test]
fn a_webhook_gets_its_token_and_the_attributes_of_the_event() {
    let folder = tempfile::tempdir().expect("a folder");
    let letter = of(ChannelKind::Webhook {
        url: secret(folder.path(), "url", URL.as_bytes()),
        token: Some(secret(folder.path(), "token", b"t0ken\n")),
        ask: None,
    })
    .expect("it can be sent");
    assert_eq!(letter.headers[AUTHORIZATION], "Bearer t0ken");
    assert!(letter.headers[AUTHORIZATION].is_sensitive());
    assert_eq!(letter.headers["idempotency-key"], "1");
    assert_eq!(letter.headers["ce-type"], Kind::NotificationRequested.name());
    assert_eq!(letter.headers["ce-specversion"], "1.0");
}

#[test]
fn a_channel_that_nobody_declared_is_named_with_those_that_there_are() {
    let mut catalog = Catalog::default();
    let none = channel(&catalog, &request()).expect_err("there is none");
    assert_eq!(none.to_string(), "there is no Channel `team`: none is declared");
    for name in ["ops", "dev"] {
        let kind = ChannelKind::Slack { url: SecretRef::Env("NOT_SET".to_owned()) };
        let channel = Channel { name: name.to_owned(), kind, delivery: Delivery::AtLeastOnce };
        catalog.channels.insert(name.to_owned(), channel);
    }
    let none = channel(&catalog, &request()).expect_err("there is still none");
    assert_eq!(none.to_string(), "there is no Channel `team`: there are dev, ops");
    assert_eq!(decision(none), Decision::Reject);
}

#[test]
fn a_secret_that_cannot_be_read_is_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = SecretRef::File(folder.path().join("missing"));
    let url = of(ChannelKind::Slack { url: missing.clone() }).expect_err("no URL");
    assert_eq!(url.to_string(), "the URL of Channel `team` cannot be read");
    assert_eq!(decision(url), Decision::Retry(None));
    let url = secret(folder.path(), "url", URL.as_bytes());
    let token = of(ChannelKind::Webhook { url, token: Some(missing), ask: None }).expect_err("no token");
    assert_eq!(token.to_string(), "the token of Channel `team` cannot be read");
    assert_eq!(decision(token), Decision::Retry(None));
}

#[test]
fn a_secret_that_is_no_url_is_refused_and_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    for text in [
        "hooks.slack.example/a-secret",
        "ftp://a-secret.example",
        "file:///a-secret",
        "a-secret",
        "\u{fe}",
        "https://",
    ] {
        let url = secret(folder.path(), "url", text.as_bytes());
        let why = of(ChannelKind::Slack { url }).expect_err(text);
        let shown = format!("{why} {why:?}");
        assert!(!shown.contains("a-secret"), "{shown}");
        assert_eq!(
            why.to_string(),
            "the URL of Channel `team` is not a URL that begins with https:// or http://"
        );
        assert_eq!(decision(why), Decision::Reject);
    }
}

#[test]
fn a_token_that_is_no_header_is_refused_and_not_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    for text in ["a-secret\nx: y", "a-secret-ä", "a-secret\0"] {
        let url = secret(folder.path(), "url", URL.as_bytes());
        let token = Some(secret(folder.path(), "token", text.as_bytes()));
        let why = of(ChannelKind::Webhook { url, token, ask: None }).expect_err(text);
        let shown = format!("{why} {why:?}");
        assert!(!shown.contains("a-secret"), "{shown}");
        assert_eq!(decision(why), Decision::Reject);
    }
}

#[test]
fn a_letter_shows_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let letter = of(ChannelKind::Webhook {
        url: secret(folder.path(), "url", URL.as_bytes()),
        token: Some(secret(folder.path(), "token", b"t0ken")),
        ask: None,
    });
    let shown = format!("{letter:?}");
    assert!(!shown.contains("secret") && !shown.contains("t0ken"), "{shown}");
}

#[test]
fn the_place_to_ask_has_the_id_in_its_place_and_nowhere_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = secret(folder.path(), "url", URL.as_bytes());
    for (text, wanted) in [
        ("https://ops.example/messages/{id}\n", Some("https://ops.example/messages/a%2Fb%20%C3%A4%3F")),
        ("https://ops.example/has?id={id}", Some("https://ops.example/has?id=a%2Fb%20%C3%A4%3F")),
        ("https://ops.example/a-secret", None),
        ("ops.example/a-secret/{id}", None),
        ("ftp://ops.example/a-secret/{id}", None),
    ] {
        let ask = Some(secret(folder.path(), "ask", text.as_bytes()));
        let kind = ChannelKind::Webhook { url: url.clone(), token: None, ask };
        let channel = Channel { name: "team".to_owned(), kind, delivery: Delivery::AtLeastOnce };
        let event = Envelope::builder("a/b ä?", "/signalbox/automator", Kind::NotificationRequested.name());
        let event = event.json(&Announcement::of(&request()).data).build().expect("the event is valid");
        match (letter(&channel, &request(), &event), wanted) {
            (Ok(letter), Some(wanted)) => assert_eq!(letter.ask.expect("there is one").as_str(), wanted),
            (Err(why), None) => {
                let shown = format!("{why} {why:?}");
                assert!(shown.contains("URL to ask") && !shown.contains("a-secret"), "{shown}");
                assert_eq!(decision(why), Decision::Reject);
            }
            (result, _) => panic!("{text}: {result:?}"),
        }
    }
}
