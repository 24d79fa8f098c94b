//! What is kept about the alerts of an Alertmanager. Written with what is still to be published, in one write.

use std::collections::BTreeMap;

use anyhow::bail;
use chassis::Position;
use chrono::{DateTime, Utc};
use events::{Envelope, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Version of the format in the store.
const VERSION: u32 = 1;

/// What is kept about the alerts of an Alertmanager.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which Alertmanager and receiver this is the record of: of another one, the past does not count.
    pub identity: String,
    /// How far the log is read.
    pub position: Position,
    /// How Alertmanager calls itself, by its last notification.
    pub external_url: Option<String>,
    /// The alerts that fire by what the bus has, by their fingerprints.
    pub firing: BTreeMap<String, Firing>,
    /// When alerts were last left out of a notification, as far as the log says.
    pub left_out: Option<DateTime<Utc>>,
    /// Why it cannot be asked, if that was said.
    pub failed: Option<String>,
    /// How many announcements were made of this Source.
    pub said: u64,
    /// What is still to be published.
    pub unpublished: Vec<Envelope>,
}

/// An alert that fires by what the bus has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Firing {
    /// Since when.
    pub starts_at: DateTime<Utc>,
    /// Where its event stands in the log.
    pub position: Position,
    /// Since when Alertmanager does not list it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    version: u32,
    identity: String,
    position: Position,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external_url: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    firing: BTreeMap<String, Firing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_out: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    said: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unpublished: Vec<Value>,
}

impl Record {
    /// Of an Alertmanager that was never asked. The log is read from there on.
    pub fn begin(identity: String, position: Position) -> Self {
        Self {
            identity,
            position,
            external_url: None,
            firing: BTreeMap::new(),
            left_out: None,
            failed: None,
            said: 0,
            unpublished: Vec::new(),
        }
    }

    /// The bytes in the store.
    pub fn encode(&self) -> Vec<u8> {
        let Self { identity, position, external_url, firing, left_out, failed, said, unpublished } =
            self.clone();
        let unpublished = unpublished.iter().map(json::to_value).collect();
        let written = Written {
            version: VERSION,
            identity,
            position,
            external_url,
            firing,
            left_out,
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
        let Written {
            version: _,
            identity,
            position,
            external_url,
            firing,
            left_out,
            failed,
            said,
            unpublished,
        } = serde_json::from_slice(bytes)?;
        let unpublished = unpublished.iter().map(json::from_value).collect::<Result<_, _>>()?;
        Ok(Self { identity, position, external_url, firing, left_out, failed, said, unpublished })
    }
}
