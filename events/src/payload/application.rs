//! A transition of an Argo CD Application.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// An Application after a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Application {
    /// What changed.
    pub transition: Transition,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.project`.
    pub project: String,
    /// Namespace that its resources go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_namespace: Option<String>,
    /// `status.sync.status`.
    pub sync: String,
    /// `status.health.status`.
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
    /// Errors and warnings of `status.conditions`, as `type: message`.
    pub conditions: Vec<String>,
    /// What `transition` changed from, for example `Progressing`; absent when it was seen for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// A sync operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// `status.operationState.phase`.
    pub phase: String,
    /// `status.operationState.message`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `status.operationState.startedAt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// `status.operationState.finishedAt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// The revisions that it synced.
    pub revisions: Vec<String>,
}

/// What can change, in Argo CD's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is described at the event type of the same name in `Kind`")]
pub enum Transition {
    Created,
    Deleted,
    Synced,
    OutOfSync,
    Drifted,
    SyncUnknown,
    Healthy,
    Progressing,
    Degraded,
    Suspended,
    Missing,
    HealthUnknown,
    OperationRunning,
    OperationSucceeded,
    OperationFailed,
    OperationError,
}

impl Transition {
    /// The event type that announces it.
    pub fn kind(self) -> Kind {
        match self {
            Self::Created => Kind::ApplicationCreated,
            Self::Deleted => Kind::ApplicationDeleted,
            Self::Synced => Kind::ApplicationSynced,
            Self::OutOfSync => Kind::ApplicationOutOfSync,
            Self::Drifted => Kind::ApplicationDrifted,
            Self::SyncUnknown => Kind::ApplicationSyncUnknown,
            Self::Healthy => Kind::ApplicationHealthy,
            Self::Progressing => Kind::ApplicationProgressing,
            Self::Degraded => Kind::ApplicationDegraded,
            Self::Suspended => Kind::ApplicationSuspended,
            Self::Missing => Kind::ApplicationMissing,
            Self::HealthUnknown => Kind::ApplicationHealthUnknown,
            Self::OperationRunning => Kind::ApplicationOperationRunning,
            Self::OperationSucceeded => Kind::ApplicationOperationSucceeded,
            Self::OperationFailed => Kind::ApplicationOperationFailed,
            Self::OperationError => Kind::ApplicationOperationError,
        }
    }
}

impl Payload for Application {
    const FAMILY: Family = Family::Application;
    const SAID_BY: &'static str = "watcher";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<namespace>/<name>`";

    fn kind(&self) -> Kind {
        self.transition.kind()
    }
}
