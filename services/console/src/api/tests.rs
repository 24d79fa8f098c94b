use chassis::bus::Undecodable;
use chassis::dead::DeadLetter;
use chassis::{Position, Recorded};
use events::{Kind, json};

use super::{DeadSummary, Entry};
use crate::{RenderOptions, Times};

const BARE: RenderOptions = RenderOptions { ids: false, times: Times::None, color: false, ascii: true };

fn recorded() -> Recorded {
    Recorded {
        position: Position(7),
        recorded: "2026-09-01T10:00:00.5Z".parse().expect("a time"),
        event: Ok(json::decode(Kind::DeploySucceeded.sample().as_bytes()).expect("a sample is an event")),
    }
}

#[test]
fn an_event_on_one_line_is_what_a_story_shows_of_it() {
    let entry = Entry::from(&recorded());
    let row = "deploy succeeded (io.signalbox.deploy.succeeded.v1) shop/dev: \
               shop -> dev: image 4c1f9a0, 2 pods of application shop-dev => commit";
    assert_eq!(entry.line(BARE), row);
    let whole = entry.line(RenderOptions::default());
    assert!(whole.starts_with(&format!("2026-09-01T10:00:00.500Z  {row} 1d7e3b9 [")), "{whole}");
}

#[test]
fn an_entry_is_read_as_it_was_written() {
    let entry = Entry::from(&recorded());
    let text = serde_json::to_string(&entry).expect("it can be written");
    assert!(!text.contains('\n'), "an entry is one line");
    let read: Entry = serde_json::from_str(&text).expect("it can be read");
    assert_eq!((read.position, read.recorded), (entry.position, entry.recorded));
    let (read, kept) =
        (read.envelope().expect("an event").expect("it can be read"), recorded().event.expect("an event"));
    assert_eq!(json::to_value(&read), json::to_value(&kept));
}

#[test]
fn a_message_that_is_no_event_says_why() {
    let message = Undecodable {
        subject: "signalbox.events.x".to_owned(),
        headers: Vec::new(),
        payload: b"???".to_vec(),
        reason: "no \u{1b}ce-id".to_owned(),
    };
    let entry = Entry::from(&Recorded { event: Err(message), ..recorded() });
    assert!(entry.envelope().is_none());
    assert_eq!(entry.json(), "null");
    assert_eq!(entry.line(BARE), "no event at position 7: no ce-id");
    let text = serde_json::to_string(&entry).expect("it can be written");
    assert!(text.contains(r#""bytes":3"#) && !text.contains(r#""event""#), "{text}");
}

#[test]
fn a_dead_letter_on_one_line_says_who_gave_up_on_what_and_why() {
    let mut letter = DeadLetter {
        v: 1,
        id: "0123456789abcdef".to_owned(),
        handler: "deployer".to_owned(),
        event: recorded().event.ok().as_ref().map(json::to_value),
        message: None,
        message_beside: None,
        reasons: vec!["given up after 2 attempts".to_owned(), "no\nanswer".to_owned()],
        attempts: 2,
        position: Position(7),
        failures: Vec::new(),
        first_tried: None,
        died_at: "2026-09-01T10:00:00Z".parse().expect("a time"),
    };
    let line = "deployer gave up on io.signalbox.deploy.succeeded.v1 shop/dev after 2 attempts: no answer";
    assert_eq!(DeadSummary::from(&letter).line(BARE), line);
    let whole = DeadSummary::from(&letter).line(RenderOptions::default());
    assert!(whole.starts_with("2026-09-01T10:00:00.000Z  0123456789abcdef  deployer gave up on "), "{whole}");
    letter.event = None;
    letter.attempts = 1;
    let line = "deployer gave up on a message that is no event, at position 7 after 1 attempt: no answer";
    assert_eq!(DeadSummary::from(&letter).line(BARE), line);
}
