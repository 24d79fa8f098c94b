//! The Alertmanager adapter: one notification of its webhook (version 4) is one event per alert.
//!
//! Source of the shape: `notify/webhook/webhook.go` and `template/template.go` of Alertmanager 0.34. Unknown members
//! are accepted, because users can shape the payload.
//!
//! | attribute | value |
//! |---|---|
//! | `type` | by the alert's own status, not the group's: [`AlertFiring`](crate::Kind::AlertFiring) or [`AlertResolved`](crate::Kind::AlertResolved) |
//! | `id` | `UUIDv5` of fingerprint, `startsAt` and status |
//! | `source` | `externalURL`; `/alertmanager/<receiver>` when that is absent or not a URL |
//! | `subject` | `<alertname>/<fingerprint>`, or the fingerprint alone |
//! | `time` | `startsAt` when it fires, `endsAt` when it is resolved |
//! | `partitionkey` | the fingerprint |
//! | `correlationid`, `causationid` | of a resolved alert: the id of its firing event |
//! | `truncatedalerts` | how many alerts were left out of the notification (`max_alerts`), if any were |
//!
//! The id does not depend on when Alertmanager speaks: a **repeated notification** (`repeat_interval`), a retried one
//! and the ones of all replicas of a highly available Alertmanager are one event, and the bus drops all but the first.
//! Replicas need the same `--web.external-url` for that (the Prometheus operator sees to it), since the identity of an
//! event is source and id. An alert that is resolved and fires again has a new `startsAt`, so it is a new event.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, SecondsFormat, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use thiserror::Error;
use uuid::Uuid;

use crate::payload::alert::{Alert, Status};
use crate::{Envelope, InvalidEnvelope, Payload as _, announcement, extension, validate};

mod listed;
#[cfg(test)]
mod tests;

pub use listed::{Listed, State, list};

/// The version of the webhook's payload that is understood.
pub const VERSION: &str = "4";

/// A notification as each shape of it has it, by the first version of Alertmanager that makes that shape: 0.25 to 0.31, 0.32 and
/// 0.33 (`notification_reason`), 0.34 (`routeLabels`); by `template/template.go` and `notify/webhook/webhook.go` of each.
pub const SAMPLES: [(&str, &str); 3] = [
    ("0.25", include_str!("alertmanager/samples/0.25.json")),
    ("0.32", include_str!("alertmanager/samples/0.32.json")),
    ("0.34", include_str!("alertmanager/samples/0.34.json")),
];

/// The namespace of the ids of alerts (RFC 9562 version 5). Chosen once; changing it would make every alert new.
const NAMESPACE: Uuid = Uuid::from_u128(0x3d5c_2b0e_8f4a_5a7d_b1c6_90e7_4a2f_8d13);

/// Why a body is not a notification of Alertmanager.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Not JSON, or a member of the wrong type.
    #[error("the body is not a notification of Alertmanager")]
    InvalidBody(#[source] serde_json::Error),
    /// Another version of the payload.
    #[error("version {0:?} of the Alertmanager webhook is not supported: Signalbox reads version \"4\"")]
    Version(String),
    /// A member that is always there is not.
    #[error("member `{0}` is missing")]
    Missing(String),
    /// The status of an alert is neither of the two.
    #[error("member `alerts[{index}].status` is {status:?}, it should be \"firing\" or \"resolved\"")]
    Status {
        /// Which alert, counted from 0.
        index: usize,
        /// What it held.
        status: String,
    },
    /// A value breaks a rule of CloudEvents.
    #[error("alert {index} does not make a valid CloudEvent")]
    Invalid {
        /// Which alert, counted from 0.
        index: usize,
        /// Which rule.
        #[source]
        source: InvalidEnvelope,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    version: Option<String>,
    receiver: Option<String>,
    group_key: Option<String>,
    #[serde(rename = "externalURL")]
    external_url: Option<String>,
    truncated_alerts: Option<u64>,
    alerts: Option<Vec<Notified>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notified {
    status: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    starts_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
    fingerprint: Option<String>,
}

/// Makes the events of a notification, in its order. Pure: the same alert in the same state always makes the same
/// event.
pub fn decode(body: &[u8]) -> Result<Vec<Envelope>, DecodeError> {
    let notification: Notification = serde_json::from_slice(body).map_err(DecodeError::InvalidBody)?;
    let version = required(notification.version, || "version".to_owned())?;
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    let group = Group {
        receiver: required(notification.receiver, || "receiver".to_owned())?,
        key: required(notification.group_key, || "groupKey".to_owned())?,
        external_url: notification.external_url.filter(|url| !url.is_empty()),
        truncated_alerts: notification.truncated_alerts.unwrap_or_default(),
    };
    let alerts = required(notification.alerts, || "alerts".to_owned())?;
    alerts
        .into_iter()
        .enumerate()
        .map(|(index, notified)| {
            let alert = group.alert(index, notified)?;
            event(&alert).map_err(|source| DecodeError::Invalid { index, source })
        })
        .collect()
}

/// The event of one alert. Pure: the same alert in the same state always makes the same event, whoever told of it.
pub fn event(alert: &Alert) -> Result<Envelope, InvalidEnvelope> {
    let source = &*source(alert);
    let firing = id(alert, Status::Firing);
    let id = id(alert, alert.status);
    let data = serde_json::to_value(alert).expect("an alert is plain data with string keys");
    let mut builder = Envelope::builder(id.as_str(), source, alert.kind().name())
        .json(&data)
        .partition_key(&alert.fingerprint);
    let subject = format!("{}/{}", alert.alertname, alert.fingerprint);
    builder = if alert.alertname.is_empty() || validate::string("subject", &subject).is_err() {
        builder.subject(&alert.fingerprint)
    } else {
        builder.subject(subject)
    };
    let root = announcement::root_traceparent(source, &firing);
    let (time, trace) = match alert.status {
        Status::Firing => (Some(alert.starts_at), root),
        Status::Resolved => {
            builder = builder
                .extension(extension::CORRELATION_ID, firing.as_str())
                .extension(extension::CAUSATION_ID, firing.as_str());
            (alert.ends_at, announcement::span_in(&root, &id).unwrap_or(root))
        }
    };
    builder = builder.extension(extension::TRACEPARENT, trace);
    if alert.truncated_alerts > 0 {
        builder = builder.extension(extension::TRUNCATED_ALERTS, alert.truncated_alerts.to_string());
    }
    match time {
        Some(time) => builder.time(time).build(),
        None => builder.build(),
    }
}

/// What all alerts of a notification share.
struct Group {
    receiver: String,
    key: String,
    external_url: Option<String>,
    truncated_alerts: u64,
}

/// Where an alert comes from.
fn source(alert: &Alert) -> String {
    let is_url = |url: &&String| url.contains("://") && validate::uri_reference("source", url).is_ok();
    match alert.external_url.as_ref().filter(is_url) {
        Some(url) => url.clone(),
        None => format!("/alertmanager/{}", utf8_percent_encode(&alert.receiver, NON_ALPHANUMERIC)),
    }
}

impl Group {
    fn alert(&self, index: usize, notified: Notified) -> Result<Alert, DecodeError> {
        let Notified { status, labels, annotations, starts_at, ends_at, generator_url, fingerprint } =
            notified;
        let missing = |name: &'static str| move || format!("alerts[{index}].{name}");
        let status = match required(status, missing("status"))?.as_str() {
            "firing" => Status::Firing,
            "resolved" => Status::Resolved,
            other => {
                return Err(DecodeError::Status { index, status: other.to_owned() });
            }
        };
        let labels = required(labels, missing("labels"))?;
        let is_key = |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
        Ok(Alert {
            status,
            alertname: labels.get("alertname").cloned().unwrap_or_default(),
            annotations: annotations.unwrap_or_default(),
            starts_at: required(starts_at, missing("startsAt"))?,
            ends_at: ends_at.filter(|time| status == Status::Resolved && !is_zero(*time)),
            generator_url: generator_url.filter(|url| !url.is_empty()),
            fingerprint: fingerprint.filter(is_key).unwrap_or_else(|| compute_fingerprint(&labels)),
            receiver: self.receiver.clone(),
            group_key: self.key.clone(),
            external_url: self.external_url.clone(),
            truncated_alerts: self.truncated_alerts,
            labels,
        })
    }
}

/// The id of an alert in a status.
fn id(alert: &Alert, status: Status) -> String {
    let starts_at = alert.starts_at.to_rfc3339_opts(SecondsFormat::Nanos, true);
    let status = match status {
        Status::Firing => "firing",
        Status::Resolved => "resolved",
    };
    // A fingerprint has no spaces, so the three parts cannot run into each other.
    Uuid::new_v5(&NAMESPACE, format!("{} {starts_at} {status}", alert.fingerprint).as_bytes()).to_string()
}

/// The fingerprint that Alertmanager gives to a set of labels: FNV-1a (64 bits) over the sorted names and values, each
/// followed by the byte 0xFF (`LabelSet.Fingerprint` of `prometheus/common`), as 16 hex digits.
///
/// ```
/// let labels = std::collections::BTreeMap::new();
/// assert_eq!(events::alertmanager::compute_fingerprint(&labels), "cbf29ce484222325");
/// ```
pub fn compute_fingerprint(labels: &BTreeMap<String, String>) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let bytes =
        labels.iter().flat_map(|(name, value)| [name, value]).flat_map(|text| text.bytes().chain([0xFF]));
    let hash = bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}

/// Go's zero time, which stands for "none".
fn is_zero(time: DateTime<Utc>) -> bool {
    time.year() <= 1
}

fn required<T>(value: Option<T>, name: impl FnOnce() -> String) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError::Missing(name()))
}
