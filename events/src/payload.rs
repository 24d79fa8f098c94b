//! What each of our event types carries.

pub mod alert;
pub mod application;
pub mod argocd;
pub mod automation;
pub mod autoscaler;
pub mod cron_job;
pub mod dead_letter;
pub mod deploy;
pub mod image;
pub mod job;
pub mod namespace;
pub mod node;
pub mod notification;
pub mod object;
pub mod pod;
pub mod project;
pub mod schedule;
pub mod source;
pub mod volume_claim;
pub mod volume_snapshot;
pub mod volume_usage;
pub mod warning;
pub mod workload;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Kind;

/// What the body of an event of ours is: one for each type of body. Closed: no `_ =>` on it.
///
/// Who reads a body asks for this rather than for the [`Kind`], of which many have one body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the body of its name")]
pub enum Family {
    Alert,
    Application,
    ApplicationNotified,
    AutomationEvaluated,
    Autoscaler,
    CronJob,
    DeadLetter,
    DeployRequested,
    DeployStarted,
    DeploySucceeded,
    DeployFailed,
    ImagePushed,
    Job,
    Namespace,
    Node,
    NotificationRequested,
    NotificationSent,
    NotificationFailed,
    Object,
    Pod,
    Project,
    ScheduleTicked,
    SourceGap,
    SourceSweepFailed,
    VolumeClaim,
    VolumeSnapshot,
    VolumeUsage,
    Warning,
    Workload,
}

/// The body of one or more of our event types.
pub trait Payload: Serialize + DeserializeOwned + JsonSchema {
    /// Which body this is.
    const FAMILY: Family;
    /// The service that says it.
    const SAID_BY: &'static str;
    /// The service that it is meant for.
    const HEARD_BY: &'static str;
    /// The shape of the attribute `subject`.
    const SUBJECT: &'static str;

    /// Which event type this value is the body of.
    fn kind(&self) -> Kind;
}
