#![doc = include_str!("../README.md")]

pub mod alertmanager;
pub mod announcement;
pub mod argocd;
mod attributes;
pub mod catalogue;
pub mod envelope;
pub mod extension;
pub mod gitea;
pub mod github;
pub mod gitlab;
mod header;
pub mod http;
pub mod json;
pub mod kind;
mod media;
pub mod nats;
pub mod payload;
mod raw;
pub mod registry;
#[cfg(test)]
mod roundtrip;
pub mod subject;
pub mod validate;
pub mod webhook;

pub use announcement::{Announcement, HopLimit, MAX_HOPS, derive};
pub use envelope::{Envelope, EnvelopeBuilder};
pub use kind::{Kind, News};
pub use payload::{Family, Payload};
pub use validate::InvalidEnvelope;

pub use chrono::{DateTime, Utc};
