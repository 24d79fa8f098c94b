//! The deliveries of a durable pull consumer.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use async_nats::jetstream::{AckKind, message};
use async_trait::async_trait;
use events::Envelope;
use events::subject::PREFIX;
use futures::StreamExt as _;
use time::OffsetDateTime;

use super::store::Buckets;
use super::stream::{Assets, REDRIVE};
use crate::bus::{Acker, BusError, ConsumerSpec, Deliveries, Delivery, Position, Settle, Start, Undecodable};
use crate::claim::{self, ClaimError};
use crate::store::Store;

/// A dead connection under a quiet stream is noticed after two of these.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long one pull waits at the server.
const EXPIRES: Duration = Duration::from_secs(30);

/// The deliveries of a durable pull consumer.
pub struct Pull {
    store: Buckets,
    spec: ConsumerSpec,
    messages: pull::Stream,
}

impl Pull {
    /// Makes or resumes the consumer. What may be changed of one that exists is changed; its place in the log stays.
    pub async fn open(store: Buckets, spec: ConsumerSpec) -> anyhow::Result<Self> {
        let messages = pull(&store.assets, &spec).await?;
        Ok(Self { store, spec, messages })
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
        max_ack_pending: i64::try_from(spec.max_in_flight).unwrap_or(i64::MAX),
        filter_subjects: filters(spec),
        ..pull::Config::default()
    };
    let consumer: Consumer<pull::Config> =
        assets.stream.create_consumer(config).await.context("the server refuses the consumer")?;
    consumer
        .stream()
        .max_messages_per_batch(spec.max_in_flight)
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

/// The event of a message, with its body brought back; one that cannot be read keeps its bytes.
pub async fn decode(
    store: &dyn Store,
    message: &async_nats::Message,
) -> anyhow::Result<Result<Envelope, Undecodable>> {
    let headers: Vec<(String, String)> = message.headers.iter().flat_map(async_nats::HeaderMap::iter).fold(
        Vec::new(),
        |mut headers, (name, values)| {
            headers.extend(values.iter().map(|value| (name.to_string(), value.to_string())));
            headers
        },
    );
    let undecodable = |reason: String| Undecodable {
        subject: message.subject.to_string(),
        headers: headers.clone(),
        payload: message.payload.to_vec(),
        reason,
    };
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let event = match events::nats::decode(pairs, &message.payload) {
        Ok(event) => event,
        Err(error) => return Ok(Err(undecodable(format!("{:#}", anyhow::Error::new(error))))),
    };
    match claim::check_out(store, event).await {
        Ok(event) => Ok(Ok(event)),
        Err(error @ ClaimError::Lost(_)) => Ok(Err(undecodable(error.to_string()))),
        Err(error @ ClaimError::Store { .. }) => Err(error.into()),
    }
}

#[async_trait]
impl Deliveries for Pull {
    async fn next(&mut self) -> Result<Delivery, BusError> {
        let failed = |error: anyhow::Error| BusError::new("take the next delivery", error);
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
        let position = Position(info.stream_sequence);
        let attempt = u32::try_from(info.delivered).unwrap_or(1).max(1);
        let event = decode(&self.store, &message.message).await.map_err(failed)?;
        let (_, acker) = message.split();
        Ok(Delivery { position, attempt, event, acker: Box::new(Settler(acker)) })
    }
}

struct Settler(message::Acker);

#[async_trait]
impl Acker for Settler {
    async fn settle(&self, how: Settle) -> Result<(), BusError> {
        let Self(acker) = self;
        let done = match how {
            Settle::Progress => acker.ack_with(AckKind::Progress).await,
            Settle::Ack => acker.double_ack_with(AckKind::Ack).await,
            Settle::Nak(delay) => acker.double_ack_with(AckKind::Nak(Some(delay))).await,
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
