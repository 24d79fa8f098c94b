//! Dead letters, in short.

use chassis::Position;
use chassis::dead::{Damaged, DeadLetter};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::line;
use crate::render::{RenderOptions, Times, Tone};

/// `GET /api/v1/dead`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadPage {
    /// Oldest first.
    pub dead_letters: Vec<DeadSummary>,
    /// Those whose record cannot be read, whatever is wanted; on the first page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<DamagedLetter>,
    /// How many there are that are wanted.
    pub total: usize,
    /// When this was looked up: what dies later is not among them.
    pub as_of: DateTime<Utc>,
    /// The address of the next page; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A dead letter whose record cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamagedLetter {
    /// Names it: it can be dropped.
    pub id: String,
    /// Why it cannot be read.
    pub reason: String,
}

impl From<Damaged> for DamagedLetter {
    fn from(Damaged { id, reason }: Damaged) -> Self {
        Self { id, reason }
    }
}

/// `POST /api/v1/dead/redrive` and `/drop`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadBulk {
    /// Those that were driven again, or dropped.
    pub settled: Vec<DeadSummary>,
    /// Those that could not be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<Unsettled>,
    /// The address to `POST` to for the rest; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A dead letter that could not be driven again, or not be dropped with others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsettled {
    /// Names it.
    pub id: String,
    /// Why.
    pub error: String,
}

impl From<Damaged> for Unsettled {
    fn from(Damaged { id, reason }: Damaged) -> Self {
        Self { id, error: format!("{reason}: drop it by its id") }
    }
}

/// A dead letter without its event's body; `GET /api/v1/dead/{id}` has all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadSummary {
    /// Names it.
    pub id: String,
    /// Who gave up.
    pub handler: String,
    /// On which event; absent when it could not be decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<DeadEvent>,
    /// The error and its causes, outermost first.
    pub reasons: Vec<String>,
    /// How many attempts were made.
    pub attempts: u32,
    /// Where the event stands in the log.
    pub position: Position,
    /// When it was given up.
    pub died_at: DateTime<Utc>,
}

/// The event of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadEvent {
    /// Its id.
    pub id: String,
    /// Where it happened.
    pub source: String,
    /// Its type.
    pub r#type: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

impl From<&DeadLetter> for DeadSummary {
    fn from(letter: &DeadLetter) -> Self {
        let event = letter.event.as_ref().map(|event| {
            let text = |name: &str| event.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
            let required = |name| text(name).unwrap_or_default();
            DeadEvent {
                id: required("id"),
                source: required("source"),
                r#type: required("type"),
                subject: text("subject"),
            }
        });
        Self {
            id: letter.id.clone(),
            handler: letter.handler.clone(),
            event,
            reasons: letter.reasons.clone(),
            attempts: letter.attempts,
            position: letter.position,
            died_at: letter.died_at,
        }
    }
}

impl DamagedLetter {
    /// On one line, as a list shows it.
    pub fn line(&self, options: RenderOptions) -> String {
        let Self { id, reason } = self;
        format!(
            "{}  {}",
            options.paint(Tone::Strong, &line::of(id, 80)),
            options.paint(Tone::Bad, &line::of(&format!("damaged: {reason}"), 240))
        )
    }
}

impl DeadSummary {
    /// What is known of a damaged one.
    pub(crate) fn unknown(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            handler: String::new(),
            event: None,
            reasons: Vec::new(),
            attempts: 0,
            position: Position(0),
            died_at: DateTime::UNIX_EPOCH,
        }
    }

    /// The dead letter on one line, as a list shows it.
    pub fn line(&self, options: RenderOptions) -> String {
        let Self { id, handler, event, reasons, attempts, position, died_at } = self;
        let time = match options.times {
            Times::Offset | Times::Absolute => {
                options.paint(Tone::Quiet, &died_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
                    + "  "
            }
            Times::None => String::new(),
        };
        let what = match event {
            Some(DeadEvent { id, r#type, subject, source: _ }) => {
                let subject = subject.as_ref().map(|subject| format!(" {subject}")).unwrap_or_default();
                let id = if options.ids { format!(" [{id}]") } else { String::new() };
                line::of(&format!("{type}{subject}{id}"), 240)
            }
            None => format!("a message that is no event, at position {position}"),
        };
        let name = if options.ids { format!("{}  ", options.paint(Tone::Strong, id)) } else { String::new() };
        let plural = if *attempts == 1 { "" } else { "s" };
        let why = line::of(&line::reasons(reasons), 240);
        format!(
            "{time}{name}{handler} gave up on {what} after {attempts} attempt{plural}: {}",
            options.paint(Tone::Bad, &why)
        )
    }
}
