//! Dead letters: what a handler gave up on, kept with its reason, its attempts and its bytes.

mod redrive;
mod survey;

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use events::payload::dead_letter;
use events::{Announcement, Envelope, Kind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::attempts::Failed;
use crate::bus::{Position, PublishError, Undecodable};
use crate::store::{Bucket, Expect, Store, StoreError};

pub(crate) use redrive::unmarked;
pub use survey::{Damaged, Survey};

/// A message that takes more than this in a record is kept beside it, as a large body: with what base64 adds, a message
/// that the bus had could be too large for a record.
const LARGE: usize = 64 * 1024;

/// Version of the record.
const VERSION: u8 = 1;

/// What a handler gave up on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Version of this record.
    pub v: u8,
    /// Names it: the same event and handler always have the same.
    pub id: String,
    /// Who gave up.
    pub handler: String,
    /// The event in the JSON event format; absent when it could not be decoded.
    pub event: Option<serde_json::Value>,
    /// The message, when it could not be decoded.
    pub message: Option<Message>,
    /// The large body that holds the message, when it is too large for the record. [`DeadLetters::get`] reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_beside: Option<String>,
    /// The error and its causes, outermost first.
    pub reasons: Vec<String>,
    /// How many attempts were made.
    pub attempts: u32,
    /// Where the event stands in the log.
    pub position: Position,
    /// When it was given up.
    pub died_at: DateTime<Utc>,
    /// The attempts that failed, oldest first, as far as they are known.
    #[serde(default)]
    pub failures: Vec<Failed>,
    /// When the event was tried first, also in lives before this one: a letter that was driven again and died once more.
    /// Absent in one that an older version kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_tried: Option<DateTime<Utc>>,
}

/// A handler gives up.
#[derive(Debug, Clone)]
pub struct Death<'a> {
    /// Who.
    pub handler: &'a str,
    /// On what.
    pub event: Result<&'a Envelope, &'a Undecodable>,
    /// Where the delivery stands in the log.
    pub position: Position,
    /// The error and its causes, outermost first.
    pub reasons: Vec<String>,
    /// How many attempts were made.
    pub attempts: u32,
    /// The attempts that failed, oldest first.
    pub failures: Vec<Failed>,
    /// When it was tried first in an earlier life, if it had one.
    pub first_tried: Option<DateTime<Utc>>,
    /// When.
    pub now: DateTime<Utc>,
}

/// A message that is no event, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Where it stood.
    pub subject: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its bytes, base64.
    pub payload_base64: String,
}

/// Why something could not be done with a dead letter.
#[derive(Debug, Error)]
pub enum DeadError {
    /// Nobody would hear it.
    #[error(
        "there is no handler `{handler}` any more to take dead letter {id}: there is {known}; drop it, or replay its event"
    )]
    NoHandler {
        /// Which.
        id: String,
        /// Who gave up.
        handler: String,
        /// The handlers there are.
        known: String,
    },
    /// It is not the one that was looked at.
    #[error("dead letter {0} has died again since it was looked at: look at it, and do it again")]
    Changed(String),
    /// There is none of that id.
    #[error("there is no dead letter {0}")]
    Unknown(String),
    /// It holds no event that could be delivered.
    #[error("dead letter {0} could not be decoded, so it cannot be driven again: show it, and drop it")]
    Undecodable(String),
    /// It is too old: what was done may be forgotten.
    #[error(
        "dead letter {id} was tried first at {first_tried}, more than {} days ago: the ledger may have forgotten what was \
         done then, so driving it again could do it twice. Look whether its effect happened: if so, drop it; if not, \
         force it",
        crate::ledger::SURE.as_secs() / 86_400
    )]
    Forgotten {
        /// Which.
        id: String,
        /// When the handler tried its event first.
        first_tried: DateTime<Utc>,
    },
    /// The record is damaged.
    #[error("dead letter {id} cannot be read")]
    Broken {
        /// Which.
        id: String,
        /// Why.
        #[source]
        source: anyhow::Error,
    },
    /// The store failed.
    #[error("the dead letters cannot be reached")]
    Store(#[from] StoreError),
    /// The bus failed.
    #[error("the bus did not take the event")]
    Bus(#[from] PublishError),
}

/// The dead letters, on a store.
#[derive(Clone)]
pub struct DeadLetters {
    store: Arc<dyn Store>,
}

impl DeadLetters {
    /// The dead letters on this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Keeps a dead letter. One of the same event and handler (a second death, after a redrive) takes its place; the
    /// same death told twice is one.
    pub async fn bury(&self, death: Death<'_>) -> Result<DeadLetter, StoreError> {
        let Death { handler, event, position, reasons, attempts, failures, first_tried, now } = death;
        let id = match event {
            Ok(event) => id(handler, crate::ledger::identity(event).as_bytes()),
            Err(message) => id(handler, &[&position.0.to_le_bytes()[..], &message.payload].concat()),
        };
        let before = match self.find(&id).await {
            // A crash came between this and the end of the delivery.
            Ok((letter, _)) if letter.position == position => return Ok(letter),
            // It is driven again at this moment.
            Ok((letter, _)) => Some(letter.first_tried()),
            Err(DeadError::Unknown(_) | DeadError::Broken { .. }) => None,
            Err(DeadError::Store(error)) => return Err(error),
            Err(
                error @ (DeadError::Undecodable(_)
                | DeadError::NoHandler { .. }
                | DeadError::Changed(_)
                | DeadError::Forgotten { .. }
                | DeadError::Bus(_)),
            ) => {
                return Err(StoreError::unavailable(error));
            }
        };
        let (message, message_beside) = match event {
            Ok(_) => (None, None),
            Err(message) => self.keep(message).await?,
        };
        let mut letter = DeadLetter {
            v: VERSION,
            id,
            handler: handler.to_owned(),
            event: event.ok().map(events::json::to_value),
            message,
            message_beside,
            reasons,
            attempts,
            position,
            died_at: now,
            failures,
            first_tried: first_tried.into_iter().chain(before).min(),
        };
        letter.first_tried = Some(letter.first_tried());
        self.write(&letter).await?;
        Ok(letter)
    }

    /// All dead letters, oldest first; an error if one cannot be read ([`Self::survey`] tells them apart).
    pub async fn list(&self) -> Result<Vec<DeadLetter>, DeadError> {
        let entries = self.store.scan(Bucket::DeadLetters, "").await?;
        let mut letters =
            entries.iter().map(|(id, entry)| parse(id, &entry.value)).collect::<Result<Vec<_>, _>>()?;
        letters.sort_by(|a, b| (a.died_at, &a.id).cmp(&(b.died_at, &b.id)));
        Ok(letters)
    }

    /// One dead letter, with its message.
    pub async fn get(&self, id: &str) -> Result<DeadLetter, DeadError> {
        let (mut letter, _) = self.find(id).await?;
        if let Some(blob) = &letter.message_beside {
            let broken = |source| DeadError::Broken { id: id.to_owned(), source };
            let bytes = self.store.get_blob(blob).await?;
            let bytes =
                bytes.ok_or_else(|| broken(anyhow::anyhow!("its message, the body {blob}, is gone")))?;
            letter.message = serde_json::from_slice(&bytes).map_err(|error| broken(error.into()))?;
        }
        Ok(letter)
    }

    /// The message for the record, or where it is kept beside it.
    async fn keep(&self, message: &Undecodable) -> Result<(Option<Message>, Option<String>), StoreError> {
        let message = Message {
            subject: message.subject.clone(),
            headers: message.headers.clone(),
            payload_base64: BASE64_STANDARD.encode(&message.payload),
        };
        let bytes = serde_json::to_vec(&message).map_err(StoreError::unavailable)?;
        if bytes.len() <= LARGE {
            return Ok((Some(message), None));
        }
        Ok((None, Some(self.store.put_blob(&bytes).await?)))
    }

    async fn find(&self, id: &str) -> Result<(DeadLetter, u64), DeadError> {
        match self.store.get(Bucket::DeadLetters, id).await? {
            Some(entry) => Ok((parse(id, &entry.value)?, entry.revision)),
            None => Err(DeadError::Unknown(id.to_owned())),
        }
    }

    async fn write(&self, letter: &DeadLetter) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(letter).map_err(StoreError::unavailable)?;
        self.store.put(Bucket::DeadLetters, &letter.id, bytes, Expect::Any, None).await.map(|_| ())
    }
}

/// The event that says that a dead letter was born; the same for the same death. `None` for the death of such an event,
/// and at the hop limit: a rule that fails at dead letters must not make more of them for ever.
pub fn born(letter: &DeadLetter, event: Option<&Envelope>, now: DateTime<Utc>) -> Option<Envelope> {
    let created = dead_letter::Created {
        id: letter.id.clone(),
        handler: letter.handler.clone(),
        reasons: letter.reasons.clone(),
        attempts: letter.attempts,
        position: letter.position.0,
        event_id: event.map(|event| event.id().to_owned()),
        event_source: event.map(|event| event.source().to_owned()),
        event_type: event.map(|event| event.ty().to_owned()),
    };
    let announcement =
        Announcement::of(&created).subject(&letter.handler).partition_key(letter.handler.as_str());
    let step = format!("dead-letter/{}", letter.position);
    match event {
        Some(event) if event.ty() == Kind::DeadLetterCreated.name() => None,
        Some(event) => events::derive(event, &letter.handler, &step, &announcement, now).ok(),
        None => {
            // What could not be decoded is nobody's child.
            let id = format!("{}/{step}", letter.id);
            let root = Envelope::builder(
                id,
                format!("/signalbox/{}", letter.handler),
                Kind::DeadLetterCreated.name(),
            );
            let root = root.time(now).json(&announcement.data).subject(&letter.handler);
            root.partition_key(letter.handler.as_str()).build().ok()
        }
    }
}

fn parse(id: &str, bytes: &[u8]) -> Result<DeadLetter, DeadError> {
    let broken = |source: anyhow::Error| DeadError::Broken { id: id.to_owned(), source };
    let letter: DeadLetter = serde_json::from_slice(bytes).map_err(|error| broken(error.into()))?;
    if letter.v != VERSION {
        return Err(broken(anyhow::anyhow!(
            "it has version {}, this program reads version {VERSION}",
            letter.v
        )));
    }
    Ok(letter)
}

fn id(handler: &str, identity: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(handler.len().to_le_bytes());
    hasher.update(handler.as_bytes());
    hasher.update(identity);
    // 64 bits: short enough to type, and there are never many dead letters.
    hex::encode(&hasher.finalize()[..8])
}
