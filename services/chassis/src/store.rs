//! The store: small state with compare-and-set and expiry, and large bodies. Two engines, one behaviour.

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use strum::{EnumIter, IntoStaticStr};
use thiserror::Error;

/// Which part of the state. Closed: each has its own key space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Bucket {
    /// External effects: intended and done.
    Ledger,
    /// Dead letters.
    DeadLetters,
    /// Which events are stored, beyond the window of the engine.
    Dedup,
    /// What a watcher saw last, and when a schedule ticked last.
    Watch,
    /// Who may act.
    Lease,
    /// How often an event was tried that a handler has not settled yet.
    Attempts,
    /// Replays: what was asked for, and what came of it.
    Runs,
    /// When each Source was last accepted and last refused.
    Sources,
}

impl Bucket {
    /// Its name on disk and on the wire.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A value and its revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes.
    pub value: Vec<u8>,
    /// Grows with every write of the key.
    pub revision: u64,
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Any,
    /// The key is absent (never written, deleted, or expired).
    Absent,
    /// The key has this revision.
    Revision(u64),
}

/// A change of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// Its new entry; `None` when it was deleted or has expired.
    pub entry: Option<Entry>,
}

/// Why the store did not do it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// What was expected does not hold: somebody else wrote.
    #[error("the key was changed by somebody else")]
    Conflict,
    /// The disk of the store is full.
    #[error("the store has no space left")]
    Full(#[source] anyhow::Error),
    /// The store is away, slow or broken.
    #[error("the store does not answer")]
    Unavailable(#[source] anyhow::Error),
}

impl StoreError {
    /// Wraps the error of an engine.
    pub fn unavailable(error: impl Into<anyhow::Error>) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Small state and large bodies. Keys: any text without NUL, at most 512 bytes.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The entry of a key.
    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, StoreError>;

    /// Writes durably if `expect` holds, and returns the new revision. With `ttl` (whole seconds, at least 1) the key
    /// is gone after that time; without, it stays, also when an earlier write had one.
    async fn put(
        &self,
        bucket: Bucket,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
        ttl: Option<Duration>,
    ) -> Result<u64, StoreError>;

    /// Deletes durably if `expect` holds. Deleting an absent key is no error.
    async fn delete(&self, bucket: Bucket, key: &str, expect: Expect) -> Result<(), StoreError>;

    /// All entries whose key begins with `prefix`, sorted by key.
    async fn scan(&self, bucket: Bucket, prefix: &str) -> Result<Vec<(String, Entry)>, StoreError>;

    /// The changes from now on to keys that begin with `prefix`. It does not end: after trouble it goes on with what has
    /// changed meanwhile.
    async fn watch(&self, bucket: Bucket, prefix: &str) -> Result<BoxStream<'static, Change>, StoreError>;

    /// Keeps a large body, durably; returns its name, `sha256:<hex>`. The same bytes have the same name.
    async fn put_blob(&self, bytes: &[u8]) -> Result<String, StoreError>;

    /// The large body of that name.
    async fn get_blob(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
}
