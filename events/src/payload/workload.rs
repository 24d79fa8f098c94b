//! A transition of a Deployment, a `StatefulSet` or a `DaemonSet`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// A Deployment, a `StatefulSet` or a `DaemonSet` after a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Workload {
    /// What changed.
    pub transition: Transition,
    /// Which of the three it is.
    pub kind: WorkloadKind,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// How many pods it should have.
    pub desired: i64,
    /// Pods of the newest template.
    pub updated: i64,
    /// Pods that are ready.
    pub ready: i64,
    /// Pods that have been ready for long enough.
    pub available: i64,
    /// The images of its template, in the order of its containers.
    pub images: Vec<String>,
    /// Why, in a word of Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, in a sentence of Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What `transition` changed from; absent when there was nothing before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// The kinds of workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub enum WorkloadKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` `StatefulSet`.
    StatefulSet,
    /// `apps/v1` `DaemonSet`.
    DaemonSet,
}

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is described at the event type of the same name in `Kind`")]
pub enum Transition {
    Created,
    Deleted,
    ImageChanged,
    Scaled,
    Progressing,
    RolledOut,
    DeadlineExceeded,
    Available,
    Unavailable,
}

impl Transition {
    /// The event type that announces it of such a workload.
    pub fn kind(self, workload: WorkloadKind) -> Kind {
        match workload {
            WorkloadKind::Deployment => match self {
                Self::Created => Kind::DeploymentCreated,
                Self::Deleted => Kind::DeploymentDeleted,
                Self::ImageChanged => Kind::DeploymentImageChanged,
                Self::Scaled => Kind::DeploymentScaled,
                Self::Progressing => Kind::DeploymentProgressing,
                Self::RolledOut => Kind::DeploymentRolledOut,
                Self::DeadlineExceeded => Kind::DeploymentDeadlineExceeded,
                Self::Available => Kind::DeploymentAvailable,
                Self::Unavailable => Kind::DeploymentUnavailable,
            },
            WorkloadKind::StatefulSet => match self {
                Self::Created => Kind::StatefulSetCreated,
                Self::Deleted => Kind::StatefulSetDeleted,
                Self::ImageChanged => Kind::StatefulSetImageChanged,
                Self::Scaled => Kind::StatefulSetScaled,
                Self::Progressing => Kind::StatefulSetProgressing,
                Self::RolledOut => Kind::StatefulSetRolledOut,
                Self::DeadlineExceeded => Kind::StatefulSetDeadlineExceeded,
                Self::Available => Kind::StatefulSetAvailable,
                Self::Unavailable => Kind::StatefulSetUnavailable,
            },
            WorkloadKind::DaemonSet => match self {
                Self::Created => Kind::DaemonSetCreated,
                Self::Deleted => Kind::DaemonSetDeleted,
                Self::ImageChanged => Kind::DaemonSetImageChanged,
                Self::Scaled => Kind::DaemonSetScaled,
                Self::Progressing => Kind::DaemonSetProgressing,
                Self::RolledOut => Kind::DaemonSetRolledOut,
                Self::DeadlineExceeded => Kind::DaemonSetDeadlineExceeded,
                Self::Available => Kind::DaemonSetAvailable,
                Self::Unavailable => Kind::DaemonSetUnavailable,
            },
        }
    }
}

impl Payload for Workload {
    const FAMILY: Family = Family::Workload;
    const SAID_BY: &'static str = "watcher";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<namespace>/<name>`";

    fn kind(&self) -> Kind {
        self.transition.kind(self.kind)
    }
}
