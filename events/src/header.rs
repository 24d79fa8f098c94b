//! Attribute values as header values: the rules that the HTTP and NATS bindings share.
//!
//! Source: sections 3.1.3.2 "HTTP Header Values" and 3.1.3.2 "NATS Header Values" of the protocol bindings.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::{InvalidEnvelope, validate};

#[cfg(test)]
mod tests;

/// What is percent-encoded: space, `"`, `%`, control characters, and all that is not ASCII.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// What the names of the headers of attributes begin with.
const PREFIX: &str = "ce-";

/// Encodes an attribute's value.
pub(crate) fn encode(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string()
}

/// The name of an attribute's header.
pub(crate) fn header_name(attribute: &str) -> String {
    format!("{PREFIX}{attribute}")
}

/// The attribute that a header carries, if it carries one. Names are case-insensitive.
pub(crate) fn attribute_name(header: &str) -> Option<String> {
    let (prefix, name) = header.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then(|| name.to_ascii_lowercase())
}

/// Decodes an attribute's value: white space around it is dropped, a double-quoted string is undone, then one round
/// of percent-decoding. A `%` that begins no escape stands for itself, as do characters that need no encoding or
/// should have been encoded: older senders and the Go SDK write them raw. Escapes that are not UTF-8 are refused.
///
/// A URI has escapes of its own. A sender that keeps to the specification encodes their percent signs once more
/// (`a%2520b`); the Go SDK does not (`a%20b`). So a URI that is one only before it is decoded is taken as it is.
pub(crate) fn decode(attribute: &str, value: &str) -> Result<String, InvalidEnvelope> {
    let value = value.trim_matches([' ', '\t']);
    let unquoted = unquote(value);
    let raw = unquoted.as_deref().unwrap_or(value);
    let decoded =
        percent_decode_str(raw).decode_utf8().map_err(|_| InvalidEnvelope::Encoding(attribute.to_owned()))?;
    let is_uri = |text: &str| validate::uri_reference(attribute, text).is_ok();
    if matches!(attribute, "source" | "dataschema") && !is_uri(&decoded) && is_uri(raw) {
        return Ok(raw.to_owned());
    }
    Ok(decoded.into_owned())
}

/// Undoes a quoted-string of RFC 7230 section 3.2.6; `None` when the value is not one from end to end.
fn unquote(value: &str) -> Option<String> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => text.push(chars.next()?),
            c => text.push(c),
        }
    }
    Some(text)
}
