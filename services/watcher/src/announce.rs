//! Announce: a transition as an event. Pure.

use chrono::{DateTime, Utc};
use events::announcement::root_traceparent;
use events::{Envelope, Kind, Payload, extension};
use uuid::Uuid;

use crate::key::Key;

/// The namespace of the ids (RFC 9562 version 5). Chosen once.
const NAMESPACE: Uuid = Uuid::from_u128(0x3d52_9f0c_7a8e_5b1f_8c64_1e0b_92d7_4a35);

/// The place of a transition in the story of one object. It makes the event's id.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// When the object was seen for the first time. Ids are new when the state was lost and begins anew; without
    /// it they would be those of other events, and the bus would drop them.
    pub first_seen: DateTime<Utc>,
    /// Grows with every change of the state, from 1.
    pub sequence: u64,
}

/// What tells a transition from all others.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The object's uid.
    pub uid: &'a str,
    /// Where in its story.
    pub place: Place,
    /// The part of the object, where several can change alike at once.
    pub about: Option<&'a str>,
}

/// Whose words an event is in: what its source and its partition key begin with.
#[derive(Debug, Clone, Copy)]
pub struct Voice<'a> {
    /// `/argocd`, `/kubernetes`.
    pub source: &'a str,
    /// What tells the kind of object from others: events of one object stay in order.
    pub partition: &'a str,
}

/// The event of a transition of an object that happened at `time`.
pub fn event<P: Payload>(
    voice: Voice<'_>,
    key: &Key,
    identity: Identity<'_>,
    payload: &P,
    time: DateTime<Utc>,
) -> Envelope {
    event_about(voice, key.namespace(), &key.to_string(), identity, payload, time)
}

/// The event of what happened at `time` to something in a namespace.
pub fn event_about<P: Payload>(
    voice: Voice<'_>,
    namespace: Option<&str>,
    subject: &str,
    identity: Identity<'_>,
    payload: &P,
    time: DateTime<Utc>,
) -> Envelope {
    let kind = payload.kind();
    let id = id(identity, kind);
    let source = match namespace {
        Some(namespace) => format!("{}/{namespace}", voice.source),
        None => voice.source.to_owned(),
    };
    let data = serde_json::to_value(payload).expect("payloads are plain data with string keys");
    Envelope::builder(id.as_str(), source.as_str(), kind.name())
        .subject(subject)
        .time(time)
        .json(&data)
        .partition_key(format!("{}:{subject}", voice.partition))
        .extension(extension::TRACEPARENT, root_traceparent(&source, &id))
        .build()
        .expect("names of Kubernetes are valid in each attribute, and the times are checked")
}

/// The label of an event's transition in the metrics: the part of its type that tells it from the others.
pub fn label(event: &Envelope) -> &'static str {
    event.ty().parse().map_or("other", word)
}

fn word(kind: Kind) -> &'static str {
    let name = kind.name();
    let name = name.strip_suffix(".v1").unwrap_or(name);
    let ours = ["io.argoproj.application.", "io.argoproj.", "io.kubernetes."];
    ours.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

fn id(identity: Identity<'_>, kind: Kind) -> String {
    let Identity { uid, place: Place { first_seen, sequence }, about } = identity;
    let mut name = format!("{uid}/{}/{sequence}/{}", first_seen.timestamp_micros(), word(kind));
    if let Some(about) = about {
        name.push('/');
        name.push_str(about);
    }
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}
