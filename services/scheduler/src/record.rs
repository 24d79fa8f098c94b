//! What is kept about a schedule: up to which nominal time everything is decided, and the tick that is still to be
//! published.
//!
//! The tick is kept *with* the time, in one write, before it is published, and taken out after. So after a crash at any
//! instant the same event is published (the bus drops it if it has it), and a tick that was decided is never left out.

use chassis::record::{self, Unreadable};
use chrono::{DateTime, Utc};
use events::{Envelope, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the format in the store.
const VERSION: u32 = 1;

/// What is kept about a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which schedule this is the record of: after a change of it, the past does not count.
    pub identity: String,
    /// Everything up to this time is decided.
    pub through: DateTime<Utc>,
    /// The nominal time of the last tick.
    pub last: Option<DateTime<Utc>>,
    /// How many ticks were left out since.
    pub missed: u32,
    /// What is still to be published.
    pub unpublished: Option<Envelope>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    version: u32,
    identity: String,
    through: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<DateTime<Utc>>,
    #[serde(default)]
    missed: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unpublished: Option<Value>,
}

impl Record {
    /// The bytes in the store.
    pub fn encode(&self) -> Vec<u8> {
        let Self { identity, through, last, missed, unpublished } = self.clone();
        let unpublished = unpublished.as_ref().map(json::to_value);
        let written = Written { version: VERSION, identity, through, last, missed, unpublished };
        serde_json::to_vec(&written).expect("a record is plain data with string keys")
    }

    /// Reads the bytes in the store.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let Written { version: _, identity, through, last, missed, unpublished } =
            record::decode(bytes, VERSION)?;
        let unpublished = unpublished.as_ref().map(json::from_value).transpose()?;
        Ok(Self { identity, through, last, missed, unpublished })
    }
}
