//! What is watched.

use std::collections::BTreeSet;

use serde::Deserialize;
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::{Custom, Patience, Scope};

/// A kind of object that can be watched, as settings name it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr, Deserialize,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum KindOfObject {
    /// Argo CD's Applications.
    Applications,
    /// Argo CD's `AppProjects`.
    AppProjects,
    /// `apps/v1` Deployments.
    Deployments,
    /// `apps/v1` `StatefulSets`.
    StatefulSets,
    /// `apps/v1` `DaemonSets`.
    DaemonSets,
    /// Pods.
    Pods,
    /// Nodes.
    Nodes,
    /// `batch/v1` Jobs.
    Jobs,
    /// `batch/v1` `CronJobs`.
    CronJobs,
    /// `PersistentVolumeClaims`.
    PersistentVolumeClaims,
    /// `autoscaling/v2` `HorizontalPodAutoscalers`.
    HorizontalPodAutoscalers,
    /// Namespaces.
    Namespaces,
    /// Events of the type Warning.
    Events,
    /// `snapshot.storage.k8s.io/v1` `VolumeSnapshots`.
    VolumeSnapshots,
}

/// What is watched, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watching {
    /// The kinds of objects.
    pub kinds: BTreeSet<KindOfObject>,
    /// Where Argo CD's objects are.
    pub argocd: Scope,
    /// Where the others are, as far as they live in namespaces.
    pub namespaces: Scope,
    /// The kinds that the settings describe.
    pub custom: Vec<Custom>,
    /// How long something has to last until it is said.
    pub patience: Patience,
}

impl Default for Watching {
    fn default() -> Self {
        Self {
            kinds: [KindOfObject::Applications].into(),
            argocd: Scope::default(),
            namespaces: Scope::All,
            custom: Vec::new(),
            patience: Patience::default(),
        }
    }
}

impl KindOfObject {
    /// As settings name it, and Kubernetes, too.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
