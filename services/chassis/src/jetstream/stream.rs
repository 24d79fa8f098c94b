//! What the engine keeps on the server.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::jetstream::{self, kv, object_store, stream};
use strum::IntoEnumIterator as _;

use crate::store::Bucket;

/// Name of the stream.
pub const STREAM: &str = "SIGNALBOX";
/// What the subject of a redelivery begins with; the handler's name follows.
pub const REDRIVE: &str = "signalbox.redrive.";
/// How long the log keeps an event.
const LOG_AGE: Duration = Duration::from_hours(24 * 30);
/// How long the server itself remembers ids: the time in which the dedup index must have caught up.
const DUPLICATE_WINDOW: Duration = Duration::from_hours(1);
/// How long the dedup index remembers ids: longer than GitHub offers a delivery for redelivery (3 days).
const DEDUP_AGE: Duration = Duration::from_hours(24 * 8);
/// How long the marker of an expired key stays.
const MARKER_AGE: Duration = Duration::from_mins(10);

/// What the engine keeps on the server.
#[derive(Clone)]
pub struct Assets {
    /// The log.
    pub stream: stream::Stream,
    /// The dedup index beyond the window of the server.
    pub dedup: kv::Store,
    /// The state.
    pub buckets: HashMap<&'static str, kv::Store>,
    /// Large bodies.
    pub blobs: object_store::ObjectStore,
}

impl Assets {
    /// The bucket of a part of the state.
    pub fn bucket(&self, bucket: Bucket) -> anyhow::Result<&kv::Store> {
        self.buckets.get(bucket.name()).with_context(|| format!("there is no bucket {}", bucket.name()))
    }
}

/// Finds or makes everything. What is there is never deleted and never changed.
pub async fn ensure(context: &jetstream::Context) -> anyhow::Result<Assets> {
    let wanted = vec![format!("{}>", events::subject::PREFIX), format!("{REDRIVE}*")];
    let config = stream::Config {
        name: STREAM.to_owned(),
        description: Some("The log of Signalbox".to_owned()),
        subjects: wanted.clone(),
        retention: stream::RetentionPolicy::Limits,
        storage: stream::StorageType::File,
        max_age: LOG_AGE,
        duplicate_window: DUPLICATE_WINDOW,
        allow_direct: true,
        ..stream::Config::default()
    };
    let stream =
        context.get_or_create_stream(config).await.context("cannot find or make the stream SIGNALBOX")?;
    let found = &stream.cached_info().config;
    if let Some(missing) = wanted.iter().find(|subject| !found.subjects.contains(subject)) {
        bail!(
            "the stream {STREAM} is there but does not take the subject {missing} (it takes {}): \
             add the subject to it, or use another NATS account",
            found.subjects.join(", ")
        );
    }
    if found.retention != stream::RetentionPolicy::Limits {
        bail!("the stream {STREAM} is there but its retention is not `limits`: use another NATS account");
    }
    let mut buckets = HashMap::new();
    for part in Bucket::iter() {
        buckets.insert(part.name(), bucket(context, part.name(), Duration::ZERO).await?);
    }
    let dedup = bucket(context, "event-ids", DEDUP_AGE).await?;
    let blobs = blobs(context).await?;
    Ok(Assets { stream, dedup, buckets, blobs })
}

async fn bucket(context: &jetstream::Context, name: &str, max_age: Duration) -> anyhow::Result<kv::Store> {
    let bucket = format!("{STREAM}_{name}");
    if let Ok(found) = context.get_key_value(&bucket).await {
        return Ok(found);
    }
    let config = kv::Config {
        bucket: bucket.clone(),
        description: "State of Signalbox".to_owned(),
        history: 1,
        max_age,
        // Allows an expiry for each key.
        limit_markers: Some(MARKER_AGE),
        ..kv::Config::default()
    };
    context.create_key_value(config).await.with_context(|| format!("cannot find or make the bucket {bucket}"))
}

async fn blobs(context: &jetstream::Context) -> anyhow::Result<object_store::ObjectStore> {
    let bucket = format!("{STREAM}_blobs");
    if let Ok(found) = context.get_object_store(&bucket).await {
        return Ok(found);
    }
    let config =
        object_store::Config { bucket: bucket.clone(), max_age: LOG_AGE, ..object_store::Config::default() };
    context
        .create_object_store(config)
        .await
        .with_context(|| format!("cannot find or make the object store {bucket}"))
}
