//! Killed at any write of the store, and delivered again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chassis::store::Change;
use chassis::{Bucket, Entry, Expect, Store, StoreError};
use futures::stream::BoxStream;

use super::bench::{Bench, request, success, tag};
use chassis::Outcome;

/// A store that does not answer any more from its n-th write on, as if the process were killed there.
struct Dying {
    inner: Arc<dyn Store>,
    writes: AtomicUsize,
    last: usize,
}

impl Dying {
    fn write(&self) -> Result<(), StoreError> {
        if self.writes.fetch_add(1, Ordering::Relaxed) < self.last {
            return Ok(());
        }
        Err(StoreError::unavailable(anyhow::anyhow!("killed")))
    }
}

#[async_trait]
impl Store for Dying {
    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, StoreError> {
        self.inner.get(bucket, key).await
    }

    async fn put(
        &self,
        bucket: Bucket,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
        ttl: Option<Duration>,
    ) -> Result<u64, StoreError> {
        self.write()?;
        self.inner.put(bucket, key, value, expect, ttl).await
    }

    async fn delete(&self, bucket: Bucket, key: &str, expect: Expect) -> Result<(), StoreError> {
        self.write()?;
        self.inner.delete(bucket, key, expect).await
    }

    async fn scan(&self, bucket: Bucket, prefix: &str) -> Result<Vec<(String, Entry)>, StoreError> {
        self.inner.scan(bucket, prefix).await
    }

    async fn watch(&self, bucket: Bucket, prefix: &str) -> Result<BoxStream<'static, Change>, StoreError> {
        self.inner.watch(bucket, prefix).await
    }

    async fn put_blob(&self, bytes: &[u8]) -> Result<String, StoreError> {
        self.inner.put_blob(bytes).await
    }

    async fn get_blob(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get_blob(name).await
    }
}

#[tokio::test]
async fn killed_at_any_write_there_is_one_commit_and_one_end() {
    let mut died = 0;
    for last in 0.. {
        let bench = Bench::new().await;
        let event = request("e1", tag("v2"));
        let store = Dying { inner: bench.engine.store.clone(), writes: AtomicUsize::new(0), last };
        let first = bench.handle_with(&event, 1, Arc::new(store)).await;
        let succeeded = bench.succeeded(&event).await;
        assert_eq!(bench.testbed.log(), ["my-app: deploy v2 to dev", "begin"], "killed at write {last}");
        assert_eq!((succeeded.commit.as_str(), succeeded.changed), (bench.testbed.tip().as_str(), true));
        assert_eq!(bench.started().await.len(), 1);
        match first {
            Err(_) => died += 1,
            Ok(Outcome::Done(announcements)) => {
                assert_eq!(success(&announcements[0]), succeeded);
                break;
            }
            Ok(Outcome::Ignore(why)) => panic!("{why}"),
        }
    }
    // Intended and done, of the end and of the commit.
    assert_eq!(died, 4);
}
