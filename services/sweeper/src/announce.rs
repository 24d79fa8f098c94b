//! Announce: what became of a gap, as an event. Pure.

use chrono::{DateTime, Utc};
use events::announcement::root_traceparent;
use events::payload::source::{Gap, Missed, Outcome, SweepFailed, What};
use events::{Envelope, Payload, extension};
use uuid::Uuid;

/// The source of every event of the sweeper.
const SOURCE: &str = "/signalbox/sweeper";
/// The namespace of the ids (RFC 9562 version 5). Chosen once.
const NAMESPACE: Uuid = Uuid::from_u128(0x5b0d_6c41_9a3e_5f27_8d14_72c9_e6f0_3b58);
/// How many things an event tells of one by one.
pub const TOLD: usize = 100;

/// Which announcement this is: of this Source, by a count that its record keeps.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub source: &'a str,
    pub number: u64,
}

/// A gap of things that are told one by one; `None` when there are none.
pub fn gap(
    place: Place<'_>,
    what: What,
    outcome: Outcome,
    mut missed: Vec<Missed>,
    now: DateTime<Utc>,
) -> Option<Envelope> {
    missed.sort_by(|one, other| (one.time, &one.id).cmp(&(other.time, &other.id)));
    let (from, to) = (missed.first()?.time, missed.last()?.time);
    let count = u64::try_from(missed.len()).unwrap_or(u64::MAX);
    missed.truncate(TOLD);
    let gap = Gap { source: place.source.to_owned(), what, outcome, from, to, count, missed, reason: None };
    Some(event(place, &gap, now))
}

/// A gap of which nobody knows what was in it.
pub fn lost(
    place: Place<'_>,
    what: What,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    reason: String,
    now: DateTime<Utc>,
) -> Envelope {
    let gap = Gap {
        source: place.source.to_owned(),
        what,
        outcome: Outcome::Lost,
        from,
        to,
        count: 0,
        missed: Vec::new(),
        reason: Some(reason),
    };
    event(place, &gap, now)
}

/// The Source cannot be asked.
pub fn failed(
    place: Place<'_>,
    what: What,
    through: DateTime<Utc>,
    reason: String,
    now: DateTime<Utc>,
) -> Envelope {
    event(place, &SweepFailed { source: place.source.to_owned(), what, through, reason }, now)
}

/// An event of the sweeper.
pub fn event<P: Payload>(place: Place<'_>, payload: &P, now: DateTime<Utc>) -> Envelope {
    let Place { source, number } = place;
    let id = Uuid::new_v5(&NAMESPACE, format!("{source}/{number}").as_bytes()).to_string();
    let data = serde_json::to_value(payload).expect("payloads are plain data with string keys");
    Envelope::builder(id.as_str(), SOURCE, payload.kind().name())
        .subject(source)
        .time(now)
        .json(&data)
        .partition_key(format!("source:{source}"))
        .extension(extension::TRACEPARENT, root_traceparent(SOURCE, &id))
        .build()
        .expect("the name of a Source is valid in each attribute")
}
