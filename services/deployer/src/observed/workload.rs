//! A `Deployment`, `StatefulSet` or `DaemonSet`.

use std::fmt;

use super::{Pod, ResourceId};

/// What runs pods and is rolled out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `Deployment` of `apps/v1`.
    Deployment,
    /// `StatefulSet` of `apps/v1`.
    StatefulSet,
    /// `DaemonSet` of `apps/v1`.
    DaemonSet,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
        })
    }
}

/// How far its rollout is, and its pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Which one.
    pub id: ResourceId,
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.observedGeneration`: below `generation`, the numbers that follow are of the past.
    pub observed_generation: i64,
    /// How many pods there should be.
    pub desired: i32,
    /// How many pods there are, old ones too.
    pub total: i32,
    /// How many have the present template.
    pub updated: i32,
    /// How many are ready, old ones too.
    pub ready: i32,
    /// Whether the rollout is paused.
    pub paused: bool,
    /// The images of the template's containers.
    pub images: Vec<String>,
    /// The pods that its selector finds.
    pub pods: Vec<Pod>,
}

impl Workload {
    /// Whether every pod that should be there is there, ready, and of the present template, and no other is.
    pub fn is_complete(&self) -> bool {
        let Self { generation, observed_generation, desired, total, updated, ready, .. } = self;
        observed_generation == generation && [total, updated, ready].iter().all(|number| *number == desired)
    }
}
