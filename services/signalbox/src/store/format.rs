//! The format of an export, version 1: JSON Lines in UTF-8, one object a line, each with one member that says what it is.
//!
//! ```text
//! {"archive":{"version":1,"program":"0.1.0","made":"2026-11-24T10:00:00Z"}}
//! {"blob":{"name":"sha256:…","part":1,"of":2,"bytes":"…"}}          a large body, in parts of 512 KiB
//! {"message":{"position":1,"recorded":"…","subject":"…","headers":[["ce-id","…"],…],"payload":"…"}}
//! {"damaged":{"position":2,"recorded":"…","reason":"…","bytes":"…"}}  what is left of a message
//! {"id":{"hash":"…","position":1,"seen":"…"}}                        what would be a duplicate
//! {"state":{"bucket":"ledger","key":"…","value":"…","expires":null}}
//! {"cursor":{"name":"deployer","floor":1,"settled":[3,4]}}           where a handler stands
//! {"end":{"counts":{…},"sha256":"…"}}
//! ```
//!
//! `bytes`, `payload` and `value` are base64. The kinds of lines stand in this order, messages by their position. The last
//! line counts the others and has the SHA-256 of all that stands before it, line ends included; without it, or with
//! anything after it, a file is not whole. Leases are left out: they are about processes. A reader refuses a version that
//! it does not know; a member that it does not know is an error too, because it may mean something.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chassis::Position;
use chassis::archive::{Cursor, KnownId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Version of the format.
pub const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Line {
    Archive(Head),
    Blob(Blob),
    Message(Message),
    Damaged(Damaged),
    Id(KnownId),
    State(State),
    Cursor(Cursor),
    End(End),
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    pub version: u32,
    /// The version of the program that wrote it.
    pub program: String,
    pub made: DateTime<Utc>,
}

/// A part of a large body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    pub name: String,
    /// From 1.
    pub part: u32,
    pub of: u32,
    pub bytes: Bytes,
}

/// A message of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    pub position: Position,
    pub recorded: DateTime<Utc>,
    pub subject: String,
    pub headers: Vec<(String, String)>,
    pub payload: Bytes,
}

/// What is left of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Damaged {
    pub position: Position,
    pub recorded: DateTime<Utc>,
    pub reason: String,
    pub bytes: Bytes,
}

/// An entry of the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    pub bucket: String,
    pub key: String,
    pub value: Bytes,
    pub expires: Option<DateTime<Utc>>,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    pub counts: Counts,
    /// Of all bytes before this line.
    pub sha256: String,
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Large bodies, each once.
    pub blobs: u64,
    pub messages: u64,
    pub damaged: u64,
    pub ids: u64,
    pub state: u64,
    pub cursors: u64,
}

impl Counts {
    /// Counts a line.
    pub fn add(&mut self, line: &Line) {
        match line {
            Line::Archive(_) | Line::End(_) => {}
            Line::Blob(blob) => self.blobs += u64::from(blob.part == blob.of),
            Line::Message(_) => self.messages += 1,
            Line::Damaged(_) => self.damaged += 1,
            Line::Id(_) => self.ids += 1,
            Line::State(_) => self.state += 1,
            Line::Cursor(_) => self.cursors += 1,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let Self { blobs, messages, damaged, ids, state, cursors } = self;
        let damaged = if *damaged == 0 { String::new() } else { format!(" and {damaged} damaged ones") };
        format!(
            "{messages} messages{damaged}, {blobs} large bodies, {state} entries of the state, {cursors} places of handlers, {ids} known ids"
        )
    }
}

/// Bytes, base64 in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        BASE64_STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}
