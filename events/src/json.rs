//! The JSON event format and the JSON batch format.
//!
//! Source of each rule: `cloudevents/formats/json-format.md` of the CloudEvents specification (1.0.2, and what
//! 1.0.3-wip makes clearer).
//!
//! **Writing** is deterministic: members are sorted by name, so that the text can be hashed and compared.
//!
//! | the body | written as |
//! |---|---|
//! | declared JSON, and it is JSON | `data`, in the very text that it came in (white space around it aside) |
//! | declared text in UTF-8 (`text/*`, XML, YAML, forms), and it is UTF-8 | `data`, a string |
//! | anything else: binary, no media type, JSON that does not parse | `data_base64` |
//!
//! **Reading** refuses what is not an event and names the member that is wrong. `null` means absent. Numbers and other
//! details of a JSON body stay as they were written, because the body is kept as text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::attributes::{self, Attributes};
use crate::media::MediaType;
use crate::raw::Members;
use crate::validate::shown;
use crate::{Envelope, InvalidEnvelope};

#[cfg(test)]
mod tests;

/// Media type of one event.
pub const MEDIA_TYPE: &str = "application/cloudevents+json";
/// Media type of a batch of events.
pub const BATCH_MEDIA_TYPE: &str = "application/cloudevents-batch+json";

/// Why a text is not an event in the JSON event format.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// Not JSON, or not an object (or not an array, where a batch was expected).
    #[error("not a JSON {expected} of the CloudEvents JSON format")]
    Syntax {
        /// `event (an object)` or `batch (an array of objects)`.
        expected: &'static str,
        /// What is wrong, with line and column.
        #[source]
        source: serde_json::Error,
    },
    /// A member is of the wrong JSON type.
    #[error("member `{}` is {found}, it should be {expected}", shown(member))]
    Type {
        /// Which member.
        member: String,
        /// The JSON type that it has.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A member is there more than once.
    #[error("member `{}` is there more than once", shown(.0))]
    Duplicate(String),
    /// Both forms of the body are there.
    #[error("members `data` and `data_base64` exclude each other, both are there")]
    TwoBodies,
    /// The value of `data_base64` cannot be decoded.
    #[error("member `data_base64` is not Base64 (RFC 4648)")]
    Base64(#[source] base64::DecodeError),
    /// A string body in a character set that it cannot be turned into.
    #[error(
        "member `data` is declared to be in the character set {}, only UTF-8 can be read; use `data_base64`",
        shown(.0)
    )]
    Charset(String),
    /// An attribute breaks a rule of CloudEvents.
    #[error("not a valid CloudEvent")]
    Invalid(#[from] InvalidEnvelope),
    /// An event of a batch is wrong.
    #[error("event {index} of the batch (counted from 0) cannot be read")]
    InBatch {
        /// Which one.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: Box<DecodeError>,
    },
}

/// Writes one event.
///
/// ```
/// let event = events::Envelope::builder("1", "/here", "com.example.seen").json(&serde_json::json!({"n": 1})).build()?;
/// let text = String::from_utf8(events::json::encode(&event))?;
/// assert_eq!(
///     text,
///     r#"{"data":{"n":1},"datacontenttype":"application/json","id":"1","source":"/here","specversion":"1.0","type":"com.example.seen"}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode(envelope: &Envelope) -> Vec<u8> {
    write(envelope, body_member(envelope))
}

fn write(envelope: &Envelope, body: (&'static str, String)) -> Vec<u8> {
    let mut members: Vec<(&str, String)> =
        attributes::of(envelope).into_iter().map(|(name, value)| (name, quote(&value))).collect();
    if envelope.has_body() {
        members.push(body);
    }
    members.sort_unstable_by_key(|(name, _)| *name);
    let members: Vec<String> =
        members.into_iter().map(|(name, value)| format!("{}:{value}", quote(name))).collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

/// Writes a batch; an empty one is valid.
pub fn encode_batch<'a>(envelopes: impl IntoIterator<Item = &'a Envelope>) -> Vec<u8> {
    let mut text = vec![b'['];
    for (index, envelope) in envelopes.into_iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        text.append(&mut encode(envelope));
    }
    text.push(b']');
    text
}

/// Reads one event.
///
/// A `data` without `datacontenttype` gets the media type that it implies, `application/json`, so that it keeps its
/// meaning in other bindings (section 3.1.2); a `data_base64` without one stays without.
pub fn decode(text: &[u8]) -> Result<Envelope, DecodeError> {
    let Members(members) = Members::parse(text)
        .map_err(|source| DecodeError::Syntax { expected: "event (an object)", source })?;
    let mut attributes = Attributes::default();
    let (mut data, mut data_base64) = (None, None);
    for (name, value) in members {
        let duplicate = match name.as_str() {
            "data" => data.replace(value).is_some(),
            "data_base64" => data_base64.replace(value).is_some(),
            _ if attributes.get(&name).is_some() => true,
            _ => {
                if let Some(value) = attribute(&name, value)? {
                    attributes.set(name.clone(), value)?;
                }
                false
            }
        };
        if duplicate {
            return Err(DecodeError::Duplicate(name));
        }
    }
    let data_base64 = data_base64.filter(|value| value.get() != "null");
    let media_type = attributes.get("datacontenttype").map(MediaType::parse);
    let mut builder = attributes.into_builder()?;
    builder = match (data, data_base64) {
        (Some(_), Some(_)) => return Err(DecodeError::TwoBodies),
        (None, None) => builder,
        (None, Some(value)) => {
            let encoded = string("data_base64", value, "a string of Base64")?;
            builder.untyped_body(STANDARD.decode(encoded).map_err(DecodeError::Base64)?)
        }
        (Some(value), None) => match media_type {
            None => builder.body("application/json", value.get()),
            Some(media_type) if media_type.is_json() => builder.untyped_body(value.get()),
            Some(_) if value.get() == "null" => builder,
            Some(media_type) => builder.untyped_body(text_body(&media_type, value)?),
        },
    };
    Ok(builder.build()?)
}

/// Writes one event as a JSON value, to be put inside of another JSON document.
///
/// A value does not keep the text of a JSON body: members of objects are sorted, and numbers beyond 64 bits are
/// rounded. Where the bytes matter, use [`encode`].
pub fn to_value(envelope: &Envelope) -> Value {
    serde_json::from_slice(&encode(envelope)).unwrap_or_else(|_| {
        // A body nested so deep that a value cannot hold it. Base64 has no depth.
        serde_json::from_slice(&write(envelope, base64_member(envelope)))
            .expect("attributes and Base64 are flat")
    })
}

/// Reads one event from a JSON value.
pub fn from_value(value: &Value) -> Result<Envelope, DecodeError> {
    decode(value.to_string().as_bytes())
}

/// Reads a batch; the first event that is wrong makes the whole batch wrong.
pub fn decode_batch(text: &[u8]) -> Result<Vec<Envelope>, DecodeError> {
    let expected = "batch (an array of objects)";
    let events: Vec<&RawValue> =
        serde_json::from_slice(text).map_err(|source| DecodeError::Syntax { expected, source })?;
    let decode_one = |(index, event): (usize, &RawValue)| {
        decode(event.get().as_bytes())
            .map_err(|source| DecodeError::InBatch { index, source: Box::new(source) })
    };
    events.into_iter().enumerate().map(decode_one).collect()
}

/// The member that holds the body.
fn body_member(envelope: &Envelope) -> (&'static str, String) {
    let body = envelope.body();
    let media_type = envelope.datacontenttype().map(MediaType::parse);
    let as_data = match (&media_type, std::str::from_utf8(body)) {
        (Some(media_type), Ok(text)) if media_type.is_json() => {
            serde_json::from_str::<&RawValue>(text).ok().map(|value| value.get().to_owned())
        }
        (Some(media_type), Ok(text)) if media_type.is_utf8_text() => Some(quote(text)),
        (Some(_) | None, _) => None,
    };
    as_data.map_or_else(|| base64_member(envelope), |data| ("data", data))
}

fn base64_member(envelope: &Envelope) -> (&'static str, String) {
    ("data_base64", quote(&STANDARD.encode(envelope.body())))
}

/// The bytes of a `data` member whose media type is not JSON.
fn text_body(media_type: &MediaType, value: &RawValue) -> Result<String, DecodeError> {
    match &media_type.charset {
        Some(charset) if !media_type.is_utf8() => Err(DecodeError::Charset(charset.clone())),
        Some(_) | None => string("data", value, "a string, because its media type is not JSON"),
    }
}

/// An attribute in canonical string form, by the type mapping of section 2.2; `None` for `null`.
fn attribute(name: &str, value: &RawValue) -> Result<Option<String>, DecodeError> {
    let text = value.get();
    let core = matches!(
        name,
        "id" | "source" | "specversion" | "type" | "subject" | "time" | "datacontenttype" | "dataschema"
    );
    let expected = if core { "a string" } else { "a string, a boolean or a 32-bit integer" };
    let wrong = || DecodeError::Type { member: name.to_owned(), found: type_of(value), expected };
    match text.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'"') => string(name, value, expected).map(Some),
        Some(b't' | b'f') if !core => Ok(Some(text.to_owned())),
        Some(b'-' | b'0'..=b'9') if !core => {
            let number: i32 = text.parse().map_err(|_| wrong())?;
            Ok(Some(number.to_string()))
        }
        _ => Err(wrong()),
    }
}

fn string(member: &str, value: &RawValue, expected: &'static str) -> Result<String, DecodeError> {
    serde_json::from_str(value.get()).map_err(|_| DecodeError::Type {
        member: member.to_owned(),
        found: type_of(value),
        expected,
    })
}

fn type_of(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

fn quote(text: &str) -> String {
    Value::from(text).to_string()
}
