//! The words of Signalbox. A pure crate: no IO, no async, no transport, no clock.
//!
//! - [`Envelope`]: a valid CloudEvents 1.0 event with Signalbox's extensions.
//! - [`Kind`]: the closed catalogue of the event types that Signalbox itself says.
//! - [`payload`]: what each of them carries.
//! - [`Announcement`]: what a handler wants to say; [`derive`] turns it into an event of the same story.

pub mod alertmanager;
pub mod announcement;
mod attributes;
pub mod envelope;
pub mod extension;
pub mod github;
mod header;
pub mod http;
pub mod json;
pub mod kind;
mod media;
pub mod nats;
pub mod payload;
mod raw;
pub mod subject;
pub mod validate;

pub use announcement::{Announcement, HopLimit, MAX_HOPS, derive};
pub use envelope::{Envelope, EnvelopeBuilder};
pub use kind::Kind;
pub use payload::Payload;
pub use validate::InvalidEnvelope;

pub use chrono::{DateTime, Utc};
