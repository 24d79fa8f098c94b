//! The HTTP protocol binding, as pure functions: binary, structured and batched mode.
//!
//! Source of each rule: `cloudevents/bindings/http-protocol-binding.md` of the CloudEvents specification. Names of
//! headers and media types are compared without regard to case; parameters of media types are looked at for `charset`
//! alone.

use thiserror::Error;

use crate::attributes::{self, Attributes};
use crate::media::{MediaType, Mode, Unreadable};
use crate::{Envelope, InvalidEnvelope, header, json};

#[cfg(test)]
mod tests;

/// What an HTTP request or response carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Printable ASCII, never with CR or LF; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why a request holds no events. [`DecodeError::is_unsupported_media_type`] tells 415 from 400.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// An event format other than JSON.
    #[error(
        "event format {0} is not supported: use application/cloudevents+json, application/cloudevents-batch+json or binary mode"
    )]
    Format(String),
    /// A structured event or batch in a character set other than UTF-8.
    #[error("character set {0} is not supported: CloudEvents in JSON are UTF-8")]
    Charset(String),
    /// The body was to be an event or a batch in JSON.
    #[error("the body is not a CloudEvent in structured or batched mode")]
    Structured(#[source] json::DecodeError),
    /// Nothing says that this is a CloudEvent.
    #[error(
        "not a CloudEvent: send headers `ce-specversion`, `ce-id`, `ce-source` and `ce-type`, or a Content-Type of application/cloudevents+json"
    )]
    NotACloudEvent,
    /// The binary mode has `Content-Type` for it.
    #[error("header `ce-datacontenttype` must not be used over HTTP: Content-Type carries that attribute")]
    DataContentType,
    /// A header breaks a rule of CloudEvents.
    #[error("not a valid CloudEvent in binary mode")]
    Invalid(#[from] InvalidEnvelope),
}

impl DecodeError {
    /// Whether the answer is 415 Unsupported Media Type, by section 2.2 of the webhook specification; else it is 400.
    pub fn is_unsupported_media_type(&self) -> bool {
        match self {
            Self::Format(_) | Self::Charset(_) => true,
            Self::Structured(_) | Self::NotACloudEvent | Self::DataContentType | Self::Invalid(_) => false,
        }
    }
}

/// Writes an event in binary mode.
///
/// An event whose own media type is one of CloudEvents (an event about an event) would be read as structured mode;
/// it is written in structured mode.
pub fn encode_binary(envelope: &Envelope) -> Message {
    let is_cloudevents = |value| !matches!(MediaType::parse(value).mode(), Ok(Mode::Other));
    if envelope.datacontenttype().is_some_and(is_cloudevents) {
        return encode_structured(envelope);
    }
    let headers = attributes::of(envelope)
        .into_iter()
        .map(|(name, value)| match name {
            "datacontenttype" => ("content-type".to_owned(), value.into_owned()),
            _ => (header::header_name(name), header::encode(&value)),
        })
        .collect();
    Message { headers, body: envelope.body().to_vec() }
}

/// Writes an event in structured mode.
pub fn encode_structured(envelope: &Envelope) -> Message {
    Message { headers: content_type(json::MEDIA_TYPE), body: json::encode(envelope) }
}

/// Writes a batch; an empty one is valid. The specification allows it only to receivers that asked for batches.
pub fn encode_batch<'a>(envelopes: impl IntoIterator<Item = &'a Envelope>) -> Message {
    Message { headers: content_type(json::BATCH_MEDIA_TYPE), body: json::encode_batch(envelopes) }
}

/// Reads the events of a request: one in binary and structured mode, any number in batched mode.
///
/// Values of headers are bytes, because that is what HTTP has; they must be UTF-8, and should be ASCII.
///
/// ```
/// let headers: [(&str, &[u8]); 5] = [
///     ("Content-Type", b"application/json; charset=utf-8"),
///     ("CE-SpecVersion", b"1.0"),
///     ("ce-type", b"com.example.someevent"),
///     ("ce-source", b"/mycontext/subcontext"),
///     ("ce-id", b"1234-1234-1234"),
/// ];
/// let events = events::http::decode(headers, br#"{"n": 1}"#)?;
/// assert_eq!(events[0].datacontenttype(), Some("application/json; charset=utf-8"));
/// # Ok::<(), events::http::DecodeError>(())
/// ```
pub fn decode<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    body: &[u8],
) -> Result<Vec<Envelope>, DecodeError> {
    let headers: Vec<_> = headers.into_iter().collect();
    let content_type = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| text("datacontenttype", value))
        .transpose()?
        .map(str::trim);
    match content_type.map(|value| MediaType::parse(value).mode()) {
        None | Some(Ok(Mode::Other)) => {}
        Some(Ok(Mode::Structured)) => {
            return json::decode(body).map(|event| vec![event]).map_err(DecodeError::Structured);
        }
        Some(Ok(Mode::Batch)) => return json::decode_batch(body).map_err(DecodeError::Structured),
        Some(Err(Unreadable::Format(format))) => return Err(DecodeError::Format(format)),
        Some(Err(Unreadable::Charset(charset))) => return Err(DecodeError::Charset(charset)),
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("ce-specversion")) {
        return Err(DecodeError::NotACloudEvent);
    }
    let mut attributes = Attributes::default();
    for (name, value) in &headers {
        let Some(name) = header::attribute_name(name) else {
            continue;
        };
        if name == "datacontenttype" {
            return Err(DecodeError::DataContentType);
        }
        let value = header::decode(&name, text(&name, value)?)?;
        attributes.set(name, value)?;
    }
    if let Some(value) = content_type {
        attributes.set("datacontenttype".to_owned(), value.to_owned())?;
    }
    Ok(vec![attributes.into_builder()?.untyped_body(body).build()?])
}

fn text<'a>(name: &str, value: &'a [u8]) -> Result<&'a str, InvalidEnvelope> {
    std::str::from_utf8(value).map_err(|_| InvalidEnvelope::Encoding(name.to_owned()))
}

fn content_type(media_type: &str) -> Vec<(String, String)> {
    vec![("content-type".to_owned(), media_type.to_owned())]
}
