//! The NATS protocol binding, as pure functions: strict on write, lenient on read.
//!
//! Source of each rule: `cloudevents/bindings/nats-protocol-binding.md` of the CloudEvents specification (1.0.3-wip,
//! the first version with a binary mode). The Go SDK differs from it (cloudevents/sdk-go#1334), and the Rust SDK writes
//! structured mode without a header; [`decode`] reads them all:
//!
//! 1. A header `Content-Type` that begins with `application/cloudevents`, in any case: structured mode.
//! 2. Else a header `ce-specversion`, in any case: binary mode.
//! 3. Else the payload is tried as the JSON event format.
//!
//! In binary mode every attribute is a header `ce-<name>`, `datacontenttype` included; an unprefixed `content-type`
//! (the Go SDK's) counts when that one is absent. Headers that are not of CloudEvents (`Nats-Msg-Id`, `traceparent`)
//! are ignored.

use thiserror::Error;

use crate::attributes::{self, Attributes};
use crate::media::{MediaType, Mode, Unreadable};
use crate::validate::shown;
use crate::{Envelope, InvalidEnvelope, header, json, subject};

#[cfg(test)]
mod tests;

/// What a NATS client publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where to, by [`subject::of`].
    pub subject: String,
    /// Printable ASCII, never with CR or LF.
    pub headers: Vec<(String, String)>,
    /// The body in binary mode, the event in structured mode.
    pub payload: Vec<u8>,
}

/// Why a message is not an event.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// An event format other than JSON; NATS knows no batches either.
    #[error(
        "event format {} is not supported over NATS: use application/cloudevents+json or binary mode",
        shown(.0)
    )]
    Format(String),
    /// A structured event in a character set other than UTF-8.
    #[error("character set {} is not supported: CloudEvents in JSON are UTF-8", shown(.0))]
    Charset(String),
    /// The payload was to be an event in the JSON event format.
    #[error("the payload is not an event in structured mode")]
    Structured(#[source] json::DecodeError),
    /// No header says that this is a CloudEvent, and the payload is none.
    #[error(
        "not a CloudEvent: there is neither a header `ce-specversion` nor a `Content-Type` of application/cloudevents, and the payload is not a JSON event"
    )]
    NotACloudEvent(#[source] json::DecodeError),
    /// A header breaks a rule of CloudEvents.
    #[error("not a valid CloudEvent in binary mode")]
    Invalid(#[from] InvalidEnvelope),
}

/// Writes an event in binary mode: what Signalbox puts on the bus.
///
/// ```
/// let event = events::Envelope::builder("1", "/here", "com.example.seen").subject("Euro € 😀").build()?;
/// let message = events::nats::encode(&event);
/// assert_eq!(message.subject, "signalbox.events.com.example.seen");
/// assert!(message.headers.contains(&("ce-subject".into(), "Euro%20%E2%82%AC%20%F0%9F%98%80".into())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode(envelope: &Envelope) -> Message {
    let headers = attributes::of(envelope)
        .into_iter()
        .map(|(name, value)| (header::header_name(name), header::encode(&value)))
        .collect();
    Message { subject: subject::of(envelope.ty()), headers, payload: envelope.body().to_vec() }
}

/// Writes an event in structured mode, for receivers that cannot read headers.
pub fn encode_structured(envelope: &Envelope) -> Message {
    Message {
        subject: subject::of(envelope.ty()),
        headers: vec![("Content-Type".to_owned(), json::MEDIA_TYPE.to_owned())],
        payload: json::encode(envelope),
    }
}

/// Reads an event in either mode, by the algorithm at the head of this module.
pub fn decode<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    payload: &[u8],
) -> Result<Envelope, DecodeError> {
    let headers: Vec<_> = headers.into_iter().collect();
    let content_type = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.trim());
    match content_type.map(|value| MediaType::parse(value).mode()) {
        None | Some(Ok(Mode::Other)) => {}
        Some(Ok(Mode::Structured)) => return json::decode(payload).map_err(DecodeError::Structured),
        Some(Ok(Mode::Batch)) => return Err(DecodeError::Format(json::BATCH_MEDIA_TYPE.to_owned())),
        Some(Err(Unreadable::Format(format))) => return Err(DecodeError::Format(format)),
        Some(Err(Unreadable::Charset(charset))) => return Err(DecodeError::Charset(charset)),
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("ce-specversion")) {
        return json::decode(payload).map_err(DecodeError::NotACloudEvent);
    }
    let mut attributes = Attributes::default();
    for (name, value) in &headers {
        if let Some(name) = header::attribute_name(name) {
            let value = header::decode(&name, value)?;
            attributes.set(name, value)?;
        }
    }
    if let Some(value) = content_type.filter(|_| attributes.get("datacontenttype").is_none()) {
        attributes.set("datacontenttype".to_owned(), value.to_owned())?;
    }
    Ok(attributes.into_builder()?.untyped_body(payload).build()?)
}
