//! Announce: a tick as an event. Pure.

use chrono::{DateTime, SecondsFormat, Utc};
use events::announcement::root_traceparent;
use events::payload::schedule::Ticked;
use events::{Envelope, Payload as _, extension};
use resources::Schedule;
use uuid::Uuid;

use crate::decide::Tick;

/// The source of every tick.
const SOURCE: &str = "/signalbox/scheduler";
/// The namespace of the ids (RFC 9562 version 5). Chosen once: another would let every tick come again.
const NAMESPACE: Uuid = Uuid::from_u128(0xa1c6_3f0e_2b7d_5c48_9e15_4d0a_6b82_f7c3);

/// The tick of a schedule with this nominal time, by which the bus knows it again, and by which it is delayed.
pub fn identity(name: &str, nominal: DateTime<Utc>) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{name}/{}", nominal.timestamp()).as_bytes())
}

/// The event that says that the time has come.
pub fn event(name: &str, schedule: &Schedule, tick: &Tick, now: DateTime<Utc>) -> Envelope {
    let Tick { nominal, due: _, cause, previous, missed } = *tick;
    let id = identity(name, nominal).to_string();
    let payload = Ticked {
        schedule: name.to_owned(),
        nominal,
        local: nominal.with_timezone(&schedule.zone).to_rfc3339_opts(SecondsFormat::Secs, false),
        zone: schedule.zone.name().to_owned(),
        expression: schedule.expression.text().to_owned(),
        cause,
        previous,
        missed,
    };
    let data = serde_json::to_value(&payload).expect("payloads are plain data with string keys");
    Envelope::builder(id.as_str(), SOURCE, payload.kind().name())
        .subject(name)
        .time(now)
        .json(&data)
        .partition_key(format!("schedule:{name}"))
        .extension(extension::TRACEPARENT, root_traceparent(SOURCE, &id))
        .build()
        .expect("the name of a Source is valid in each attribute")
}
