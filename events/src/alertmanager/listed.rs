//! The alerts that Alertmanager lists when it is asked (`GET /api/v2/alerts`).
//!
//! Source of the shape: `api/v2/openapi.yaml` of Alertmanager 0.25 to 0.34. Unlike its notifications, the API writes times in
//! milliseconds: of what Prometheus sends, that is all there is; of what others send, the rest is cut off.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{DecodeError, compute_fingerprint, required};
use crate::payload::alert::{Alert, Status};

/// An alert in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The alert, firing.
    pub alert: Alert,
    /// Whether people are told of it.
    pub state: State,
}

/// Whether people are told of an alert that fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// They are.
    Active,
    /// They are not: it is silenced, inhibited or muted, or not yet looked at.
    Kept,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gettable {
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    starts_at: Option<DateTime<Utc>>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
    fingerprint: Option<String>,
    #[serde(default)]
    receivers: Vec<Receiver>,
    status: Option<Told>,
}

#[derive(Deserialize)]
struct Receiver {
    name: String,
}

#[derive(Deserialize)]
struct Told {
    state: String,
}

/// The alerts of a list that go to this receiver, as its notifications would tell them.
pub fn list(body: &[u8], receiver: &str, external_url: &str) -> Result<Vec<Listed>, DecodeError> {
    let listed: Vec<Gettable> = serde_json::from_slice(body).map_err(DecodeError::InvalidBody)?;
    let ours = |one: &Gettable| one.receivers.iter().any(|to| to.name == receiver);
    let listed = listed.into_iter().enumerate().filter(|(_, one)| ours(one));
    listed.map(|(index, one)| alert(index, one, receiver, external_url)).collect()
}

fn alert(index: usize, one: Gettable, receiver: &str, external_url: &str) -> Result<Listed, DecodeError> {
    let Gettable { labels, annotations, starts_at, generator_url, fingerprint, receivers: _, status } = one;
    let missing = |name: &'static str| move || format!("[{index}].{name}");
    let labels = required(labels, missing("labels"))?;
    let state = match required(status, missing("status"))?.state.as_str() {
        "active" => State::Active,
        _ => State::Kept,
    };
    let alert = Alert {
        status: Status::Firing,
        alertname: labels.get("alertname").cloned().unwrap_or_default(),
        annotations: annotations.unwrap_or_default(),
        starts_at: required(starts_at, missing("startsAt"))?,
        ends_at: None,
        generator_url: generator_url.filter(|url| !url.is_empty()),
        fingerprint: fingerprint.unwrap_or_else(|| compute_fingerprint(&labels)),
        receiver: receiver.to_owned(),
        group_key: String::new(),
        external_url: Some(external_url.to_owned()),
        truncated_alerts: 0,
        labels,
    };
    Ok(Listed { alert, state })
}
