//! What is kept about an object: how it stood when something was announced last, and the events that are still to
//! be published.
//!
//! The events are kept *with* the state that they announce, in one write, before they are published, and taken out
//! after. So after a crash at any instant the same events, with the same ids and bodies, are published (the bus drops
//! those that it has), and only then is the world looked at again. To keep the state alone would not do: published
//! first, a change that is undone before the restart would stay announced for ever; published after, it could be lost.

use chassis::record::{self, Unreadable};
use chrono::{DateTime, Utc};
use events::{Envelope, json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::announce::Place;

/// Version of the format in the store.
const VERSION: u32 = 1;

/// What is kept about an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Record<S> {
    /// When it was seen for the first time.
    pub first_seen: DateTime<Utc>,
    /// How often the state has changed, from 1.
    pub sequence: u64,
    /// How it stood.
    pub seen: S,
    /// The object is gone, or nothing is worth keeping of it: the record goes when its events are published.
    pub gone: bool,
    /// What is still to be published, in this order.
    pub unpublished: Vec<Envelope>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written<S> {
    version: u32,
    first_seen: DateTime<Utc>,
    sequence: u64,
    seen: S,
    #[serde(default)]
    gone: bool,
    #[serde(default)]
    unpublished: Vec<Value>,
}

impl<S: Serialize + DeserializeOwned + Clone> Record<S> {
    /// Where in the story of its object what happens next to it is.
    pub fn next(before: Option<&Self>, now: DateTime<Utc>) -> Place {
        Place {
            first_seen: before.map_or(now, |before| before.first_seen),
            sequence: before.map_or(0, |before| before.sequence) + 1,
        }
    }

    /// The bytes in the store.
    pub fn encode(&self) -> Vec<u8> {
        let Self { first_seen, sequence, seen, gone, unpublished } = self.clone();
        let unpublished = unpublished.iter().map(json::to_value).collect();
        let written = Written { version: VERSION, first_seen, sequence, seen, gone, unpublished };
        serde_json::to_vec(&written).expect("a record is plain data with string keys")
    }

    /// Reads the bytes in the store.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let Written { version: _, first_seen, sequence, seen, gone, unpublished } =
            record::decode::<Written<S>>(bytes, VERSION)?;
        let unpublished = unpublished.iter().map(json::from_value).collect::<Result<_, _>>()?;
        Ok(Self { first_seen, sequence, seen, gone, unpublished })
    }
}
