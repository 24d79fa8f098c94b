//! The Argo CD adapter: one notification of its webhook service is one event.
//!
//! A notification of Argo CD has the body that its template gives it. This is the body of *our* template, version 1
//! (`services/gateway/presets/argocd/argocd-notifications-cm.yaml`); unknown members are accepted, so that it can be
//! added to. The watcher sees every transition of an Application; a notification is for those who have no watcher near
//! the cluster, or want to hear at once.
//!
//! | attribute | value |
//! |---|---|
//! | `type` | [`ApplicationNotified`](crate::Kind::ApplicationNotified): no type of the watcher's, so nothing that listens for a transition hears it twice |
//! | `id` | `UUIDv5` of uid, trigger, sync, revisions, health and operation, with the times of the last two |
//! | `source` | `/argocd/<namespace>`, as the watcher's |
//! | `subject` | `<namespace>/<name>`, as the watcher's |
//! | `time` | the latest time of its health and its operation; absent when there is none |
//! | `partitionkey` | `argocd:<namespace>/<name>`, as the watcher's |
//!
//! The id: Argo CD gives its notifications none, and renders the template anew for each attempt. What it says of one
//! state of an Application is one event, however often it says it; the same state at another time is another event. When
//! the health has no time (Argo CD before 3.0), the time of the last reconciliation stands in for it: a late attempt may
//! then be a second event, but none is lost.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::payload::application::Operation;
use crate::payload::argocd::Notified;
use crate::webhook::{self, DecodeError};
use crate::{Envelope, InvalidEnvelope, Payload as _, announcement, extension, validate};

#[cfg(test)]
mod tests;

/// What Argo CD sends with our template.
pub const SAMPLE: &str = include_str!("argocd/sample.json");

/// The namespace of the ids (RFC 9562 version 5). Chosen once; changing it would make every notification new.
const NAMESPACE: Uuid = Uuid::from_u128(0x71c4_0b9d_2f6e_5a83_94d7_c3e8_5b10_6fa2);

const SENDER: &str = "the template of Signalbox for Argo CD";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(rename = "version")]
    _version: Version,
    trigger: Option<String>,
    #[serde(default)]
    uid: String,
    name: String,
    namespace: String,
    project: Option<String>,
    destination_namespace: Option<String>,
    #[serde(default)]
    sync: Sync,
    #[serde(default)]
    health: Health,
    operation: Option<Operated>,
    images: Option<Vec<String>>,
    reconciled_at: Option<String>,
}

/// Which template: another one is refused, and the error says which this is.
#[derive(Deserialize)]
enum Version {
    #[serde(rename = "1")]
    One,
}

#[derive(Default, Deserialize)]
struct Sync {
    status: Option<String>,
    revision: Option<String>,
    revisions: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Health {
    status: Option<String>,
    message: Option<String>,
    last_transition_time: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operated {
    phase: Option<String>,
    message: Option<String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    revision: Option<String>,
    revisions: Option<Vec<String>>,
}

/// Makes the event of a notification. Pure: the same state of an Application always makes the same event.
///
/// ```
/// let event = events::argocd::decode(events::argocd::SAMPLE.as_bytes())?;
/// assert_eq!(event.ty(), "io.argoproj.notification.received.v1");
/// assert_eq!(event.subject(), Some("argocd/shop-dev"));
/// # Ok::<(), events::webhook::DecodeError>(())
/// ```
pub fn decode(body: &[u8]) -> Result<Envelope, DecodeError> {
    let body: Body = webhook::read(SENDER, body)?;
    envelope(body).map_err(webhook::invalid(SENDER))
}

fn envelope(body: Body) -> Result<Envelope, InvalidEnvelope> {
    let Body { uid, trigger, health, reconciled_at, .. } = &body;
    let operation = body.operation.as_ref();
    let started = operation.and_then(|operation| operation.started_at.as_deref());
    let finished = operation.and_then(|operation| operation.finished_at.as_deref());
    let changed = health.last_transition_time.as_deref().filter(|time| !time.is_empty());
    let time = [started, finished, changed].into_iter().filter_map(|time| parse(time?)).max();
    let since = changed.or(reconciled_at.as_deref()).unwrap_or_default().to_owned();
    let (uid, trigger) = (uid.clone(), trigger.clone());
    let notified = notified(body);
    let Notified { name, namespace, .. } = &notified;
    let key = format!("{namespace}/{name}");
    let id = id(&key, &uid, trigger.as_deref(), &since, &notified);
    let source = format!("/argocd/{namespace}");
    let trace = announcement::root_traceparent(&source, &id);
    let data = serde_json::to_value(&notified).expect("a notification is plain data with string keys");
    let mut builder = Envelope::builder(id, source, notified.kind().name())
        .subject(&key)
        .partition_key(format!("argocd:{key}"))
        .extension(extension::TRACEPARENT, trace)
        .json(&data);
    if let Some(time) = time {
        builder = builder.time(time);
    }
    builder.build()
}

fn notified(body: Body) -> Notified {
    let Body {
        trigger,
        name,
        namespace,
        project,
        destination_namespace,
        sync,
        health,
        operation,
        images,
        ..
    } = body;
    let unknown = || "Unknown".to_owned();
    let Sync { status, revision, revisions } = sync;
    Notified {
        trigger: said(trigger),
        name,
        namespace,
        project: project.unwrap_or_default(),
        destination_namespace: said(destination_namespace),
        sync: said(status).unwrap_or_else(unknown),
        health: said(health.status).unwrap_or_else(unknown),
        health_message: said(health.message),
        revisions: all(revision, revisions),
        images: images.unwrap_or_default(),
        operation: operation.and_then(|operated| {
            let Operated { phase, message, started_at, finished_at, revision, revisions } = operated;
            Some(Operation {
                // An Application that never had an operation has one without a phase in the template.
                phase: said(phase)?,
                message: said(message),
                started_at: said(started_at),
                finished_at: said(finished_at),
                revisions: all(revision, revisions),
            })
        }),
    }
}

/// The one revision, or those of several sources.
fn all(one: Option<String>, several: Option<Vec<String>>) -> Vec<String> {
    match several {
        Some(several) if !several.is_empty() => several,
        Some(_) | None => said(one).into_iter().collect(),
    }
}

fn id(key: &str, uid: &str, trigger: Option<&str>, since: &str, notified: &Notified) -> String {
    let Notified { sync, health, revisions, operation, .. } = notified;
    let operation = operation.as_ref().map(|o| (&o.phase, &o.started_at, &o.finished_at, &o.revisions));
    let state = (key, uid, trigger, sync, revisions, health, since, operation);
    // JSON, so that the parts cannot run into each other.
    let name = serde_json::to_string(&state).expect("texts are plain data");
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}

fn parse(time: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(time).ok()?.to_utc();
    validate::time("time", time).is_ok().then_some(time)
}

/// A text that says something.
fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
