//! What the pages of an archive are cut from: read once, not once a page.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::archive::{KnownId, StateRecord};
use crate::store::Bucket;

/// The listings that were read last.
#[derive(Default)]
pub struct Listing {
    /// The entries of a bucket, by key.
    pub state: Kept<Bucket, BTreeMap<String, StateRecord>>,
    /// The known ids, sorted.
    pub ids: Kept<(), Vec<KnownId>>,
}

/// One listing, and of what it is.
pub struct Kept<K, T>(Mutex<Option<(K, Arc<T>)>>);

impl<K, T> Default for Kept<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: PartialEq, T> Kept<K, T> {
    /// The listing of `of`: the one before when it `goes_on`, else a fresh one.
    pub async fn get(
        &self,
        of: K,
        goes_on: bool,
        fresh: impl AsyncFnOnce() -> anyhow::Result<Arc<T>>,
    ) -> anyhow::Result<Arc<T>> {
        let mut kept = self.0.lock().await;
        if let Some((before, listing)) = &*kept
            && goes_on
            && *before == of
        {
            return Ok(listing.clone());
        }
        let listing = fresh().await?;
        *kept = Some((of, listing.clone()));
        Ok(listing)
    }
}
