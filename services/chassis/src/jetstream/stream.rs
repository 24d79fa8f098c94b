//! What the engine keeps on the server.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::consumer::{Consumer, FromConsumer as _, IntoConsumerConfig as _, pull};
use async_nats::jetstream::context::{ConsumerInfoErrorKind, CreateStreamErrorKind};
use async_nats::jetstream::stream::{self, Config};
use async_nats::jetstream::{self, kv, object_store};
use strum::IntoEnumIterator as _;

use super::fit::stream::Part;
use super::fit::{self, Decision};
use super::retention::Retention;
use crate::store::Bucket;

/// Name of the stream.
pub const STREAM: &str = "SIGNALBOX";
/// What the subject of a redelivery begins with; the handler's name follows.
pub const REDRIVE: &str = "signalbox.redrive.";
/// Name of the bucket with the index of ids.
pub const DEDUP: &str = "event-ids";
/// The bucket of the places of consumers.
pub const PLACES: &str = "places";
/// How long the log keeps an event.
const LOG_AGE: Duration = Duration::from_hours(24 * 30);
/// How long the server itself remembers ids: the time in which the dedup index must have caught up.
const DUPLICATE_WINDOW: Duration = Duration::from_hours(1);
/// How long the dedup index remembers ids: longer than GitHub offers a delivery for redelivery (3 days).
const DEDUP_AGE: Duration = Duration::from_hours(24 * 8);
/// How long the marker of a deleted or expired key stays.
pub const MARKER_AGE: Duration = Duration::from_mins(10);

/// What the engine keeps on the server.
#[derive(Clone)]
pub struct Assets {
    /// The log.
    pub stream: stream::Stream,
    /// The dedup index beyond the window of the server.
    pub dedup: kv::Store,
    /// Where the consumers stand, should one be lost, and what they have put off.
    pub places: kv::Store,
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

/// Finds or makes everything. What is there is never deleted; whether it is changed, [`fit`] says.
pub async fn ensure(context: &jetstream::Context, retention: Retention) -> anyhow::Result<Assets> {
    let stream = settle(context, Part::Log, retention.on(log())).await?;
    let mut buckets = HashMap::new();
    for part in Bucket::iter() {
        buckets.insert(part.name(), kept(context, part.name(), Duration::ZERO).await?);
    }
    let dedup = kept(context, DEDUP, DEDUP_AGE).await?;
    let places = kept(context, PLACES, Duration::ZERO).await?;
    // A body is needed as long as anything names it, and is swept then.
    settle(context, Part::Blobs, blobs(Duration::ZERO)).await?;
    let blobs =
        context.get_object_store(format!("{STREAM}_blobs")).await.context("cannot use the object store")?;
    Ok(Assets { stream, dedup, places, buckets, blobs })
}

async fn kept(context: &jetstream::Context, name: &str, max_age: Duration) -> anyhow::Result<kv::Store> {
    settle(context, Part::Bucket, bucket(name, max_age)).await?;
    let found = context.get_key_value(format!("{STREAM}_{name}")).await;
    found.with_context(|| format!("cannot use the bucket {STREAM}_{name}"))
}

/// Finds or makes a stream, and does with one that is there what the rules say.
async fn settle(context: &jetstream::Context, part: Part, wanted: Config) -> anyhow::Result<stream::Stream> {
    let name = wanted.name.clone();
    let stream = context.get_or_create_stream(wanted.clone()).await;
    let stream = stream.map_err(|error| {
        let off = error.kind() == CreateStreamErrorKind::JetStreamUnavailable;
        let hint =
            if off { ": JetStream is not enabled on the server, or not for this user's account" } else { "" };
        anyhow::Error::new(error).context(format!("cannot find or make the stream {name}{hint}"))
    })?;
    match fit::stream::decide(part, &stream.cached_info().config, &wanted) {
        Decision::Adopt(differences) => {
            if !differences.is_empty() {
                tracing::debug!(
                    stream = name,
                    differences = fit::list(&differences),
                    "it is not as we make it"
                );
            }
            Ok(stream)
        }
        Decision::Update(config, differences) => {
            let differences = fit::list(&differences);
            let updated = context.update_stream(&*config).await;
            updated.with_context(|| {
                format!("cannot change the stream {name} ({differences}): a NATS user that may can do it by `signalbox nats setup`")
            })?;
            tracing::warn!(stream = name, differences, "the stream was there and is changed");
            context.get_stream(&name).await.with_context(|| format!("cannot find the stream {name}"))
        }
        Decision::Refuse(unfit) => Err(unfit.into()),
    }
}

/// Makes a durable consumer, or does with one that is there what the rules say. Its place in the log never moves.
pub async fn consumer(
    stream: &stream::Stream,
    name: &str,
    wanted: pull::Config,
) -> anyhow::Result<Consumer<pull::Config>> {
    let found = match stream.consumer_info(name).await {
        Ok(info) => info.config,
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
            return stream.create_consumer(wanted).await.context("the server refuses the consumer");
        }
        Err(error) => return Err(error).context("cannot look at the consumer"),
    };
    let config = match fit::consumer::decide(name, &found, &wanted.into_consumer_config()) {
        Decision::Adopt(_) => {
            let found = stream.get_consumer(name).await.map_err(anyhow::Error::from_boxed);
            return found.context("cannot find the consumer");
        }
        Decision::Update(config, differences) => {
            tracing::info!(consumer = name, differences = fit::list(&differences), "the consumer is changed");
            pull::Config::try_from_consumer_config(*config).map_err(anyhow::Error::from_boxed)?
        }
        Decision::Refuse(unfit) => return Err(unfit.into()),
    };
    stream.create_consumer(config).await.context("the server refuses to change the consumer")
}

/// The log, as we make it.
pub fn log() -> Config {
    Config {
        name: STREAM.to_owned(),
        description: Some("The log of Signalbox".to_owned()),
        subjects: vec![format!("{}>", events::subject::PREFIX), format!("{REDRIVE}*")],
        max_age: LOG_AGE,
        duplicate_window: DUPLICATE_WINDOW,
        allow_direct: true,
        ..unlimited()
    }
}

/// A bucket, as the key-value functions of all clients make it, in which an entry can expire by itself.
pub fn bucket(name: &str, max_age: Duration) -> Config {
    Config {
        name: format!("KV_{STREAM}_{name}"),
        description: Some("State of Signalbox".to_owned()),
        subjects: vec![format!("$KV.{STREAM}_{name}.>")],
        max_messages_per_subject: 1,
        max_age,
        discard: stream::DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        allow_message_ttl: true,
        subject_delete_marker_ttl: Some(MARKER_AGE),
        ..unlimited()
    }
}

/// The object store, as the functions of all clients make it.
pub fn blobs(max_age: Duration) -> Config {
    Config {
        name: format!("OBJ_{STREAM}_blobs"),
        description: Some("Large bodies of Signalbox".to_owned()),
        subjects: vec![format!("$O.{STREAM}_blobs.C.>"), format!("$O.{STREAM}_blobs.M.>")],
        max_age,
        discard: stream::DiscardPolicy::New,
        allow_rollup: true,
        allow_direct: true,
        ..unlimited()
    }
}

/// A stream in files, without a limit, as the server says it.
fn unlimited() -> Config {
    Config {
        retention: stream::RetentionPolicy::Limits,
        storage: stream::StorageType::File,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_bytes: -1,
        max_message_size: -1,
        max_consumers: -1,
        num_replicas: 1,
        ..Config::default()
    }
}
