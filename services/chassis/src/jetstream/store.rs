//! The state in key-value buckets.
//!
//! Entries are written as plain messages of the bucket's stream and not by the client's key-value functions, because
//! those forget the expiry when a key is made again after it expired.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::kv::Operation;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, kv};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use super::JetStream;
use super::blobs::Blobs;
use super::stream::Assets;
use crate::store::{Bucket, Change, Entry, Expect, Store, StoreError};
use crate::{Clock as _, SystemClock};

/// How many keys of a scan are fetched at once.
const FETCHES: usize = 16;

/// The state on the server.
#[derive(Clone)]
pub struct Buckets {
    /// Where it is.
    pub assets: Arc<Assets>,
    /// How it is reached.
    pub context: jetstream::Context,
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

fn decode(encoded: &str) -> Option<String> {
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

fn live(entry: kv::Entry) -> Option<Entry> {
    match entry.operation {
        Operation::Put => Some(Entry { revision: entry.revision, value: entry.value.into() }),
        Operation::Delete | Operation::Purge => None,
    }
}

impl Buckets {
    fn blobs(&self) -> Blobs<'_> {
        Blobs { assets: &self.assets, context: &self.context }
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
        let sent = self.context.send_publish(format!("{}{key}", bucket.prefix), message).await;
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

    /// The revision that the key must have for `expect` to hold; `None` when any will do.
    async fn expected(
        &self,
        bucket: &kv::Store,
        key: &str,
        expect: Expect,
    ) -> Result<Option<u64>, StoreError> {
        match expect {
            Expect::Any => Ok(None),
            Expect::Revision(revision) => Ok(Some(revision)),
            // Absent may mean a marker of a deletion or expiry, which has a revision of its own.
            Expect::Absent => match bucket.entry(key).await.map_err(StoreError::unavailable)? {
                None => Ok(Some(0)),
                Some(entry) if entry.operation != Operation::Put => Ok(Some(entry.revision)),
                Some(_) => Err(StoreError::Conflict),
            },
        }
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
        if let Some(revision) = self.expected(bucket, &key, expect).await? {
            message = message.expected_last_subject_sequence(revision);
        }
        if let Some(ttl) = ttl {
            message = message.ttl(ttl);
        }
        self.publish(bucket, &key, message).await
    }

    async fn delete(&self, bucket: Bucket, key: &str, expect: Expect) -> Result<(), StoreError> {
        let (bucket, key) = (self.bucket(bucket)?, encode(key));
        let mut message = PublishMessage::build().header("KV-Operation", "DEL");
        if let Some(revision) = self.expected(bucket, &key, expect).await? {
            message = message.expected_last_subject_sequence(revision);
        }
        self.publish(bucket, &key, message).await.map(|_| ())
    }

    async fn scan(&self, bucket: Bucket, prefix: &str) -> Result<Vec<(String, Entry)>, StoreError> {
        let bucket = self.bucket(bucket)?;
        let keys: Vec<String> = bucket
            .keys()
            .await
            .map_err(StoreError::unavailable)?
            .try_collect()
            .await
            .map_err(StoreError::unavailable)?;
        let wanted = keys.into_iter().filter_map(|encoded| decode(&encoded).map(|key| (encoded, key)));
        let wanted: Vec<_> = wanted.filter(|(_, key)| key.starts_with(prefix)).collect();
        let mut fetches = stream::iter(wanted)
            .map(|(encoded, key)| async move { bucket.entry(encoded).await.map(|entry| (key, entry)) })
            .buffer_unordered(FETCHES);
        let mut found = Vec::new();
        while let Some(fetched) = fetches.next().await {
            let (key, entry) = fetched.map_err(StoreError::unavailable)?;
            found.extend(entry.and_then(live).map(|entry| (key, entry)));
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    async fn watch(&self, bucket: Bucket, prefix: &str) -> Result<BoxStream<'static, Change>, StoreError> {
        let watch = self.bucket(bucket)?.watch_all().await.map_err(StoreError::unavailable)?;
        let prefix = prefix.to_owned();
        Ok(watch
            .filter_map(move |entry| {
                let key = entry.as_ref().ok().and_then(|entry| decode(&entry.key));
                let change = key.filter(|key| key.starts_with(&prefix)).zip(entry.ok());
                std::future::ready(change.map(|(key, entry)| Change { key, entry: live(entry) }))
            })
            .boxed())
    }

    async fn put_blob(&self, bytes: &[u8]) -> Result<String, StoreError> {
        self.blobs().put(bytes, SystemClock.now()).await.map_err(StoreError::Unavailable)
    }

    async fn get_blob(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.blobs().get(name).await.map_err(StoreError::Unavailable)
    }
}

impl JetStream {
    async fn buckets(&self) -> Result<Buckets, StoreError> {
        let assets = self.assets().await.map_err(StoreError::Unavailable)?;
        Ok(Buckets { assets, context: self.ground.context.clone() })
    }
}

#[async_trait]
impl Store for JetStream {
    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, StoreError> {
        self.buckets().await?.get(bucket, key).await
    }

    async fn put(
        &self,
        bucket: Bucket,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
        ttl: Option<Duration>,
    ) -> Result<u64, StoreError> {
        self.buckets().await?.put(bucket, key, value, expect, ttl).await
    }

    async fn delete(&self, bucket: Bucket, key: &str, expect: Expect) -> Result<(), StoreError> {
        self.buckets().await?.delete(bucket, key, expect).await
    }

    async fn scan(&self, bucket: Bucket, prefix: &str) -> Result<Vec<(String, Entry)>, StoreError> {
        self.buckets().await?.scan(bucket, prefix).await
    }

    async fn watch(&self, bucket: Bucket, prefix: &str) -> Result<BoxStream<'static, Change>, StoreError> {
        self.buckets().await?.watch(bucket, prefix).await
    }

    async fn put_blob(&self, bytes: &[u8]) -> Result<String, StoreError> {
        self.buckets().await?.put_blob(bytes).await
    }

    async fn get_blob(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.buckets().await?.get_blob(name).await
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
