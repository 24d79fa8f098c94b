//! What the adapters of foreign webhooks have in common.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::InvalidEnvelope;
use crate::raw::Members;

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
    /// The body does not say what it is about.
    #[error("the body of {sender} has no member `object_kind`")]
    Kind {
        /// Who should have sent it.
        sender: &'static str,
    },
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

/// Reads a body as an object whose members are looked at one by one.
pub(crate) fn members<'a>(sender: &'static str, body: &'a [u8]) -> Result<Members<'a>, DecodeError> {
    Members::parse(body).map_err(|source| DecodeError::Body { sender, source })
}

/// Makes the error of an event that is none.
pub(crate) fn invalid(sender: &'static str) -> impl FnOnce(InvalidEnvelope) -> DecodeError {
    move |source| DecodeError::Invalid { sender, source }
}

/// The first of some members that is a text with something in it, or a number.
pub(crate) fn first(members: &Members<'_>, paths: &[&str]) -> Option<String> {
    paths.iter().find_map(|path| {
        let text = members.at(path)?.get();
        match text.as_bytes().first()? {
            b'"' => serde_json::from_str::<String>(text).ok().filter(|text| !text.is_empty()),
            b'-' | b'0'..=b'9' => Some(text.to_owned()),
            _ => None,
        }
    })
}

/// The first of some members that is a time: RFC 3339, Unix seconds, or `2016-08-12 15:23:28 UTC` as GitLab writes.
pub(crate) fn time(members: &Members<'_>, paths: &[&str]) -> Option<DateTime<Utc>> {
    paths.iter().find_map(|path| {
        let text = first(members, &[path])?;
        if let Ok(seconds) = text.parse::<i64>() {
            // Go's zero time and its like stand for "none".
            return DateTime::from_timestamp(seconds, 0).filter(|time| time.timestamp() > 0);
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(&text) {
            return Some(time.to_utc()).filter(|time| time.timestamp() > 0);
        }
        let naive = NaiveDateTime::parse_from_str(text.trim_end_matches(" UTC"), "%Y-%m-%d %H:%M:%S").ok()?;
        Some(naive.and_utc())
    })
}
