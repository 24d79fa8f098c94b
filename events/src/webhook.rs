//! What the adapters of foreign webhooks have in common.

use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::InvalidEnvelope;

/// Why a webhook's body makes no event.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Not JSON, or without a member that is always there, or with one of another type.
    #[error("the body is not what {sender} sends")]
    Body {
        /// Who should have sent it.
        sender: &'static str,
        /// What is wrong, and where.
        #[source]
        source: serde_json::Error,
    },
    /// A header that is always there is not, or is none of the sender's.
    #[error("the header {0} is missing, or is not the name of an event")]
    Event(&'static str),
    /// A value breaks a rule of CloudEvents.
    #[error("what {sender} sent does not make a valid CloudEvent")]
    Invalid {
        /// Who sent it.
        sender: &'static str,
        /// Which rule.
        #[source]
        source: InvalidEnvelope,
    },
}

/// Reads a body.
pub(crate) fn read<T: DeserializeOwned>(sender: &'static str, body: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(body).map_err(|source| DecodeError::Body { sender, source })
}
