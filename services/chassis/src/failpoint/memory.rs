//! A bus and a store in memory that fail, or end the process, at the very operation that a test names. The bus is only
//! written to.

use std::collections::{BTreeMap, HashSet};
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use async_trait::async_trait;
use events::Envelope;
use futures::stream::BoxStream;
use tokio::time::Instant;

use crate::bus::{Bus, BusError, ConsumerSpec, Deliveries, Position, PublishError, Published, Recorded};
use crate::store::{Bucket, Change, Entry, Expect, Store, StoreError};

/// What happens to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process ends before it.
    CrashBefore,
    /// The process ends after it, before it knows.
    CrashAfter,
    /// It fails.
    ErrorBefore,
    /// It is done, and said to have failed.
    ErrorAfter,
}

/// A bus and a store in memory.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    log: Vec<Envelope>,
    ids: HashSet<String>,
    state: BTreeMap<(&'static str, String), Entry>,
    /// When an entry is gone.
    ends: BTreeMap<(&'static str, String), Instant>,
    revision: u64,
    fault: Option<(u32, Fault)>,
    writes: usize,
}

impl Memory {
    /// The `after`-th operation from now (0: the next) has this fault; the ones after it have none.
    pub fn fail(&self, after: u32, fault: Fault) {
        self.inner().fault = Some((after, fault));
    }

    /// No operation fails.
    pub fn heal(&self) {
        self.inner().fault = None;
    }

    /// What the bus has.
    pub fn log(&self) -> Vec<Envelope> {
        self.inner().log.clone()
    }

    /// How often the store was changed.
    pub fn writes(&self) -> usize {
        self.inner().writes
    }

    /// The keys that the store has.
    pub fn keys(&self) -> Vec<String> {
        self.inner().state.keys().map(|(_, key)| key.clone()).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let Inner { state, ends, .. } = &mut *inner;
        ends.retain(|key, end| *end > now || state.remove(key).is_none());
        inner
    }

    fn fault(&self) -> Option<Fault> {
        let mut inner = self.inner();
        match inner.fault.take() {
            Some((0, fault)) => Some(fault),
            Some((more, fault)) => {
                inner.fault = Some((more - 1, fault));
                None
            }
            None => None,
        }
    }

    async fn operate<T, E>(
        &self,
        act: impl FnOnce(&mut Inner) -> Result<T, E> + Send,
        error: impl FnOnce() -> E + Send,
    ) -> Result<T, E> {
        match self.fault() {
            None => act(&mut self.inner()),
            Some(Fault::CrashBefore) => pending().await,
            Some(Fault::CrashAfter) => {
                drop(act(&mut self.inner()));
                pending().await
            }
            Some(Fault::ErrorBefore) => Err(error()),
            Some(Fault::ErrorAfter) => act(&mut self.inner()).and_then(|_| Err(error())),
        }
    }
}

fn away() -> StoreError {
    StoreError::unavailable(anyhow!("the test says so"))
}

fn not_here() -> BusError {
    BusError::new("reading", anyhow!("a bus in memory is only written to"))
}

#[async_trait]
impl Bus for Memory {
    async fn publish(&self, event: &Envelope) -> Result<Published, PublishError> {
        let publish = |inner: &mut Inner| {
            let duplicate = !inner.ids.insert(format!("{} {}", event.source(), event.id()));
            if !duplicate {
                inner.log.push(event.clone());
            }
            Ok(Published { position: Position(inner.log.len() as u64), duplicate })
        };
        self.operate(publish, || PublishError::Unavailable(anyhow!("the test says so"))).await
    }

    async fn redeliver(&self, _: &str, _: &Envelope, _: &str) -> Result<Published, PublishError> {
        Err(PublishError::Unavailable(not_here().into()))
    }

    async fn consume(&self, _: ConsumerSpec) -> Result<Box<dyn Deliveries>, BusError> {
        Err(not_here())
    }

    async fn read(&self, _: Position, _: usize) -> Result<Vec<Recorded>, BusError> {
        Err(not_here())
    }

    async fn last(&self) -> Result<Position, BusError> {
        Err(not_here())
    }

    async fn changed(&self, _: Position) -> Result<(), BusError> {
        Err(not_here())
    }

    async fn check(&self) -> Result<(), BusError> {
        Err(not_here())
    }
}

impl Inner {
    fn expect(&self, key: &(&'static str, String), expect: Expect) -> Result<(), StoreError> {
        let holds = match expect {
            Expect::Any => true,
            Expect::Absent => !self.state.contains_key(key),
            Expect::Revision(revision) => self.state.get(key).is_some_and(|entry| entry.revision == revision),
        };
        if holds { Ok(()) } else { Err(StoreError::Conflict) }
    }
}

#[async_trait]
impl Store for Memory {
    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, StoreError> {
        self.operate(|inner| Ok(inner.state.get(&(bucket.name(), key.to_owned())).cloned()), away).await
    }

    async fn put(
        &self,
        bucket: Bucket,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
        ttl: Option<Duration>,
    ) -> Result<u64, StoreError> {
        let key = (bucket.name(), key.to_owned());
        let put = |inner: &mut Inner| {
            inner.expect(&key, expect)?;
            inner.writes += 1;
            inner.revision += 1;
            let revision = inner.revision;
            inner.ends.remove(&key);
            inner.ends.extend(ttl.map(|ttl| (key.clone(), Instant::now() + ttl)));
            inner.state.insert(key, Entry { value, revision });
            Ok(revision)
        };
        self.operate(put, away).await
    }

    async fn delete(&self, bucket: Bucket, key: &str, expect: Expect) -> Result<(), StoreError> {
        let key = (bucket.name(), key.to_owned());
        let delete = |inner: &mut Inner| {
            // Deleting an absent key is no error, whatever is expected of it.
            if inner.state.contains_key(&key) {
                inner.expect(&key, expect)?;
                inner.writes += 1;
                inner.state.remove(&key);
                inner.ends.remove(&key);
            }
            Ok(())
        };
        self.operate(delete, away).await
    }

    async fn scan(&self, bucket: Bucket, prefix: &str) -> Result<Vec<(String, Entry)>, StoreError> {
        let scan = |inner: &mut Inner| {
            let ours = |of: &str, key: &str| of == bucket.name() && key.starts_with(prefix);
            let hits = inner.state.iter().filter(|((of, key), _)| ours(of, key));
            Ok(hits.map(|((_, key), entry)| (key.clone(), entry.clone())).collect())
        };
        self.operate(scan, away).await
    }

    async fn watch(&self, _: Bucket, _: &str) -> Result<BoxStream<'static, Change>, StoreError> {
        Err(away())
    }

    async fn put_blob(&self, _: &[u8]) -> Result<String, StoreError> {
        Err(away())
    }

    async fn get_blob(&self, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Err(away())
    }
}
