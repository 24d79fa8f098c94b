//! The rules of the CloudEvents 1.0 core specification that the SDK does not check.
//!
//! Source of each rule: `cloudevents/spec.md` of the CloudEvents specification, sections "Naming Conventions",
//! "Type System", "Required Attributes" and "Optional Attributes".

use thiserror::Error;

/// Longest attribute name that Signalbox accepts. The specification says that names SHOULD be at most 20 characters;
/// a longer one is accepted on read, up to what fits a header name comfortably.
pub const MAX_NAME_CHARS: usize = 64;
/// Largest attribute value in bytes. Attributes travel as headers; NATS and HTTP servers limit a header to some 8 KiB.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Why something is not a valid CloudEvent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidEnvelope {
    /// A required attribute is absent or empty.
    #[error("attribute `{0}` is required and must not be empty")]
    Missing(&'static str),
    /// An optional attribute is present and empty.
    #[error("attribute `{0}` must not be empty when it is present")]
    Empty(String),
    /// The name breaks the naming rule.
    #[error("`{0}` is not an attribute name: use a-z and 0-9 only, at most {MAX_NAME_CHARS} characters")]
    Name(String),
    /// The name cannot be used by an extension.
    #[error("`{0}` cannot be the name of an extension: the specification reserves it")]
    Reserved(String),
    /// The value has a character that the String type forbids.
    #[error("attribute `{name}` has the forbidden character U+{code:04X} (control characters, surrogates and non-characters are not allowed)")]
    Character {
        /// Which attribute.
        name: String,
        /// The code point.
        code: u32,
    },
    /// The value is too large to travel as a header.
    #[error("attribute `{name}` has {bytes} bytes, the limit is {MAX_VALUE_BYTES}")]
    TooLarge {
        /// Which attribute.
        name: String,
        /// Its size.
        bytes: usize,
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
    const RESERVED: [&str; 10] = [
        "id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject", "time", "data", "database64",
    ];
    name(candidate)?;
    if RESERVED.contains(&candidate) {
        return Err(InvalidEnvelope::Reserved(candidate.to_owned()));
    }
    Ok(())
}

/// Checks a value of the type String.
pub fn string(name: &str, value: &str) -> Result<(), InvalidEnvelope> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(InvalidEnvelope::TooLarge { name: name.to_owned(), bytes: value.len() });
    }
    match value.chars().find(|c| forbidden(*c)) {
        Some(c) => Err(InvalidEnvelope::Character { name: name.to_owned(), code: u32::from(c) }),
        None => Ok(()),
    }
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
    Err(InvalidEnvelope::Type {
        name: name.to_owned(),
        value: value.to_owned(),
        expected: "a URI-reference (RFC 3986); percent-encode spaces and non-ASCII characters",
    })
}

/// Checks a media type (RFC 2046): `type/subtype` with optional parameters.
pub fn media_type(name: &str, value: &str) -> Result<(), InvalidEnvelope> {
    string(name, value)?;
    let essence = value.split(';').next().unwrap_or_default().trim();
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+%'*`|~".contains(&b))
    };
    match essence.split_once('/') {
        Some((kind, sub)) if token(kind) && token(sub) => Ok(()),
        _ => Err(InvalidEnvelope::Type {
            name: name.to_owned(),
            value: value.to_owned(),
            expected: "a media type such as application/json",
        }),
    }
}

fn forbidden(c: char) -> bool {
    let code = u32::from(c);
    let control = code <= 0x1F || (0x7F..=0x9F).contains(&code);
    let non_character = (0xFDD0..=0xFDEF).contains(&code) || (code & 0xFFFE) == 0xFFFE;
    control || non_character
}
