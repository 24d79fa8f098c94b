//! When each Source was last accepted and last refused, as far as all replicas of the gateway together know it.
//!
//! The log cannot say it: an event names where it happened, not the Source through which it came, and of what was refused
//! there is no event. So there is one entry for each Source in [`Bucket::Sources`]. Each process adds what came to it, by
//! compare-and-set. To add is to keep the latest of each time and the longest of each gap: who adds first does not matter,
//! nor does what is added twice.

mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use record::{News, Record, Refused, Silence};

use crate::store::{Bucket, Expect, Store, StoreError};

/// How often to try when another process writes the same entry at the same time: more often than there are replicas.
const TRIES: u32 = 16;

/// What is known of all Sources.
#[derive(Clone)]
pub struct Sources {
    store: Arc<dyn Store>,
}

impl Sources {
    /// In this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Adds what came to a process; returns what all of them know by then.
    pub async fn add(&self, name: &str, news: &News) -> Result<Record, StoreError> {
        for _ in 0..TRIES {
            let (known, expect) = match self.store.get(Bucket::Sources, name).await? {
                // A record that cannot be read promises nothing to anybody: it is begun anew.
                Some(entry) => (Record::parse(&entry.value), Expect::Revision(entry.revision)),
                None => (None, Expect::Absent),
            };
            let record = news.added_to(known);
            match self.store.put(Bucket::Sources, name, record.to_bytes(), expect, None).await {
                Ok(_) => return Ok(record),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    /// What is known of every Source that ever was, by name.
    pub async fn all(&self) -> Result<BTreeMap<String, Record>, StoreError> {
        let entries = self.store.scan(Bucket::Sources, "").await?;
        Ok(entries
            .into_iter()
            .filter_map(|(name, entry)| Some((name, Record::parse(&entry.value)?)))
            .collect())
    }
}
