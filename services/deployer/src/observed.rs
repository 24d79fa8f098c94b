//! What was seen of a deploy at one time: the Application, its workloads, their pods.

mod application;
mod pod;
mod revision;
mod workload;

pub use application::{Application, Condition, Health, Operation, Phase, ResourceId, Sync, SyncedResource};
pub use pod::{Container, Pod, Waiting};
pub use revision::{Relation, Revisions};
pub use workload::{Kind, Workload};

/// All that was seen at one time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// The Application; `None` while there is none of that name.
    pub application: Option<Application>,
    /// What is known of the revisions that it names.
    pub revisions: Revisions,
    /// The workloads of the Application; empty before Argo CD has our commit, as they are not looked at before.
    pub workloads: Vec<Workload>,
    /// Workloads that the Application names and the cluster does not have.
    pub absent: Vec<ResourceId>,
}
