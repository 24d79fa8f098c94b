//! The parts of an Application that are read, as they come. Everything may be absent or `null`.
//!
//! The parts whose shape is not checked here stay a [`Value`] for a moment, so that a wrong one can be named.

use serde::Deserialize;
use serde_json::Value;

use crate::gather::Common;

/// An Application.
pub type Application = Common<Value, Status>;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub sync: Option<Value>,
    pub health: Option<Value>,
    pub operation_state: Option<Value>,
    pub summary: Option<Value>,
    pub conditions: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Spec {
    pub project: Option<String>,
    pub destination: Option<Destination>,
}

#[derive(Debug, Deserialize)]
pub struct Destination {
    pub namespace: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sync {
    pub status: Option<String>,
    pub revision: Option<String>,
    pub revisions: Option<Vec<String>>,
    /// What was compared: from where, to where.
    pub compared_to: Option<Value>,
}

/// One source has `revision`, several have `revisions`.
#[derive(Debug, Deserialize)]
pub struct SyncResult {
    pub revision: Option<String>,
    pub revisions: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    pub status: Option<String>,
    pub message: Option<String>,
    pub last_transition_time: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationState {
    pub phase: Option<String>,
    pub message: Option<String>,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
    pub sync_result: Option<SyncResult>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Summary {
    pub images: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub struct Condition {
    #[serde(rename = "type")]
    pub ty: Option<String>,
    pub message: Option<String>,
}
