//! The deliveries of a durable pull consumer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{AckKind, message};
use async_trait::async_trait;
use events::Envelope;
use events::subject::PREFIX;
use futures::StreamExt as _;
use time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::store::Buckets;
use super::stream::{Assets, REDRIVE};
use crate::bus::{Acker, BusError, ConsumerSpec, Deliveries, Delivery, Position, Settle, Start, Undecodable};

/// A dead connection under a quiet stream is noticed after two of these.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How many deliveries the server lets be unsettled, those that are put off included.
const MAX_UNSETTLED: i64 = 10_000;
/// So many pulls make what may be in flight: few messages wait in the client, where nobody gives signs of life for them.
const BATCHES: usize = 4;
/// How long one pull waits at the server.
const EXPIRES: Duration = Duration::from_secs(30);

/// The deliveries of a durable pull consumer.
pub struct Pull {
    store: Buckets,
    spec: ConsumerSpec,
    messages: pull::Stream,
    /// How many may be in flight. The server's own limit counts what is put off, too, so it must be far larger: one
    /// stuck key would stop all others.
    places: Arc<Semaphore>,
}

impl Pull {
    /// Makes or resumes the consumer. What may be changed of one that exists is changed; its place in the log stays.
    pub async fn open(store: Buckets, spec: ConsumerSpec) -> anyhow::Result<Self> {
        let messages = pull(&store.assets, &spec).await?;
        let places = Arc::new(Semaphore::new(spec.max_in_flight));
        Ok(Self { store, spec, messages, places })
    }
}

async fn pull(assets: &Assets, spec: &ConsumerSpec) -> anyhow::Result<pull::Stream> {
    let deliver_policy = match assets.stream.consumer_info(&spec.name).await {
        // Where it began cannot be changed any more, and need not be.
        Ok(info) => info.config.deliver_policy,
        Err(_) => match spec.start {
            Start::Beginning => DeliverPolicy::All,
            Start::Now => DeliverPolicy::New,
            Start::At(time) => DeliverPolicy::ByStartTime {
                start_time: OffsetDateTime::from_unix_timestamp_nanos(
                    i128::from(time.timestamp_micros()) * 1000,
                )
                .context("the start time is out of range")?,
            },
        },
    };
    let config = pull::Config {
        durable_name: Some(spec.name.clone()),
        deliver_policy,
        ack_policy: AckPolicy::Explicit,
        ack_wait: spec.ack_wait,
        max_deliver: -1,
        max_ack_pending: MAX_UNSETTLED,
        filter_subjects: filters(spec),
        ..pull::Config::default()
    };
    let consumer = super::stream::consumer(&assets.stream, &spec.name, config).await?;
    consumer
        .stream()
        .max_messages_per_batch(spec.max_in_flight.div_ceil(BATCHES))
        .expires(EXPIRES)
        .heartbeat(HEARTBEAT)
        .messages()
        .await
        .context("cannot pull from the consumer")
}

/// The narrowest subjects that hold every type of the spec; they may not overlap.
fn filters(spec: &ConsumerSpec) -> Vec<String> {
    let mut subjects: Vec<String> = Vec::new();
    for glob in &spec.types {
        let subject = match glob.split_once('*') {
            None => events::subject::of(glob),
            // Whole tokens before the first star.
            Some((literal, _)) => match literal.rsplit_once('.') {
                Some((tokens, _)) if !tokens.is_empty() => format!("{}.>", events::subject::of(tokens)),
                _ => format!("{PREFIX}>"),
            },
        };
        let covers = |wide: &str, narrow: &str| {
            wide == narrow || wide.strip_suffix('>').is_some_and(|prefix| narrow.starts_with(prefix))
        };
        if subjects.iter().any(|known| covers(known, &subject)) {
            continue;
        }
        subjects.retain(|known| !covers(&subject, known));
        subjects.push(subject);
    }
    subjects.push(format!("{REDRIVE}{}", spec.name));
    subjects
}

/// The event of a message as it travels; one that cannot be read keeps its bytes.
pub fn decode(message: &async_nats::Message) -> Result<Envelope, Undecodable> {
    let mut headers = Vec::new();
    for (name, values) in message.headers.iter().flat_map(async_nats::HeaderMap::iter) {
        headers.extend(values.iter().map(|value| (name.to_string(), value.to_string())));
    }
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    events::nats::decode(pairs, &message.payload).map_err(|error| Undecodable {
        subject: message.subject.to_string(),
        payload: message.payload.to_vec(),
        reason: format!("{:#}", anyhow::Error::new(error)),
        headers,
    })
}

#[async_trait]
impl Deliveries for Pull {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        let failed = |error: anyhow::Error| BusError::new("take the next delivery", error);
        let place = self.places.clone().acquire_owned().await.map_err(|error| failed(error.into()))?;
        let message = match self.messages.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                use pull::MessagesErrorKind::{
                    ConsumerDeleted, NoResponders, PushBasedConsumer, RequestLimitExceeded,
                };
                if matches!(
                    error.kind(),
                    ConsumerDeleted | NoResponders | PushBasedConsumer | RequestLimitExceeded
                ) {
                    self.messages = pull(&self.store.assets, &self.spec).await.map_err(failed)?;
                }
                return Err(failed(error.into()));
            }
            None => {
                self.messages = pull(&self.store.assets, &self.spec).await.map_err(failed)?;
                return Err(failed(anyhow::anyhow!("the stream of deliveries ended; it was begun anew")));
            }
        };
        let info = message.info().map_err(|error| failed(anyhow::Error::from_boxed(error)))?;
        let (position, again) = (Position(info.stream_sequence), info.delivered > 1);
        let event = decode(&message.message);
        let (_, acker) = message.split();
        Ok(Delivery {
            position,
            again,
            event,
            acker: Box::new(Settler { acker, place: Mutex::new(Some(place)) }),
        })
    }
}

struct Settler {
    acker: message::Acker,
    /// Its place among those in flight, until it is settled.
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

#[async_trait]
impl Acker for Settler {
    async fn settle(&self, how: Settle) -> Result<(), BusError> {
        let Self { acker, place } = self;
        if how != Settle::Progress {
            place.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        let done = match how {
            Settle::Progress => acker.ack_with(AckKind::Progress).await,
            Settle::Ack => acker.double_ack_with(AckKind::Ack).await,
            Settle::Return(delay) => acker.double_ack_with(AckKind::Nak(Some(delay))).await,
            Settle::Term => acker.double_ack_with(AckKind::Term).await,
        };
        done.map_err(|error| {
            BusError::new("record what became of a delivery", anyhow::Error::from_boxed(error))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters_of(types: &[&str]) -> Vec<String> {
        filters(&ConsumerSpec {
            name: "h".to_owned(),
            types: types.iter().map(|&glob| glob.to_owned()).collect(),
            start: Start::Beginning,
            max_in_flight: 1,
            ack_wait: Duration::from_secs(1),
        })
    }

    #[test]
    fn filters_are_narrow_and_do_not_overlap() {
        let cases: [(&[&str], &[&str]); 5] = [
            (&["*"], &["signalbox.events.>"]),
            (&["a.b.v1"], &["signalbox.events.a.b.v1"]),
            (&["com.github.*"], &["signalbox.events.com.github.>"]),
            (&["com.git*", "com.x.y"], &["signalbox.events.com.>"]),
            (&["a.b", "a.*", "c"], &["signalbox.events.a.>", "signalbox.events.c"]),
        ];
        for (types, wanted) in cases {
            let mut wanted: Vec<String> = wanted.iter().map(|&subject| subject.to_owned()).collect();
            wanted.push("signalbox.redrive.h".to_owned());
            assert_eq!(filters_of(types), wanted, "{types:?}");
        }
    }
}
