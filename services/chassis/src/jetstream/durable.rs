//! The durable consumer on the server: made, resumed, or made anew where it stood.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::consumer::{
    AckPolicy, Config, DeliverPolicy, FromConsumer as _, Info, IntoConsumerConfig as _, pull,
};
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use events::subject::PREFIX;
use time::OffsetDateTime;
use tokio::time::Instant;

use super::fit::{self, Decision, Difference};
use super::gate::{Gate, Pending};
use super::ground::Ground;
use super::place::{self, Known, Place, Record};
use super::stream::{self, Assets, REDRIVE};
use crate::bus::{ConsumerSpec, Start};

/// A dead connection under a quiet stream is noticed after two of these.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How many deliveries the server lets be unsettled, those that are put off included.
pub const MAX_UNSETTLED: i64 = 10_000;
/// With this limit the server delivers again what is unsettled, and nothing new while anything is.
pub const NOTHING_NEW: i64 = 1;
/// So many pulls make what may be in flight: few messages wait in the client, where nobody gives signs of life for them.
const BATCHES: usize = 4;
/// How many bytes one pull may bring. The client begins the next one when half of a pull has been taken, so that at most
/// two are on their way or wait in the client: 8 MiB a handler, whatever the size of its events, beside the bound of the
/// runner's queue. What is held back while a gate is closed was within these bounds in the process that had it.
const PULL_BYTES: usize = 4 * 1024 * 1024;
/// What a message takes in a pull beside what the server counts of it when it is published: subjects.
const SUBJECTS: usize = 16 * 1024;
/// How long one pull waits at the server.
const EXPIRES: Duration = Duration::from_secs(5);

/// A consumer that delivers.
pub struct Opened {
    /// What it delivers.
    pub messages: pull::Stream,
    /// Where it stands.
    pub record: Record,
    /// What is waited for.
    pub gate: Gate,
    /// The keys of which events are put off: which, and until when.
    pub put_off: BTreeMap<String, BTreeMap<u64, Instant>>,
    /// All that is put off.
    pub until: Vec<(u64, Instant)>,
    /// The last place that was delivered before.
    pub highest: u64,
}

impl Opened {
    /// How many deliveries the server was told to let be unsettled.
    pub fn limit(&self) -> i64 {
        limit_of(&self.gate)
    }
}

fn limit_of(gate: &Gate) -> i64 {
    match gate {
        Gate::Open => MAX_UNSETTLED,
        Gate::Closed { .. } => NOTHING_NEW,
    }
}

/// Makes or resumes the consumer; `known` is its place as this process knows it, if it had it before.
pub async fn open(ground: &Ground, spec: &ConsumerSpec, known: Option<&Place>) -> anyhow::Result<Opened> {
    let assets = ground.assets().await?;
    let record = match known {
        Some(known) => Some(known.record()),
        None => place::read(&assets, &spec.name).await?,
    };
    match assets.stream.consumer_info(&spec.name).await {
        Ok(info) => resume(ground, &assets, spec, known, record, &info).await,
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
            create(ground, &assets, spec, record).await
        }
        Err(error) => {
            ground.doubt();
            Err(error).context("cannot look at the consumer")
        }
    }
}

async fn resume(
    ground: &Ground,
    assets: &Assets,
    spec: &ConsumerSpec,
    known: Option<&Place>,
    record: Option<Record>,
    info: &Info,
) -> anyhow::Result<Opened> {
    let put_off = place::all_put_off(ground, assets, &spec.name).await?;
    let (floor, positions) = (info.ack_floor.stream_sequence, put_off.keys().copied());
    let Known { here, put_off: away } = match known {
        Some(place) => place.known(floor, positions),
        None => Known { here: 0, put_off: positions.filter(|position| *position > floor).count() },
    };
    let pending = Pending {
        all: info.num_ack_pending,
        here,
        put_off: away,
        above: info.delivered.stream_sequence,
        ack_wait: info.config.ack_wait,
    };
    let gate = Gate::of(pending, Instant::now());
    if let Gate::Closed { missing, .. } = &gate {
        tracing::info!(handler = spec.name, missing, "what a former process had under way is waited for");
    }
    let limit = limit_of(&gate);
    // Where it began cannot be changed any more, and need not be.
    let messages = pull(ground, assets, spec, info.config.deliver_policy, limit).await?;
    let record = Record::of(assets, info).with_settled_of(record);
    let until = put_off.iter().map(|(position, (_, until))| (*position, *until)).collect();
    let mut by_key: BTreeMap<String, BTreeMap<u64, Instant>> = BTreeMap::new();
    for (position, (key, until)) in put_off {
        if let Some(key) = key {
            by_key.entry(key).or_default().insert(position, until);
        }
    }
    let highest = info.delivered.stream_sequence;
    Ok(Opened { messages, record, gate, put_off: by_key, until, highest })
}

async fn create(
    ground: &Ground,
    assets: &Assets,
    spec: &ConsumerSpec,
    record: Option<Record>,
) -> anyhow::Result<Opened> {
    let (policy, record) = match record {
        Some(record) if record.is_of(assets) => {
            let (handler, position) = (&spec.name, record.floor);
            if record.is_restored() {
                tracing::info!(handler, position, "the consumer goes on where an archive says that it stood");
            } else {
                tracing::error!(
                    handler,
                    position,
                    "somebody deleted the durable consumer: it is made anew and goes on where it stood"
                );
            }
            let start_sequence = record.floor + 1;
            (DeliverPolicy::ByStartSequence { start_sequence }, Some(record))
        }
        Some(_) => {
            tracing::error!(
                handler = spec.name,
                "the log was made anew: its consumer begins with the first event"
            );
            (DeliverPolicy::All, None)
        }
        None => (start(spec)?, None),
    };
    let messages = pull(ground, assets, spec, policy, MAX_UNSETTLED).await?;
    let info = assets.stream.consumer_info(&spec.name).await.context("cannot look at the consumer")?;
    let record = match record {
        Some(record) => record.taken_over(&info),
        None => Record::of(assets, &info),
    };
    let highest = record.settled.last().copied().unwrap_or(0);
    Ok(Opened { messages, record, gate: Gate::Open, put_off: BTreeMap::new(), until: Vec::new(), highest })
}

fn start(spec: &ConsumerSpec) -> anyhow::Result<DeliverPolicy> {
    Ok(match spec.start {
        Start::Beginning => DeliverPolicy::All,
        Start::Now => DeliverPolicy::New,
        Start::At(time) => {
            let nanos = i128::from(time.timestamp_micros()) * 1000;
            let start_time = OffsetDateTime::from_unix_timestamp_nanos(nanos);
            DeliverPolicy::ByStartTime { start_time: start_time.context("the start time is out of range")? }
        }
    })
}

fn config(spec: &ConsumerSpec, deliver_policy: DeliverPolicy, limit: i64) -> pull::Config {
    pull::Config {
        durable_name: Some(spec.name.clone()),
        deliver_policy,
        ack_policy: AckPolicy::Explicit,
        ack_wait: spec.ack_wait,
        max_deliver: -1,
        max_ack_pending: limit,
        filter_subjects: filters(spec),
        ..pull::Config::default()
    }
}

/// What somebody changed of a durable that we set; `limit` is how many deliveries may be unsettled, if that is known.
pub fn changed(spec: &ConsumerSpec, info: &Info, limit: Option<i64>) -> Vec<Difference> {
    let limit = limit.unwrap_or(info.config.max_ack_pending);
    let wanted = config(spec, info.config.deliver_policy, limit).into_consumer_config();
    match fit::consumer::decide(&spec.name, &info.config, &wanted) {
        Decision::Adopt(_) => Vec::new(),
        Decision::Update(_, differences) => differences,
        Decision::Refuse(unfit) => unfit.differences,
    }
}

async fn pull(
    ground: &Ground,
    assets: &Assets,
    spec: &ConsumerSpec,
    policy: DeliverPolicy,
    limit: i64,
) -> anyhow::Result<pull::Stream> {
    let consumer = stream::consumer(&assets.stream, &spec.name, config(spec, policy, limit)).await?;
    // A message that is larger than a pull would never come.
    let largest = ground.client.server_info().max_payload + SUBJECTS;
    consumer
        .stream()
        .max_bytes_per_batch(PULL_BYTES.max(largest))
        .max_messages_per_batch(spec.max_in_flight.div_ceil(BATCHES))
        .expires(EXPIRES)
        .heartbeat(HEARTBEAT)
        .messages()
        .await
        .context("cannot pull from the consumer")
}

/// Changes how many deliveries may be unsettled.
pub async fn limit(assets: &Assets, spec: &ConsumerSpec, limit: i64) -> anyhow::Result<()> {
    let info = assets.stream.consumer_info(&spec.name).await.context("cannot look at the consumer")?;
    let config = pull::Config::try_from_consumer_config(Config { max_ack_pending: limit, ..info.config });
    let updated = assets.stream.update_consumer(config.map_err(anyhow::Error::from_boxed)?).await;
    updated.map(|_| ()).context("the server refuses to change the consumer")
}

/// Whether the pulls have ended, and must be begun anew.
pub fn is_lost(error: &pull::MessagesError) -> bool {
    use pull::MessagesErrorKind::{
        ConsumerDeleted, MissingHeartbeat, NoResponders, Other, Pull, PushBasedConsumer, RequestLimitExceeded,
    };
    match error.kind() {
        ConsumerDeleted | NoResponders | PushBasedConsumer | RequestLimitExceeded => true,
        // It asks again by itself.
        MissingHeartbeat | Pull | Other => false,
    }
}

/// The narrowest subjects that hold every type of the spec; they may not overlap.
pub fn filters(spec: &ConsumerSpec) -> Vec<String> {
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
