//! What a commit says of its reason.

use std::fmt::Write as _;

use events::Envelope;
use events::payload::deploy::Image;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::plan::Plan;

/// What would make a trailer ambiguous: a value is one word on one line.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// The trailers that tie a commit to its event. The first two identify it: an id is unique within its source alone.
pub fn trailers(event: &Envelope) -> [(&'static str, String); 3] {
    let word = |value: &str| utf8_percent_encode(value, UNSAFE).to_string();
    [
        ("Signalbox-Event", word(event.id())),
        ("Signalbox-Source", word(event.source())),
        ("Signalbox-Correlation", word(&event.correlation_id())),
    ]
}

/// The message of the commit for `event`.
pub fn message(plan: &Plan, event: &Envelope, previous: Option<&Image>) -> String {
    let Plan { app, image_name: _, environment, wanted, automation } = plan;
    let mut message = format!("{app}: deploy {} to {}\n\n", wanted.image(), environment.name);
    let mut because = Vec::new();
    if let Some(automation) = automation {
        because.push(format!("Asked for by the automation {}.", one_line(automation)));
    }
    if let Some(previous) = previous {
        because.push(format!("Before: {}.", one_line(&previous.to_string())));
    }
    if !because.is_empty() {
        let _ = write!(message, "{}\n\n", because.join("\n"));
    }
    for (name, value) in trailers(event) {
        let _ = writeln!(message, "{name}: {value}");
    }
    message
}

/// What comes from a file or a request stays on its line.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
