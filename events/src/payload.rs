//! What each of our event types carries.

pub mod alert;
pub mod application;
pub mod argocd;
pub mod automation;
pub mod autoscaler;
pub mod dead_letter;
pub mod deploy;
pub mod image;
pub mod job;
pub mod namespace;
pub mod node;
pub mod notification;
pub mod pod;
pub mod schedule;
pub mod volume_claim;
pub mod volume_snapshot;
pub mod warning;
pub mod workload;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Kind;

/// The body of one or more of our event types.
pub trait Payload: Serialize + DeserializeOwned + JsonSchema {
    /// The service that says it.
    const SAID_BY: &'static str;
    /// The service that it is meant for.
    const HEARD_BY: &'static str;
    /// The shape of the attribute `subject`.
    const SUBJECT: &'static str;

    /// Which event type this value is the body of.
    fn kind(&self) -> Kind;
}
