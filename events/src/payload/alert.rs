//! One alert of Alertmanager (its webhook, version 4): one event per alert, not per group.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// One alert, as Alertmanager's notification told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Firing or resolved.
    pub status: Status,
    /// The label `alertname`, or empty when there is none.
    pub alertname: String,
    /// All labels, `alertname` included.
    pub labels: BTreeMap<String, String>,
    /// Texts for people.
    pub annotations: BTreeMap<String, String>,
    /// When it began to fire.
    pub starts_at: DateTime<Utc>,
    /// When it was resolved; absent while it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<DateTime<Utc>>,
    /// Where the expression can be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_url: Option<String>,
    /// Identity of the label set, as Alertmanager gives it, or a hash of the labels.
    pub fingerprint: String,
    /// The receiver in Alertmanager's configuration.
    pub receiver: String,
    /// The group that the alert came in; empty where it was asked for, and not notified.
    pub group_key: String,
    /// Where Alertmanager can be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_url: Option<String>,
    /// How many alerts of the group Alertmanager left out of its notification.
    pub truncated_alerts: u64,
}

/// Whether an alert is firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The condition holds.
    Firing,
    /// The condition no longer holds.
    Resolved,
}

impl Payload for Alert {
    const FAMILY: Family = Family::Alert;
    const SAID_BY: &'static str = "gateway";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<alertname>/<fingerprint>`";

    fn kind(&self) -> Kind {
        match self.status {
            Status::Firing => Kind::AlertFiring,
            Status::Resolved => Kind::AlertResolved,
        }
    }
}
