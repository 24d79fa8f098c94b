//! The mark of an import that has begun and not ended.
//!
//! It stands among the leases, which no export has: whoever imports has the bus for himself.

use chassis::{Bucket, Expect, Store, StoreError};
use serde::{Deserialize, Serialize};

/// Its key.
pub const KEY: &str = "import";
/// What is wrong with a bus that has it, and what to do.
pub const HALF: &str = "this bus holds half of an import that was cut off: remove it (the folder; on NATS the streams SIGNALBOX, KV_SIGNALBOX_… and OBJ_SIGNALBOX_…) and import again";

/// Version of the record.
const VERSION: u8 = 1;

/// The mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    v: u8,
    /// The checksum of the export.
    pub sha256: String,
}

/// The mark, if it is there.
pub async fn find(store: &dyn Store) -> Result<Option<Marker>, StoreError> {
    let entry = store.get(Bucket::Lease, KEY).await?;
    // One that cannot be read is one all the same.
    let unknown = || Marker { v: VERSION, sha256: "unknown".to_owned() };
    Ok(entry.map(|entry| serde_json::from_slice(&entry.value).unwrap_or_else(|_| unknown())))
}

/// An import begins.
pub async fn set(store: &dyn Store, sha256: &str) -> Result<(), StoreError> {
    let marker = Marker { v: VERSION, sha256: sha256.to_owned() };
    let bytes = serde_json::to_vec(&marker).map_err(StoreError::unavailable)?;
    store.put(Bucket::Lease, KEY, bytes, Expect::Absent, None).await.map(|_| ())
}

/// The import has ended.
pub async fn clear(store: &dyn Store) -> Result<(), StoreError> {
    store.delete(Bucket::Lease, KEY, Expect::Any).await
}
