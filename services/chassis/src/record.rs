//! Records in the store are JSON with a version: what an older program wrote is read, what a newer one wrote is refused.

use events::json;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why a record cannot be read.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// Written by a later Signalbox.
    #[error("it has version {found}, this program reads version {ours}: was it written by a newer one?")]
    Version {
        /// The version in the record.
        found: u32,
        /// The one that is read.
        ours: u32,
    },
    /// No JSON, or other JSON.
    #[error("it is not what this program writes")]
    Shape(#[from] serde_json::Error),
    /// An event in it is none.
    #[error("an event that waits in it cannot be read")]
    Event(#[from] json::DecodeError),
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Reads a record that has the member `version`, which is looked at before anything else.
///
/// # Errors
/// When it has another version, or is no such record.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], ours: u32) -> Result<T, Unreadable> {
    let Versioned { version: found } = serde_json::from_slice(bytes)?;
    if found == ours { Ok(serde_json::from_slice(bytes)?) } else { Err(Unreadable::Version { found, ours }) }
}
