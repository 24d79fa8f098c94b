//! An event on disk: the message of the NATS binding with the time at which the bus took it.
//!
//! `recorded: i64 milliseconds since 1970, little-endian | length of the head: u32 little-endian | head: JSON | payload`,
//! all in a [`crate::frame`]. The head is `{"subject": …, "headers": [[name, value], …]}`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::log::entry;
use crate::bus::{Position, Recorded, Undecodable};
use crate::frame;

/// An event on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When the bus took it.
    pub recorded: DateTime<Utc>,
    /// The message.
    pub message: events::nats::Message,
}

/// What the log has at a place, as it is on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// The place.
    pub position: u64,
    /// The bytes between this record and the next.
    pub bytes: Vec<u8>,
}

impl Raw {
    /// A record that holds these framed bytes, as the log writes it.
    pub fn of(position: u64, framed: &[u8]) -> Self {
        let body = u32::try_from(framed.len()).expect("a record is far smaller than 4 GiB");
        let head = entry::Head { body, position, id: entry::Id::default() };
        Self { position, bytes: [&head.encode()[..], framed].concat() }
    }

    /// The framed event, or what is wrong.
    pub fn framed(&self) -> Result<&[u8], String> {
        entry::body(&self.bytes, self.position).map_err(str::to_owned)
    }

    /// The event, or what is wrong.
    pub fn decode(&self) -> Result<Record, String> {
        decode(self.framed()?)
    }
}

#[derive(Serialize, Deserialize)]
struct Head {
    subject: String,
    headers: Vec<(String, String)>,
}

/// The framed bytes of a message.
pub fn encode(recorded: DateTime<Utc>, message: events::nats::Message) -> Vec<u8> {
    let events::nats::Message { subject, headers, payload } = message;
    let head = serde_json::to_vec(&Head { subject, headers }).expect("strings serialise");
    let head_bytes = u32::try_from(head.len()).expect("attributes are limited to far less than 4 GiB");
    let mut body = Vec::with_capacity(12 + head.len() + payload.len());
    body.extend_from_slice(&recorded.timestamp_millis().to_le_bytes());
    body.extend_from_slice(&head_bytes.to_le_bytes());
    body.extend_from_slice(&head);
    body.extend_from_slice(&payload);
    frame::wrap(&body)
}

/// The message of framed bytes, or why it cannot be read.
pub fn decode(framed: &[u8]) -> Result<Record, String> {
    let body = frame::unwrap(framed).map_err(|error| error.to_string())?;
    let torn = || "the record is shorter than it says".to_owned();
    let (millis, rest) = body.split_first_chunk::<8>().ok_or_else(torn)?;
    let (head_bytes, rest) = rest.split_first_chunk::<4>().ok_or_else(torn)?;
    let head_bytes = usize::try_from(u32::from_le_bytes(*head_bytes)).map_err(|error| error.to_string())?;
    let (head, payload) = rest.split_at_checked(head_bytes).ok_or_else(torn)?;
    let Head { subject, headers } = serde_json::from_slice(head).map_err(|error| error.to_string())?;
    let recorded =
        DateTime::from_timestamp_millis(i64::from_le_bytes(*millis)).ok_or("its time is out of range")?;
    Ok(Record { recorded, message: events::nats::Message { subject, headers, payload: payload.to_vec() } })
}

/// When the bus took the event of framed bytes, in milliseconds since 1970; fails when the bytes are damaged.
pub fn time(framed: &[u8]) -> Result<i64, String> {
    let body = frame::unwrap(framed).map_err(|error| error.to_string())?;
    let millis = body.first_chunk::<8>().ok_or("the record is shorter than it says")?;
    Ok(i64::from_le_bytes(*millis))
}

/// The event of a record; one that cannot be read keeps its bytes.
pub fn recorded(raw: &Raw) -> (String, Recorded) {
    let position = Position(raw.position);
    match raw.decode() {
        Ok(Record { recorded, message }) => {
            let headers = message.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let event = events::nats::decode(headers, &message.payload).map_err(|error| Undecodable {
                subject: message.subject.clone(),
                headers: message.headers.clone(),
                payload: message.payload.clone(),
                reason: format!("{:#}", anyhow::Error::new(error)),
            });
            (message.subject, Recorded { position, recorded, event })
        }
        Err(reason) => {
            let payload = raw.framed().map_or_else(|_| raw.bytes.clone(), <[u8]>::to_vec);
            let undecodable = Undecodable { subject: String::new(), headers: Vec::new(), payload, reason };
            (String::new(), Recorded { position, recorded: DateTime::UNIX_EPOCH, event: Err(undecodable) })
        }
    }
}
