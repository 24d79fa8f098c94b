//! What each of our event types carries.

pub mod alert;
pub mod application;
pub mod automation;
pub mod deploy;
pub mod notification;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Kind;

/// The body of one or more of our event types.
pub trait Payload: Serialize + DeserializeOwned + JsonSchema {
    /// Which event type this value is the body of.
    fn kind(&self) -> Kind;
}
