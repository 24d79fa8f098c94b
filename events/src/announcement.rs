//! From what a handler wants to say to an event of the same story.

use chrono::{DateTime, Utc};
use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use crate::{Envelope, InvalidEnvelope, Kind, Payload, extension};

#[cfg(test)]
mod tests;

/// An event this far from its root is a loop, not a story.
pub const MAX_HOPS: u32 = 16;

/// The namespace of our derived ids (RFC 9562 version 5). Chosen once; changing it would make every id new.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f0a_4f3e_51b3_5d6e_9a35_0f6f_7c1e_2b90);

/// Something that a handler says, before it has an id and a place in the story.
#[derive(Debug, Clone, PartialEq)]
pub struct Announcement {
    /// Which event type.
    pub kind: Kind,
    /// What it is about.
    pub subject: Option<String>,
    /// What must stay in order.
    pub partition_key: Option<String>,
    /// The body.
    pub data: Value,
}

impl Announcement {
    /// Says this payload.
    ///
    /// # Panics
    /// Never for the payloads of this crate: they are plain data with string keys.
    pub fn of<P: Payload>(payload: &P) -> Self {
        let data = serde_json::to_value(payload).expect("payloads are plain data with string keys");
        Self { kind: payload.kind(), subject: None, partition_key: None, data }
    }

    /// Sets what it is about.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets what must stay in order.
    #[must_use]
    pub fn partition_key(mut self, key: impl Into<String>) -> Self {
        self.partition_key = Some(key.into());
        self
    }
}

/// Why an announcement became no event.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HopLimit {
    /// The story is too deep: an automation answers itself.
    #[error(
        "event {parent} is {MAX_HOPS} derivations away from its root {root}: this looks like a loop of automations"
    )]
    Exceeded {
        /// The event that would have been answered.
        parent: String,
        /// Where the story began.
        root: String,
    },
    /// The announcement is not a valid event.
    #[error("the announcement is not a valid event")]
    Invalid(#[from] InvalidEnvelope),
}

/// The id that [`derive()`] gives: the same parent, handler and step always give the same id, so that a second run of a
/// handler announces the same event and the bus drops it. A replay is meant to say things anew: in it, the id is another.
pub fn derived_id(parent: &Envelope, handler: &str, step: &str) -> String {
    // The lengths keep ("ab", "c") and ("a", "bc") apart.
    let (source, id) = (parent.source(), parent.id());
    let mut name = format!("{}:{source}{}:{id}{}:{handler}{step}", source.len(), id.len(), handler.len());
    if let Some(run) = parent.replay_run() {
        // No step has a NUL in it.
        name = format!("{name}\0{run}");
    }
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}

/// Makes the event that `handler` announces in answer to `parent`.
///
/// `step` tells the announcements of one handler and one parent apart (`0`, `1`, `started`, …). Sets the source
/// (`/signalbox/<handler>`), the deterministic id, and the causality extensions.
pub fn derive(
    parent: &Envelope,
    handler: &str,
    step: &str,
    announcement: &Announcement,
    now: DateTime<Utc>,
) -> Result<Envelope, HopLimit> {
    if parent.hops() >= MAX_HOPS {
        return Err(HopLimit::Exceeded {
            parent: parent.id().to_owned(),
            root: parent.correlation_id().into_owned(),
        });
    }
    let id = derived_id(parent, handler, step);
    let mut builder =
        Envelope::builder(id.as_str(), format!("/signalbox/{handler}"), announcement.kind.name())
            .time(now)
            .json(&announcement.data)
            .extension(extension::CORRELATION_ID, parent.correlation_id())
            .extension(extension::CAUSATION_ID, parent.id())
            .extension(extension::HOPS, (parent.hops() + 1).to_string())
            .extension(extension::TRACEPARENT, child_traceparent(parent, &id));
    if let Some(run) = parent.replay_run() {
        builder = builder.extension(extension::REPLAY_RUN, run);
    }
    if let Some(subject) = &announcement.subject {
        builder = builder.subject(subject);
    }
    if let Some(key) = &announcement.partition_key {
        builder = builder.partition_key(key);
    }
    Ok(builder.build()?)
}

/// The trace context of a root event: a trace id made from its source and id, so that it is the same on every run.
pub fn root_traceparent(source: &str, id: &str) -> String {
    let trace = Uuid::new_v5(&NAMESPACE, format!("{}:{source}{id}", source.len()).as_bytes());
    traceparent(&trace.simple().to_string(), trace.as_u128())
}

fn child_traceparent(parent: &Envelope, child_id: &str) -> String {
    parent.traceparent().and_then(|inherited| span_in(&inherited, child_id)).unwrap_or_else(|| {
        let trace = Uuid::new_v5(&NAMESPACE, parent.correlation_id().as_bytes());
        traceparent(&trace.simple().to_string(), span_seed(child_id))
    })
}

/// The trace context of the event `id`, in the same trace as another; `None` when that one is not well-formed.
pub(crate) fn span_in(other: &str, id: &str) -> Option<String> {
    Some(traceparent(trace_id(other)?, span_seed(id)))
}

fn span_seed(id: &str) -> u128 {
    Uuid::new_v5(&NAMESPACE, id.as_bytes()).as_u128()
}

/// `00-<trace id>-<span id>-01` of W3C Trace Context level 1, sampled.
fn traceparent(trace: &str, span_seed: u128) -> String {
    let span = u64::try_from(span_seed & u128::from(u64::MAX)).unwrap_or(1).max(1);
    format!("00-{trace}-{span:016x}-01")
}

/// The trace id inside a `traceparent`, if it is well-formed and not all zero.
fn trace_id(value: &str) -> Option<&str> {
    let mut parts = value.split('-');
    let (_version, trace) = (parts.next()?, parts.next()?);
    let well_formed = trace.len() == 32
        && trace.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        && trace.bytes().any(|b| b != b'0');
    well_formed.then_some(trace)
}
