//! The rules of the CloudEvents 1.0 core specification that the SDK does not check.
//!
//! Source of each rule: `cloudevents/spec.md` of the CloudEvents specification, sections "Naming Conventions",
//! "Type System", "Required Attributes" and "Optional Attributes".

use chrono::{DateTime, Datelike as _, Utc};
use thiserror::Error;

use crate::media::split_parameters;

#[cfg(test)]
mod tests;

/// Longest attribute name that Signalbox accepts. The specification says that names SHOULD be at most 20 characters;
/// a longer one is accepted on read, up to what fits a header name comfortably.
pub const MAX_NAME_CHARS: usize = 64;
/// Largest attribute value in bytes. Attributes travel as headers; NATS and HTTP servers limit a header to some 8 KiB.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;
/// Largest event type in bytes. It becomes a subject, three times as long at worst, and a NATS server reads subjects in
/// control lines of 4 KiB.
pub const MAX_TYPE_BYTES: usize = 1024;

/// How much of a text an error shows, in characters: what fits on a line of a log.
const SHOWN_CHARS: usize = 120;

/// Why something is not a valid CloudEvent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidEnvelope {
    /// A required attribute is absent or empty.
    #[error("attribute `{0}` is required and must not be empty")]
    Missing(&'static str),
    /// An optional attribute is present and empty.
    #[error("attribute `{}` must not be empty when it is present", shown(.0))]
    Empty(String),
    /// The name breaks the naming rule.
    #[error("`{}` is not an attribute name: use a-z and 0-9 only, at most {MAX_NAME_CHARS} characters", shown(.0))]
    Name(String),
    /// The name cannot be used by an extension.
    #[error("`{}` cannot be the name of an extension: the specification reserves it", shown(.0))]
    Reserved(String),
    /// The value has a character that the String type forbids.
    #[error(
        "attribute `{name}` has the forbidden character U+{code:04X} (control characters, surrogates and non-characters are not allowed)"
    )]
    Character {
        /// Which attribute.
        name: String,
        /// The code point.
        code: u32,
    },
    /// The value is too large to travel as a header.
    #[error("attribute `{name}` has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Which attribute.
        name: String,
        /// Its size.
        bytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// The value is not of the attribute's type.
    #[error("attribute `{name}` is {value:?}, which is not {expected}")]
    Type {
        /// Which attribute.
        name: String,
        /// What it held.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// The event is of another version of CloudEvents.
    #[error("specversion \"{}\" is not supported: Signalbox speaks CloudEvents 1.0", shown(.0))]
    SpecVersion(String),
    /// The attribute came twice, with different values.
    #[error("attribute `{}` is there twice, with different values", shown(.0))]
    Duplicate(String),
    /// The value is not UTF-8, before or after percent-decoding.
    #[error("attribute `{}` holds bytes that are not UTF-8", shown(.0))]
    Encoding(String),
}

/// Checks an attribute name against `[a-z0-9]+`.
pub fn name(name: &str) -> Result<(), InvalidEnvelope> {
    let ok = !name.is_empty()
        && name.len() <= MAX_NAME_CHARS
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if ok { Ok(()) } else { Err(InvalidEnvelope::Name(name.to_owned())) }
}

/// Checks the name of an extension: a valid name that is not an attribute of the core and not `data`.
pub fn extension_name(candidate: &str) -> Result<(), InvalidEnvelope> {
    const RESERVED: [&str; 9] =
        ["id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject", "time", "data"];
    name(candidate)?;
    if RESERVED.contains(&candidate) {
        return Err(InvalidEnvelope::Reserved(candidate.to_owned()));
    }
    Ok(())
}

/// Checks a value of the type String.
pub fn string(name: &str, value: &str) -> Result<(), InvalidEnvelope> {
    size(name, value, MAX_VALUE_BYTES)?;
    match value.chars().find(|c| forbidden(*c)) {
        Some(c) => Err(InvalidEnvelope::Character { name: name.to_owned(), code: u32::from(c) }),
        None => Ok(()),
    }
}

/// Checks an event type: a String that can become a subject.
pub fn event_type(name: &str, value: &str) -> Result<(), InvalidEnvelope> {
    size(name, value, MAX_TYPE_BYTES)?;
    string(name, value)
}

fn size(name: &str, value: &str, limit: usize) -> Result<(), InvalidEnvelope> {
    if value.len() <= limit {
        return Ok(());
    }
    Err(InvalidEnvelope::TooLarge { name: name.to_owned(), bytes: value.len(), limit })
}

/// Checks a value of the type URI-reference (RFC 3986 section 4.1): no characters outside of the grammar, no broken
/// percent-escape.
pub fn uri_reference(name: &str, value: &str) -> Result<(), InvalidEnvelope> {
    string(name, value)?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    let escapes = value.match_indices('%').all(|(at, _)| {
        value.as_bytes().get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    });
    if value.bytes().all(allowed) && escapes {
        return Ok(());
    }
    Err(wrong_type(name, value, "a URI-reference (RFC 3986); percent-encode spaces and non-ASCII characters"))
}

/// Checks a value of the type Timestamp: RFC 3339 has four digits for the year, and none before year 0.
pub fn time(name: &str, value: DateTime<Utc>) -> Result<(), InvalidEnvelope> {
    if (0..=9999).contains(&value.year()) {
        return Ok(());
    }
    Err(wrong_type(name, &value.to_string(), "a time from year 0000 to year 9999"))
}

/// Checks a media type (RFC 2045 section 5.1): `type/subtype` and parameters, printable ASCII, no white space around.
pub fn media_type(name: &str, value: &str) -> Result<(), InvalidEnvelope> {
    string(name, value)?;
    let mut parts = split_parameters(value);
    let essence = parts.next().unwrap_or_default().trim_end_matches(' ');
    let is_essence = essence.split_once('/').is_some_and(|(kind, sub)| is_token(kind) && is_token(sub));
    let is_parameter = |part: &str| {
        let part = part.trim_matches(' ');
        // A semicolon at the end is seen in the wild and harmless.
        part.is_empty()
            || part.split_once('=').is_some_and(|(key, value)| {
                is_token(key)
                    && (is_token(value)
                        || (value.len() > 1 && value.starts_with('"') && value.ends_with('"')))
            })
    };
    let printable = value.bytes().all(|b| (b' '..=b'~').contains(&b)) && value.trim() == value;
    if is_essence && printable && parts.all(is_parameter) {
        return Ok(());
    }
    Err(wrong_type(name, value, "a media type such as application/json"))
}

/// A token of RFC 7230 section 3.2.6.
fn is_token(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// The error for a value of the wrong type.
pub(crate) fn wrong_type(name: &str, value: &str, expected: &'static str) -> InvalidEnvelope {
    let value = match value.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    };
    InvalidEnvelope::Type { name: name.to_owned(), value, expected }
}

/// What a sender wrote, as an error shows it: of a long text the beginning is enough to find it, and nothing in it may
/// break out of a line of a log.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(SHOWN_CHARS) {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

fn forbidden(c: char) -> bool {
    let code = u32::from(c);
    let control = code <= 0x1F || (0x7F..=0x9F).contains(&code);
    let non_character = (0xFDD0..=0xFDEF).contains(&code) || (code & 0xFFFE) == 0xFFFE;
    control || non_character
}
