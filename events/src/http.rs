//! The HTTP protocol binding, as pure functions: binary, structured and batched mode.
//!
//! Source of each rule: `cloudevents/bindings/http-protocol-binding.md` of the CloudEvents specification. Names of
//! headers and media types are compared without regard to case; parameters of media types are looked at for `charset`
//! alone.

use thiserror::Error;

use crate::attributes::{self, Attributes};
use crate::media::{MediaType, Mode, Unreadable};
use crate::validate::shown;
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
        "event format {} is not supported: use application/cloudevents+json, application/cloudevents-batch+json or binary mode",
        shown(.0)
    )]
    Format(String),
    /// A structured event or batch in a character set other than UTF-8.
    #[error("character set {} is not supported: CloudEvents in JSON are UTF-8", shown(.0))]
    Charset(String),
    /// The body was to be an event or a batch in JSON.
    #[error("the body is not a CloudEvent in structured or batched mode")]
    Structured(#[source] json::DecodeError),
    /// Nothing says that this is a CloudEvent: there is neither its media type nor any header `ce-`.
    #[error(
        "not a CloudEvent: send headers `ce-specversion`, `ce-id`, `ce-source` and `ce-type`, or a Content-Type of application/cloudevents+json"
    )]
    NotACloudEvent,
    /// Which of them counts would be a guess.
    #[error("header `Content-Type` is there more than once")]
    TwoContentTypes,
    /// The binary mode has `Content-Type` for it.
    #[error("header `ce-datacontenttype` must not be used over HTTP: Content-Type carries that attribute")]
    DataContentType,
    /// A header breaks a rule of CloudEvents.
    #[error("not a valid CloudEvent in binary mode")]
    Invalid(#[from] InvalidEnvelope),
}

/// How a request carries its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentMode {
    /// One event: its attributes are headers, its data is the body.
    Binary,
    /// One event in the JSON event format.
    Structured,
    /// Any number of events in the JSON batch format.
    Batched,
}

impl DecodeError {
    /// Whether the answer is 415 Unsupported Media Type, by section 2.2 of the webhook specification; else it is 400.
    pub fn is_unsupported_media_type(&self) -> bool {
        match self {
            Self::Format(_) | Self::Charset(_) | Self::NotACloudEvent => true,
            Self::Structured(_) | Self::TwoContentTypes | Self::DataContentType | Self::Invalid(_) => false,
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
    match mode(headers.iter().copied())? {
        ContentMode::Binary => {}
        ContentMode::Structured => {
            return json::decode(body).map(|event| vec![event]).map_err(DecodeError::Structured);
        }
        ContentMode::Batched => return json::decode_batch(body).map_err(DecodeError::Structured),
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
    if let Some(value) = content_type_of(&headers)? {
        attributes.set("datacontenttype".to_owned(), value.to_owned())?;
    }
    Ok(vec![attributes.into_builder()?.untyped_body(body).build()?])
}

/// How a request carries its events, by its headers alone: to be asked before the body is read.
///
/// Without a media type of CloudEvents, any header `ce-` makes it binary mode, so that what is missing can be named.
///
/// ```
/// use events::http::{ContentMode, mode};
/// assert_eq!(mode([("Content-Type", &b"application/cloudevents-batch+json"[..])])?, ContentMode::Batched);
/// assert_eq!(mode([("ce-id", &b"1"[..])])?, ContentMode::Binary);
/// assert!(mode([("Content-Type", &b"application/cloudevents+avro"[..])]).unwrap_err().is_unsupported_media_type());
/// # Ok::<(), events::http::DecodeError>(())
/// ```
pub fn mode<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<ContentMode, DecodeError> {
    let headers: Vec<_> = headers.into_iter().collect();
    match content_type_of(&headers)?.map(|value| MediaType::parse(value).mode()) {
        Some(Ok(Mode::Structured)) => Ok(ContentMode::Structured),
        Some(Ok(Mode::Batch)) => Ok(ContentMode::Batched),
        Some(Err(Unreadable::Format(format))) => Err(DecodeError::Format(format)),
        Some(Err(Unreadable::Charset(charset))) => Err(DecodeError::Charset(charset)),
        None | Some(Ok(Mode::Other)) => {
            let is_event = headers.iter().any(|(name, _)| header::attribute_name(name).is_some());
            if is_event { Ok(ContentMode::Binary) } else { Err(DecodeError::NotACloudEvent) }
        }
    }
}

fn content_type_of<'a>(headers: &[(&'a str, &'a [u8])]) -> Result<Option<&'a str>, DecodeError> {
    let mut values = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let first = values.next().map(|(_, value)| *value);
    if values.any(|(_, value)| Some(*value) != first) {
        return Err(DecodeError::TwoContentTypes);
    }
    Ok(first.map(|value| text("datacontenttype", value)).transpose()?.map(str::trim))
}

fn text<'a>(name: &str, value: &'a [u8]) -> Result<&'a str, InvalidEnvelope> {
    std::str::from_utf8(value).map_err(|_| InvalidEnvelope::Encoding(name.to_owned()))
}

fn content_type(media_type: &str) -> Vec<(String, String)> {
    vec![("content-type".to_owned(), media_type.to_owned())]
}
