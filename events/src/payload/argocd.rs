//! What Argo CD's notifications said about an Application.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::application::Operation;
use crate::{Family, Kind, Payload};

/// An Application as it was when Argo CD's notifications spoke of it: no transition, the watcher tells those.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notified {
    /// What made Argo CD speak, as the recipient of the subscription says; absent when it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.project`.
    pub project: String,
    /// Namespace that its resources go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_namespace: Option<String>,
    /// `status.sync.status`, or `Unknown`.
    pub sync: String,
    /// `status.health.status`, or `Unknown`.
    pub health: String,
    /// `status.health.message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_message: Option<String>,
    /// `status.sync.revision`, or all of `status.sync.revisions`.
    pub revisions: Vec<String>,
    /// The images that it runs, by `status.summary.images`.
    pub images: Vec<String>,
    /// The last or running operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

impl Payload for Notified {
    const FAMILY: Family = Family::ApplicationNotified;
    const SAID_BY: &'static str = "gateway";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<namespace>/<name>`";

    fn kind(&self) -> Kind {
        Kind::ApplicationNotified
    }
}
