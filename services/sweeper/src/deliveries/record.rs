//! What is kept about the deliveries of a webhook.
//!
//! What was looked at and what is still to be announced are one write, so that after a crash at any instant the same is
//! announced, and nothing is passed over.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use chrono::{DateTime, Utc};
use events::{Envelope, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the format in the store.
const VERSION: u32 = 1;

/// What is kept about the deliveries of a webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which webhook this is the record of: of another one, the past does not count.
    pub hook: String,
    /// Whether GitHub has answered once: what was before is not missed.
    pub looked: bool,
    /// Every delivery up to this time, by GitHub's clock, is looked at.
    pub through: DateTime<Utc>,
    /// Those shortly before that time that were dealt with: the GUID, and its last attempt.
    pub settled: BTreeMap<String, DateTime<Utc>>,
    /// Those that are being fetched: what the bus has of them after a crash, it has from here.
    pub begun: BTreeSet<String>,
    /// Those that could not be fetched, and are to be delivered again.
    pub open: Vec<Open>,
    /// Why the webhook cannot be asked, if that was said.
    pub failed: Option<String>,
    /// How many announcements were made of this Source.
    pub said: u64,
    /// What is still to be published.
    pub unpublished: Vec<Envelope>,
}

/// A delivery that could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Open {
    /// What all its attempts share.
    pub guid: String,
    /// The attempt that is to be made again.
    pub delivery: u64,
    /// The type of its event.
    pub event_type: String,
    /// When it was delivered first.
    pub at: DateTime<Utc>,
    /// When it was delivered last.
    pub last: DateTime<Utc>,
    /// How often another attempt was asked for.
    pub asked: u32,
    /// When, for the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<DateTime<Utc>>,
    /// Why it could not be fetched.
    pub reason: String,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    version: u32,
    hook: String,
    looked: bool,
    through: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    settled: BTreeMap<String, DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    begun: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    open: Vec<Open>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    said: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unpublished: Vec<Value>,
}

impl Record {
    /// Of a webhook that was never looked at.
    pub fn begin(hook: String, through: DateTime<Utc>) -> Self {
        Self {
            hook,
            looked: false,
            through,
            settled: BTreeMap::new(),
            begun: BTreeSet::new(),
            open: Vec::new(),
            failed: None,
            said: 0,
            unpublished: Vec::new(),
        }
    }

    /// The bytes in the store.
    pub fn encode(&self) -> Vec<u8> {
        let Self { hook, looked, through, settled, begun, open, failed, said, unpublished } = self.clone();
        let unpublished = unpublished.iter().map(json::to_value).collect();
        let written = Written {
            version: VERSION,
            hook,
            looked,
            through,
            settled,
            begun,
            open,
            failed,
            said,
            unpublished,
        };
        serde_json::to_vec(&written).expect("a record is plain data with string keys")
    }

    /// Reads the bytes in the store.
    pub fn decode(bytes: &[u8]) -> anyhow::Result<Self> {
        let Versioned { version } = serde_json::from_slice(bytes)?;
        if version != VERSION {
            bail!(
                "it has version {version}, this program reads version {VERSION}: was it written by a newer one?"
            );
        }
        let Written { version: _, hook, looked, through, settled, begun, open, failed, said, unpublished } =
            serde_json::from_slice(bytes)?;
        let unpublished = unpublished.iter().map(json::from_value).collect::<Result<_, _>>()?;
        Ok(Self { hook, looked, through, settled, begun, open, failed, said, unpublished })
    }
}
