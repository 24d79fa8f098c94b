//! Announce: a transition as an event. Pure.

use chrono::{DateTime, Datelike as _, Utc};
use events::announcement::root_traceparent;
use events::payload::application::{Application, Transition};
use events::{Envelope, Kind, Payload as _, extension};
use uuid::Uuid;

use crate::decide::Change;
use crate::gather::Sight;
use crate::key::AppKey;

/// The namespace of the ids (RFC 9562 version 5). Chosen once.
const NAMESPACE: Uuid = Uuid::from_u128(0x3d52_9f0c_7a8e_5b1f_8c64_1e0b_92d7_4a35);

/// The place of a transition in the story of one Application. It makes the event's id.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// When the Application was seen for the first time. Ids are new when the state was lost and begins anew; without
    /// it they would be those of other events, and the bus would drop them.
    pub first_seen: DateTime<Utc>,
    /// Grows with every change of the state, from 1.
    pub sequence: u64,
}

/// The event that says that `sight` of an Application differs from the one before by `change`.
pub fn event(key: &AppKey, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
    let payload = payload(key, sight, change);
    let kind = payload.kind();
    let id = id(&sight.uid, place, change.transition);
    let source = format!("/argocd/{}", key.namespace());
    let data = serde_json::to_value(&payload).expect("payloads are plain data with string keys");
    Envelope::builder(id.as_str(), source.as_str(), kind.name())
        .subject(key.to_string())
        .time(time(sight, change.transition).unwrap_or(now))
        .json(&data)
        .partition_key(format!("argocd:{key}"))
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
    name.strip_prefix("io.argoproj.application.").and_then(|name| name.strip_suffix(".v1")).unwrap_or(name)
}

fn id(uid: &str, place: Place, transition: Transition) -> String {
    let Place { first_seen, sequence } = place;
    let name = format!("{uid}/{}/{sequence}/{}", first_seen.timestamp_micros(), word(transition.kind()));
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}

fn payload(key: &AppKey, sight: &Sight, change: &Change) -> Application {
    let Sight {
        uid: _,
        resource_version: _,
        project,
        destination_namespace,
        sync,
        health,
        health_message,
        health_since: _,
        revisions,
        images,
        operation,
        conditions,
    } = sight.clone();
    Application {
        transition: change.transition,
        name: key.name().to_owned(),
        namespace: key.namespace().to_owned(),
        project,
        destination_namespace,
        sync,
        health,
        health_message,
        revisions,
        images,
        operation,
        conditions,
        previous: change.previous.clone(),
    }
}

/// When it happened, by Argo CD's clock, where Argo CD says so.
fn time(sight: &Sight, transition: Transition) -> Option<DateTime<Utc>> {
    let operation = sight.operation.as_ref();
    let text = match transition {
        Transition::OperationRunning => operation?.started_at.as_ref(),
        Transition::OperationSucceeded | Transition::OperationFailed | Transition::OperationError => {
            operation?.finished_at.as_ref()
        }
        Transition::Healthy
        | Transition::Progressing
        | Transition::Degraded
        | Transition::Suspended
        | Transition::Missing
        | Transition::HealthUnknown => sight.health_since.as_ref(),
        Transition::Created
        | Transition::Deleted
        | Transition::Synced
        | Transition::OutOfSync
        | Transition::SyncUnknown => None,
    };
    let time = DateTime::parse_from_rfc3339(text?).ok()?.to_utc();
    // What CloudEvents can write.
    (0..=9999).contains(&time.year()).then_some(time)
}
