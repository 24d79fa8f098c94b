//! How an Application stands.

use events::payload::application::Operation;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire;
use crate::digest::digest;
use crate::gather::{Unreadable, list, said};

/// What Argo CD itself says when it does not know.
const UNKNOWN: &str = "Unknown";
/// The project of an Application that names none.
const DEFAULT_PROJECT: &str = "default";
/// How an Application stands, in Argo CD's words. Part of the state that is kept: see [`Record`](crate::record::Record).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sight {
    /// `metadata.uid`: another one is another Application.
    pub uid: String,
    /// `metadata.resourceVersion`, for people who compare.
    pub resource_version: String,
    pub project: String,
    pub destination_namespace: Option<String>,
    pub sync: String,
    pub health: String,
    pub health_message: Option<String>,
    /// `status.health.lastTransitionTime`.
    pub health_since: Option<String>,
    pub revisions: Vec<String>,
    pub images: Vec<String>,
    pub operation: Option<Operation>,
    pub conditions: Vec<String>,
    /// A digest of `status.sync.comparedTo`: which sources and which destination the sync status is about.
    #[serde(default)]
    pub compared: Option<String>,
}

impl Sight {
    /// Reads the parts; what is absent is as Argo CD takes it.
    pub fn read(application: wire::Application) -> Result<Self, Unreadable> {
        let wire::Application { metadata, spec, status } = application;
        let status = status.unwrap_or_default();
        let wire::Status { sync, health, operation_state, summary, conditions } = status;
        let spec: wire::Spec = part("spec", spec)?.unwrap_or_default();
        let sync: wire::Sync = part("status.sync", sync)?.unwrap_or_default();
        let health: wire::Health = part("status.health", health)?.unwrap_or_default();
        let operation: Option<wire::OperationState> = part("status.operationState", operation_state)?;
        let summary: wire::Summary = part("status.summary", summary)?.unwrap_or_default();
        let conditions: Vec<wire::Condition> = part("status.conditions", conditions)?.unwrap_or_default();
        Ok(Self {
            uid: metadata.uid()?,
            resource_version: metadata.resource_version.unwrap_or_default(),
            project: said(spec.project).unwrap_or_else(|| DEFAULT_PROJECT.to_owned()),
            destination_namespace: spec.destination.and_then(|destination| said(destination.namespace)),
            sync: said(sync.status).unwrap_or_else(|| UNKNOWN.to_owned()),
            health: said(health.status).unwrap_or_else(|| UNKNOWN.to_owned()),
            health_message: said(health.message),
            health_since: said(health.last_transition_time),
            compared: sync.compared_to.as_ref().map(digest),
            revisions: revisions(sync.revision, sync.revisions),
            images: list(summary.images.unwrap_or_default()),
            operation: operation.and_then(operation_of),
            conditions: list(conditions.into_iter().map(condition).collect()),
        })
    }
}

fn part<T: DeserializeOwned>(part: &'static str, value: Option<Value>) -> Result<Option<T>, Unreadable> {
    value.map(serde_json::from_value).transpose().map_err(|source| Unreadable::Shape {
        part,
        who: "Argo CD",
        source,
    })
}

/// An operation without a phase has not begun.
fn operation_of(state: wire::OperationState) -> Option<Operation> {
    let wire::OperationState { phase, message, started_at, finished_at, sync_result } = state;
    Some(Operation {
        phase: said(phase)?,
        message: said(message),
        started_at: said(started_at),
        finished_at: said(finished_at),
        revisions: sync_result.map(|result| revisions(result.revision, result.revisions)).unwrap_or_default(),
    })
}

/// One source has `revision`, several have `revisions`.
fn revisions(one: Option<String>, several: Option<Vec<String>>) -> Vec<String> {
    let several = list(several.unwrap_or_default());
    if several.is_empty() { said(one).into_iter().collect() } else { several }
}

fn condition(wire::Condition { ty, message }: wire::Condition) -> String {
    format!("{}: {}", ty.as_deref().unwrap_or(UNKNOWN), message.unwrap_or_default())
}
