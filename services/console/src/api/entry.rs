//! An event with its place in the log.

use chassis::{Position, Recorded};
use chrono::{DateTime, Utc};
use events::Envelope;
use events::json::DecodeError;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::line;
use crate::render::row::Row;
use crate::render::{RenderOptions, Times, Tone};
use crate::summary::Summary;

/// An event with its place in the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Its place.
    pub position: Position,
    /// When the bus took it.
    pub recorded: DateTime<Utc>,
    /// The event in the JSON event format of CloudEvents, its JSON body as the text that it came in, on one
    /// line; absent when the
    /// message in the log is no event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Box<RawValue>>,
    /// Why it is no event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<Unreadable>,
    /// What is missing here: a large body that is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A message in the log that is no event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// Where it stood.
    pub subject: String,
    /// Why it cannot be read.
    pub reason: String,
    /// How many bytes it has.
    pub bytes: usize,
}

impl From<&Recorded> for Entry {
    fn from(Recorded { position, recorded, event }: &Recorded) -> Self {
        let (event, unreadable) = match event {
            Ok(event) => (Some(raw(event)), None),
            Err(message) => {
                let (subject, reason) = (message.subject.clone(), message.reason.clone());
                (None, Some(Unreadable { subject, reason, bytes: message.payload.len() }))
            }
        };
        Self { position: *position, recorded: *recorded, event, unreadable, note: None }
    }
}

fn raw(event: &Envelope) -> Box<RawValue> {
    let text = String::from_utf8(events::json::encode(event)).expect("JSON is UTF-8");
    // An entry is a line of a stream. A line break in JSON is never part of a string, so nothing is changed by this.
    let text = text.replace(['\n', '\r'], " ");
    RawValue::from_string(text).expect("the JSON format of an event is JSON")
}

impl Entry {
    /// The event; `None` when the message in the log is none.
    pub fn envelope(&self) -> Option<Result<Envelope, DecodeError>> {
        self.event.as_ref().map(|event| events::json::decode(event.get().as_bytes()))
    }

    /// The event in the JSON event format, or why there is none.
    pub fn json(&self) -> &str {
        self.event.as_ref().map_or("null", |event| event.get())
    }

    /// The event on one line, as a list or a tail shows it.
    pub fn line(&self, options: RenderOptions) -> String {
        let time = match options.times {
            Times::Offset | Times::Absolute => {
                let time = self.recorded.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
                options.paint(Tone::Quiet, &time) + "  "
            }
            Times::None => String::new(),
        };
        let row = match self.envelope() {
            Some(Ok(event)) => Row {
                id: event.id(),
                ty: event.ty(),
                subject: event.subject(),
                summary: &Summary::of(&event),
                focus: false,
            }
            .render(options),
            Some(Err(error)) => options.paint(Tone::Bad, &format!("cannot be read: {error}")),
            None => {
                let reason = self.unreadable.as_ref().map(|message| line::of(&message.reason, 160));
                options.paint(
                    Tone::Bad,
                    &format!("no event at position {}: {}", self.position, reason.unwrap_or_default()),
                )
            }
        };
        time + &row
    }
}
