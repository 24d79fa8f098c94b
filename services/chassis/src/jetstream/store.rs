//! The state in key-value buckets.
//!
//! Entries are written as plain messages of the bucket's stream and not by the client's key-value functions, because
//! those forget the expiry when a key is made again after it expired.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::kv;
use async_nats::jetstream::kv::Operation;
use async_nats::jetstream::message::PublishMessage;
use async_trait::async_trait;
use futures::stream::BoxStream;

use super::JetStream;
use super::blobs::Blobs;
use super::ground::Ground;
use super::history::{self, Stored};
use super::stream::{Assets, MARKER_AGE};
use super::watch::watch;
use crate::store::{Bucket, Change, Entry, Expect, Store, StoreError};

/// A key that is to be absent is tried so often: as it never was there, with the mark that is found, without it again.
const LOOKS: usize = 3;

/// The state on the server.
#[derive(Clone)]
pub struct Buckets {
    /// Where it is.
    pub assets: Arc<Assets>,
    /// How it is reached.
    pub ground: Arc<Ground>,
}

/// A key in the alphabet of NATS: what is not a letter, a digit, `_`, `-` or `/` becomes `=XX`.
fn encode(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('=');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

/// The key that was encoded so.
pub fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut parts = encoded.split('=');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        bytes.extend(hex::decode(code).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// How long the mark of a deleted key stays: as long as the server keeps that of an expired one.
fn marker_age(bucket: &kv::Store) -> Duration {
    let said = bucket.stream.cached_info().config.subject_delete_marker_ttl;
    said.filter(|age| *age > Duration::ZERO).unwrap_or(MARKER_AGE)
}

/// The entry, if it is not the mark of one that is gone.
pub fn live(entry: kv::Entry) -> Option<Entry> {
    match entry.operation {
        Operation::Put => Some(Entry { revision: entry.revision, value: entry.value.into() }),
        Operation::Delete | Operation::Purge => None,
    }
}

/// The live entries of a bucket.
pub async fn all(ground: &Ground, bucket: &kv::Store) -> anyhow::Result<BTreeMap<String, Stored>> {
    let subject = format!("{}>", bucket.prefix);
    let kept = history::page(ground, &bucket.stream_name, &subject, 1, usize::MAX).await?;
    let mut all = BTreeMap::new();
    for stored in kept {
        let key = stored.subject.strip_prefix(&bucket.prefix).and_then(decode);
        // A deletion or an expiry leaves a mark for a while.
        let mark =
            ["KV-Operation", "Nats-Marker-Reason"].iter().any(|name| stored.headers.get(*name).is_some());
        match key {
            Some(key) if mark => {
                all.remove(&key);
            }
            // Should it have been written while it was read, the newer one comes later.
            Some(key) => {
                all.insert(key, stored);
            }
            None => {}
        }
    }
    Ok(all)
}

impl Buckets {
    fn blobs(&self) -> Blobs<'_> {
        Blobs { assets: &self.assets, context: &self.ground.context }
    }

    fn bucket(&self, bucket: Bucket) -> Result<&kv::Store, StoreError> {
        self.assets.bucket(bucket).map_err(StoreError::Unavailable)
    }

    async fn publish(
        &self,
        bucket: &kv::Store,
        key: &str,
        message: PublishMessage,
    ) -> Result<u64, StoreError> {
        let sent = self.ground.context.send_publish(format!("{}{key}", bucket.prefix), message).await;
        let ack = match sent {
            Ok(ack) => ack.await,
            Err(error) => Err(error),
        };
        ack.map(|ack| ack.sequence).map_err(|error| match error.kind() {
            PublishErrorKind::WrongLastSequence => StoreError::Conflict,
            PublishErrorKind::StreamNotFound
            | PublishErrorKind::WrongLastMessageId
            | PublishErrorKind::TimedOut
            | PublishErrorKind::BrokenPipe
            | PublishErrorKind::MaxAckPending
            | PublishErrorKind::MaxPayloadExceeded
            | PublishErrorKind::Other => StoreError::unavailable(error),
        })
    }

    /// Writes a message if the key is as expected.
    async fn write(
        &self,
        bucket: &kv::Store,
        key: &str,
        message: PublishMessage,
        expect: Expect,
    ) -> Result<u64, StoreError> {
        let mut revision = match expect {
            Expect::Any => return self.publish(bucket, key, message).await,
            Expect::Revision(revision) => revision,
            Expect::Absent => 0,
        };
        for _ in 0..LOOKS {
            let expecting = message.clone().expected_last_subject_sequence(revision);
            let written = self.publish(bucket, key, expecting).await;
            let (Err(StoreError::Conflict), Expect::Absent) = (&written, expect) else { return written };
            // Looked at only now, because most keys were never there. Absent may mean a mark of a deletion or expiry,
            // which has a revision of its own; one that is gone again leaves the key as absent as before.
            revision = match bucket.entry(key).await.map_err(StoreError::unavailable)? {
                Some(entry) if entry.operation != Operation::Put => entry.revision,
                Some(_) => break,
                None => 0,
            };
        }
        Err(StoreError::Conflict)
    }
}

#[async_trait]
impl Store for Buckets {
    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, StoreError> {
        let entry = self.bucket(bucket)?.entry(encode(key)).await.map_err(StoreError::unavailable)?;
        Ok(entry.and_then(live))
    }

    async fn put(
        &self,
        bucket: Bucket,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
        ttl: Option<Duration>,
    ) -> Result<u64, StoreError> {
        let (bucket, key) = (self.bucket(bucket)?, encode(key));
        let mut message = PublishMessage::build().payload(value.into());
        if let Some(ttl) = ttl {
            message = message.ttl(ttl);
        }
        self.write(bucket, &key, message, expect).await
    }

    async fn delete(&self, bucket: Bucket, key: &str, expect: Expect) -> Result<(), StoreError> {
        let (bucket, key) = (self.bucket(bucket)?, encode(key));
        // The mark of it goes by itself, as that of an expiry does; or keys that are never made again would fill the bucket.
        let message = PublishMessage::build().header("KV-Operation", "DEL").ttl(marker_age(bucket));
        self.write(bucket, &key, message, expect).await.map(|_| ())
    }

    async fn scan(&self, bucket: Bucket, prefix: &str) -> Result<Vec<(String, Entry)>, StoreError> {
        let kept = all(&self.ground, self.bucket(bucket)?).await.map_err(StoreError::Unavailable)?;
        let found = kept.into_iter().filter(|(key, _)| key.starts_with(prefix));
        let entry = |stored: Stored| Entry { revision: stored.sequence, value: stored.payload.into() };
        Ok(found.map(|(key, stored)| (key, entry(stored))).collect())
    }

    async fn watch(&self, bucket: Bucket, prefix: &str) -> Result<BoxStream<'static, Change>, StoreError> {
        watch(self.ground.clone(), bucket, prefix).await.map_err(StoreError::Unavailable)
    }

    async fn put_blob(&self, bytes: &[u8]) -> Result<String, StoreError> {
        self.blobs().put(bytes).await.map_err(StoreError::Unavailable)
    }

    async fn get_blob(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.blobs().get(name).await.map_err(StoreError::Unavailable)
    }
}

impl JetStream {
    async fn buckets(&self) -> Result<Buckets, StoreError> {
        let assets = self.assets().await.map_err(StoreError::Unavailable)?;
        Ok(Buckets { assets, ground: self.ground.clone() })
    }

    /// What a deleted bucket would explain has the server looked at anew before the next use.
    fn heard<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        match &result {
            Ok(_) | Err(StoreError::Conflict | StoreError::Full(_)) => {}
            Err(StoreError::Unavailable(_)) => self.ground.doubt(),
        }
        result
    }
}

#[async_trait]
impl Store for JetStream {
    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, StoreError> {
        self.heard(self.buckets().await?.get(bucket, key).await)
    }

    async fn put(
        &self,
        bucket: Bucket,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
        ttl: Option<Duration>,
    ) -> Result<u64, StoreError> {
        self.heard(self.buckets().await?.put(bucket, key, value, expect, ttl).await)
    }

    async fn delete(&self, bucket: Bucket, key: &str, expect: Expect) -> Result<(), StoreError> {
        self.heard(self.buckets().await?.delete(bucket, key, expect).await)
    }

    async fn scan(&self, bucket: Bucket, prefix: &str) -> Result<Vec<(String, Entry)>, StoreError> {
        self.heard(self.buckets().await?.scan(bucket, prefix).await)
    }

    async fn watch(&self, bucket: Bucket, prefix: &str) -> Result<BoxStream<'static, Change>, StoreError> {
        self.heard(self.buckets().await?.watch(bucket, prefix).await)
    }

    async fn put_blob(&self, bytes: &[u8]) -> Result<String, StoreError> {
        self.heard(self.buckets().await?.put_blob(bytes).await)
    }

    async fn get_blob(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.heard(self.buckets().await?.get_blob(name).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_key_survives_the_alphabet_of_nats() {
        for key in ["deployer/ab12/commit", "argocd/my ns/app.v2", "a=b", "ünï", ".", "*>"] {
            let encoded = encode(key);
            assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-/_=.".contains(&b)), "{encoded}");
            assert_eq!(decode(&encoded).as_deref(), Some(key));
        }
    }
}
