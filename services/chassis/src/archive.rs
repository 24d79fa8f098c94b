//! All that a bus keeps, as it is kept: what moves it from one engine to another, and what checks it.
//!
//! Whoever reads or restores an archive has the bus for himself: no service runs on it meanwhile. (An embedded bus is
//! locked by its process; on NATS the services are stopped by hand.)

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::bus::{BusError, Position};
use crate::store::Bucket;

/// A message of the log, as it travels: an event or a redelivery. A large body is a `dataref`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// Its place.
    pub position: Position,
    /// When the bus took it; for a damaged record that does not tell any more, 1970.
    pub recorded: DateTime<Utc>,
    /// The message, or what is left of it.
    pub message: Result<events::nats::Message, Damage>,
}

/// Bytes that are not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// What is wrong with them.
    pub reason: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Where a durable consumer stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Its name: the handler's.
    pub name: String,
    /// Everything up to here is settled or not its concern.
    pub floor: Position,
    /// Settled above the floor, as far as the engine can tell; what it cannot tell is delivered again.
    pub settled: Vec<Position>,
}

/// An entry of the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRecord {
    /// Which part of the state.
    pub bucket: Bucket,
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub value: Vec<u8>,
    /// When it is gone; `None` when it stays.
    pub expires: Option<DateTime<Utc>>,
}

/// An id that the bus would take for a duplicate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownId {
    /// The hash of source and id, or of a redelivery's token, as the engine keeps it: hex of 16 bytes.
    pub hash: String,
    /// Where its event stands.
    pub position: Position,
    /// When it was seen; it is forgotten some time after.
    pub seen: DateTime<Utc>,
}

/// What a check of everything found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Messages that could be read.
    pub messages: u64,
    /// State entries that could be read.
    pub entries: u64,
    /// Large bodies that could be read.
    pub blobs: u64,
    /// What is damaged or missing: one line each, saying what and where.
    pub damage: Vec<String>,
}

/// All that a bus keeps.
#[async_trait]
pub trait Archive: Send + Sync + 'static {
    /// Up to `limit` messages at or after `from`, oldest first, redeliveries and damaged ones included.
    async fn messages(&self, from: Position, limit: usize) -> Result<Vec<RawRecord>, BusError>;

    /// The durable consumers.
    async fn cursors(&self) -> Result<Vec<Cursor>, BusError>;

    /// The live entries of a part of the state whose key is after `after`, up to `limit`, sorted by key.
    async fn state(
        &self,
        bucket: Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StateRecord>, BusError>;

    /// The known ids whose hash is after `after`, up to `limit`, sorted by hash.
    async fn ids(&self, after: Option<&str>, limit: usize) -> Result<Vec<KnownId>, BusError>;

    /// The names of the large bodies ([`crate::Store::get_blob`] has the bytes).
    async fn blobs(&self) -> Result<Vec<String>, BusError>;

    /// Whether nothing was ever published, stored or consumed.
    async fn is_empty(&self) -> Result<bool, BusError>;

    /// Appends the messages, each with the time at which it was recorded first; returns their new places. Nothing is
    /// compared with the known ids. An engine that can keeps the places.
    async fn restore_messages(&self, records: Vec<RawRecord>) -> Result<Vec<Position>, BusError>;

    /// Makes a consumer that stands there. Its name is new.
    async fn restore_cursor(&self, cursor: Cursor) -> Result<(), BusError>;

    /// Removes a durable consumer with all that is known of its place; says whether there was one. A handler of that name
    /// begins anew.
    async fn forget_cursor(&self, name: &str) -> Result<bool, BusError>;

    /// Writes state entries, with what is left of their time.
    async fn restore_state(&self, entries: Vec<StateRecord>) -> Result<(), BusError>;

    /// Makes the ids known.
    async fn restore_ids(&self, ids: Vec<KnownId>) -> Result<(), BusError>;

    /// Reads everything and says what is damaged or missing.
    async fn verify(&self) -> Result<Report, BusError>;
}
