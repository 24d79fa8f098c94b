//! Every example payload of GitHub's events becomes a valid event, the same as ever.
//!
//! `octokit/examples.jsonl.gz` has all 329 examples of the 58 events of api.github.com in the npm package
//! `@octokit/webhooks-examples` 7.6.1 (MIT licence, by Gregor Martynus and contributors), a line each, with the name of the
//! event and the body as `JSON.stringify` writes it. `octokit/events.txt` is what they become; to write it anew:
//! `SIGNALBOX_UPDATE=1 cargo test -p events octokit`, then read the difference.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{View, decode, decode_of_hook, is_known_type, view};
use crate::{Envelope, extension, json, validate};

#[derive(Deserialize)]
struct Example<'a> {
    event: String,
    #[serde(borrow)]
    body: &'a RawValue,
}

fn text() -> String {
    let mut text = String::new();
    GzDecoder::new(&include_bytes!("octokit/examples.jsonl.gz")[..]).read_to_string(&mut text).unwrap();
    text
}

fn examples(text: &str) -> Vec<Example<'_>> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Two lines of the snapshot: the event, and where it is from.
fn line(n: usize, event: &Envelope, of_hook: &Envelope) -> String {
    let key = event.extension(extension::PARTITION_KEY).unwrap_or_default().into_owned();
    // An id that is made of the happening; else it is that of the delivery.
    let id = if of_hook.id() == event.id() { "-" } else { of_hook.id() };
    let time = event.time().map_or_else(|| "-".to_owned(), |time| time.to_rfc3339());
    format!(
        "{n:03} {} [{}] {time} {key} {id}\n    {}\n",
        event.ty(),
        event.subject().unwrap_or("-"),
        event.source()
    )
}

#[test]
fn every_example_becomes_the_event_that_it_always_became() {
    let text = text();
    let examples = examples(&text);
    let names: BTreeSet<_> = examples.iter().map(|example| example.event.as_str()).collect();
    assert_eq!((examples.len(), names.len()), (329, 58));
    let mut found = String::new();
    for (n, Example { event: name, body }) in examples.iter().enumerate() {
        let body = body.get().as_bytes();
        let event = decode(name, &format!("delivery-{n}"), body)
            .unwrap_or_else(|error| panic!("{n} {name}: {error}"));
        let of_hook = decode_of_hook(name, &format!("delivery-{n}"), body).unwrap();
        assert_eq!(event.body(), body, "{n} {name}: byte for byte");
        assert!(validate::uri_reference("source", event.source()).is_ok(), "{n} {name}: {}", event.source());
        // The list of GitHub's types has each; the actions of a dispatch are its users'.
        assert!(is_known_type(event.ty()), "{n} {}", event.ty());
        found += &line(n, &event, &of_hook);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/github/octokit/events.txt");
    if std::env::var_os("SIGNALBOX_UPDATE").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    for (wanted, found) in wanted.lines().zip(found.lines()) {
        assert_eq!(found, wanted);
    }
    assert_eq!(found.lines().count(), wanted.lines().count());
}

#[test]
fn every_example_goes_through_every_binding_and_format() {
    let text = text();
    for (n, Example { event: name, body }) in examples(&text).iter().enumerate() {
        let event = decode(name, &format!("delivery-{n}"), body.get().as_bytes()).unwrap();
        let structured = json::decode(json::to_value(&event).to_string().as_bytes()).unwrap();
        assert_eq!(
            (structured.ty(), structured.json().unwrap()),
            (event.ty(), event.json().unwrap()),
            "{n} {name}"
        );
    }
}

/// What the views leave out is left out; what they have is as GitHub sent it.
#[test]
fn every_example_of_an_event_with_a_view_fits_it() {
    let views: BTreeMap<_, _> =
        view::all().into_iter().map(|(event, _, schema, reread)| (event, (schema, reread))).collect();
    let text = text();
    let mut fitted: BTreeMap<&str, usize> = BTreeMap::new();
    for (n, Example { event: name, body }) in examples(&text).iter().enumerate() {
        let Some((event, (schema, reread))) = views.get_key_value(name.as_str()) else { continue };
        let whole: serde_json::Value = serde_json::from_str(body.get()).unwrap();
        let view = reread(body.get().as_bytes()).unwrap_or_else(|error| panic!("{n} {name}: {error}"));
        crate::catalogue::tests::assert_within(&view, &whole, &format!("{n} {name}"));
        let validator = jsonschema::validator_for(schema).unwrap();
        let errors: Vec<_> = validator.iter_errors(&whole).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{n} {name}: {errors:?}");
        *fitted.entry(event).or_default() += 1;
    }
    // There is no example of `registry_package`.
    let without: Vec<_> = views.keys().filter(|event| !fitted.contains_key(*event)).collect();
    assert_eq!(without, [&"registry_package"]);
    assert_eq!(fitted["issue_comment"], 9);
}

#[test]
fn a_comment_gives_a_command_when_it_is_made() {
    let text = text();
    let comments = examples(&text);
    let comment = comments.iter().find(|example| example.event == "issue_comment").unwrap();
    let mut body: serde_json::Value = serde_json::from_str(comment.body.get()).unwrap();
    let mut command = |action: &str, text: &str| {
        body["action"] = action.into();
        body["comment"]["body"] = text.into();
        let event = decode("issue_comment", "1", body.to_string().as_bytes()).unwrap();
        let view = super::IssueComment::of(&event).unwrap();
        view.command().map(|(name, rest)| format!("{name}|{rest}"))
    };
    for (text, wanted) in [
        ("/deploy staging", Some("deploy|staging")),
        ("Fine.\r\n/roll-back  v1.2 now \r\nthanks", Some("roll-back|v1.2 now")),
        ("/approve", Some("approve|")),
        ("> /deploy", None),
        (" /deploy", None),
        ("/etc/hosts is wrong", None),
        ("//deploy", None),
        ("/ deploy", None),
        ("/2fa", None),
        ("", None),
    ] {
        assert_eq!(command("created", text).as_deref(), wanted, "{text:?}");
        assert_eq!(command("edited", text), None, "{text:?}");
    }
}
