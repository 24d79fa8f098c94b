//! Leases: which of several processes may act, with a token that tells a later holder from an earlier one.
//!
//! A lease is an entry of [`Bucket::Lease`] that expires by the *store's* clock, so the clocks of the holders may differ.
//! A holder renews it three times in its life. It counts its own time from before it asked, on a clock that only goes
//! forward, and stops a second before the store lets the lease go: of two processes, never both think that they hold it.
//!
//! A process may be stopped and go on later without noticing. So what it writes carries the lease's token, which grows
//! from holder to holder, and the ledger refuses the effect of a smaller one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::store::{Bucket, Expect, Store, StoreError};

/// How long a lease lasts without being renewed. With it, and an ack wait of 10 s, another process takes over in less
/// than 15 s.
pub const TTL: Duration = Duration::from_secs(6);
/// The store lets a lease go within a second of its time; a holder stops before.
const MARGIN: Duration = Duration::from_secs(1);
/// Renewals in the life of a lease.
const RENEWALS: u32 = 3;

/// Version of the record.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Record {
    v: u8,
    holder: String,
}

/// What the keys of the last tokens begin with, in the ledger.
const TOKENS: &str = "lease/";

/// The last token of a lease. Its field is called as in the ledger's records, and is put right with them when the ledger is
/// moved to another store.
#[derive(Serialize, Deserialize)]
struct Token {
    v: u8,
    fence: u64,
}

/// The leases that this process asks for.
pub struct Leases {
    store: Arc<dyn Store>,
    holder: String,
}

/// A lease that is held.
#[derive(Debug)]
pub struct Lease {
    name: String,
    revision: u64,
    fence: Fence,
}

/// Says whether a lease is still held, and by which token.
#[derive(Debug, Clone)]
pub struct Fence(Option<Arc<Held>>);

#[derive(Debug)]
struct Held {
    token: u64,
    until: Mutex<Instant>,
}

impl Leases {
    /// Asks in the name of this holder, which differs from every other process.
    pub fn new(store: Arc<dyn Store>, holder: impl Into<String>) -> Self {
        Self { store, holder: holder.into() }
    }

    /// How long to wait between two renewals, and between two attempts at a lease that somebody else has.
    pub fn beat() -> Duration {
        TTL / RENEWALS
    }

    /// Takes the lease if nobody has it.
    pub async fn acquire(&self, name: &str) -> Result<Option<Lease>, StoreError> {
        let asked = Instant::now();
        let revision = match self.write(name, Expect::Absent).await {
            Ok(revision) => revision,
            Err(StoreError::Conflict) => return Ok(None),
            Err(error) => return Err(error),
        };
        let counted = self.count(name, revision).await;
        let token = *counted.as_ref().unwrap_or(&0);
        let held = Held { token, until: Mutex::new(asked + TTL - MARGIN) };
        let lease = Lease { name: name.to_owned(), revision, fence: Fence(Some(Arc::new(held))) };
        // Whoever was stopped meanwhile may have the larger token, but not the lease.
        if counted.is_ok() && lease.fence.holds() {
            return Ok(Some(lease));
        }
        self.release(lease).await;
        counted.map(|_| None)
    }

    /// The token of a new holding: larger than every one before. The last one is kept in the ledger, whose records it is
    /// compared with, and not with the leases: should their bucket be deleted and made anew, its revisions begin with 1.
    /// Where the last one is not known yet, the revision is larger than any token that was given before there was a count.
    async fn count(&self, name: &str, revision: u64) -> Result<u64, StoreError> {
        let key = format!("{TOKENS}{name}");
        loop {
            let (last, expect) = match self.store.get(Bucket::Ledger, &key).await? {
                Some(entry) => {
                    let token: Token =
                        serde_json::from_slice(&entry.value).map_err(StoreError::unavailable)?;
                    (token.fence, Expect::Revision(entry.revision))
                }
                None => (0, Expect::Absent),
            };
            let token = revision.max(last + 1);
            let bytes = serde_json::to_vec(&Token { v: VERSION, fence: token });
            let bytes = bytes.map_err(StoreError::unavailable)?;
            match self.store.put(Bucket::Ledger, &key, bytes, expect, None).await {
                Ok(_) => return Ok(token),
                // Somebody who had the lease before is late, or somebody who comes after is early.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Renews a lease. A conflict means that it is lost for good; after another error it may be tried again.
    pub async fn renew(&self, lease: &mut Lease) -> Result<(), StoreError> {
        let asked = Instant::now();
        lease.revision = match self.write(&lease.name, Expect::Revision(lease.revision)).await {
            Ok(revision) => revision,
            Err(error) => {
                if matches!(error, StoreError::Conflict) {
                    lease.fence.lose();
                }
                return Err(error);
            }
        };
        lease.fence.extend(asked + TTL - MARGIN);
        Ok(())
    }

    /// Renews the lease until it is lost.
    pub async fn keep(&self, lease: &mut Lease) {
        while lease.fence.holds() {
            tokio::time::sleep(Self::beat()).await;
            match self.renew(lease).await {
                Ok(()) => {}
                Err(StoreError::Conflict) => return,
                Err(error) => {
                    let error = format!("{:#}", anyhow::Error::new(error));
                    tracing::debug!(lease = lease.name, error, "a lease was not renewed, trying again");
                }
            }
        }
    }

    /// Lets a lease go, so that the next holder need not wait for its end.
    pub async fn release(&self, lease: Lease) {
        lease.fence.lose();
        let gone = self.store.delete(Bucket::Lease, &lease.name, Expect::Revision(lease.revision)).await;
        if let Err(error) = gone {
            tracing::debug!(lease = lease.name, %error, "a lease was not let go: it ends by itself");
        }
    }

    /// Who has the lease.
    pub async fn holder(&self, name: &str) -> Result<Option<String>, StoreError> {
        let entry = self.store.get(Bucket::Lease, name).await?;
        let record = entry.map(|entry| serde_json::from_slice::<Record>(&entry.value)).transpose();
        Ok(record.map_err(StoreError::unavailable)?.map(|record| record.holder))
    }

    async fn write(&self, name: &str, expect: Expect) -> Result<u64, StoreError> {
        let record = Record { v: VERSION, holder: self.holder.clone() };
        let bytes = serde_json::to_vec(&record).map_err(StoreError::unavailable)?;
        self.store.put(Bucket::Lease, name, bytes, expect, Some(TTL)).await
    }
}

impl Lease {
    /// What those who act under this lease check.
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }
}

impl Fence {
    /// For whom no other process can be: it always holds.
    pub fn none() -> Self {
        Self(None)
    }

    /// Grows from holder to holder; 0 where there is no lease.
    pub fn token(&self) -> u64 {
        self.0.as_ref().map_or(0, |held| held.token)
    }

    /// Whether the lease is surely still held.
    pub fn holds(&self) -> bool {
        self.until().is_none_or(|until| Instant::now() < until)
    }

    /// Resolves when the lease is lost.
    pub async fn lost(&self) {
        loop {
            match self.until() {
                None => std::future::pending().await,
                Some(until) if until <= Instant::now() => return,
                // It may be renewed meanwhile.
                Some(until) => tokio::time::sleep_until(until).await,
            }
        }
    }

    fn until(&self) -> Option<Instant> {
        self.0.as_ref().map(|held| *held.until.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn extend(&self, until: Instant) {
        if let Some(held) = &self.0 {
            *held.until.lock().unwrap_or_else(PoisonError::into_inner) = until;
        }
    }

    fn lose(&self) {
        self.extend(Instant::now());
    }
}
