//! How the sender of a webhook proves itself.

use std::time::Duration;

use crate::names::{self, Misformed};
use crate::read::secret;
use crate::reader::{Fields, Keys, Read, Reader, Said};
use crate::source::credential::{Algorithm, Credential, Encoding, Hmac, Key, Signed, Timestamp};
use crate::yaml::Node;

/// The fields that say it; a Source has one of them.
pub(super) const CREDENTIALS: [&str; 4] = ["hmac", "tokens", "basic", "header"];

const HMAC: Keys = Keys {
    known: &["secrets", "key", "header", "algorithm", "prefix", "encoding", "signs", "timestamp"],
    later: &[],
};
const TIMESTAMP: Keys = Keys { known: &["header", "tolerance"], later: &[] };
const BASIC: Keys = Keys { known: &["user", "passwords"], later: &[] };
const HEADER: Keys = Keys { known: &["name", "values"], later: &[] };
const KEYS: [(&str, Key); 2] = [("text", Key::Text), ("base64", Key::Base64)];
const ALGORITHMS: [(&str, Algorithm); 3] =
    [("sha1", Algorithm::Sha1), ("sha256", Algorithm::Sha256), ("sha512", Algorithm::Sha512)];
const ENCODINGS: [(&str, Encoding); 2] = [("hex", Encoding::Hex), ("base64", Encoding::Base64)];
/// How far a timestamp may be from our clock when the file does not say: what most senders' manuals advise.
const TOLERANCE: Duration = Duration::from_mins(5);
/// Longest tolerance: beyond it, a window is none.
const LONGEST_TOLERANCE: Duration = Duration::from_hours(24);

/// The one credential among the fields of a Source, of those that its kind can have.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, of: &[&'static str]) -> Read<Credential> {
    let (kind, node) = reader.one_of(fields, of)?;
    let path = fields.path(kind);
    match kind {
        "hmac" => hmac(reader, node, &path).map(Credential::Hmac),
        "tokens" => secret::read_live(reader, node, &path).map(Credential::Tokens),
        "basic" => basic(reader, node, &path),
        _ => header(reader, node, &path),
    }
}

fn basic(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Credential> {
    let fields = reader.fields(node, path, &BASIC)?;
    let user = reader.required(&fields, "user", |reader, node, path| reader.formed(node, path, user));
    let passwords = reader.required(&fields, "passwords", secret::read_live);
    Ok(Credential::Basic { user: user?, passwords: passwords? })
}

fn header(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Credential> {
    let fields = reader.fields(node, path, &HEADER)?;
    let name = reader.required(&fields, "name", header_name);
    let values = reader.required(&fields, "values", secret::read_live);
    Ok(Credential::Header { name: name?, values: values? })
}

fn hmac(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Hmac> {
    let fields = reader.fields(node, path, &HMAC)?;
    let secrets = reader.required(&fields, "secrets", secret::read_live);
    let key = reader.optional(&fields, "key", |reader, node, path| reader.choice(node, path, &KEYS));
    let header = reader.required(&fields, "header", header_name);
    let algorithm =
        reader.optional(&fields, "algorithm", |reader, node, path| reader.choice(node, path, &ALGORITHMS));
    let prefix =
        reader.optional(&fields, "prefix", |reader, node, path| Ok(reader.text(node, path)?.text.clone()));
    let encoding =
        reader.optional(&fields, "encoding", |reader, node, path| reader.choice(node, path, &ENCODINGS));
    let signs = reader.optional(&fields, "signs", |reader, node, path| reader.formed(node, path, signs));
    let timestamp = reader.optional(&fields, "timestamp", timestamp);
    let (signs, timestamp) = (signs?.unwrap_or_else(|| vec![Signed::Body]), timestamp?);
    agree(reader, &fields, &signs, timestamp.as_ref())?;
    Ok(Hmac {
        secrets: secrets?,
        key: key?.unwrap_or_default(),
        header: header?,
        algorithm: algorithm?.unwrap_or_default(),
        prefix: prefix?.unwrap_or_default(),
        encoding: encoding?.unwrap_or_default(),
        signs,
        timestamp,
    })
}

/// Whether what is signed and the time belong together.
fn agree(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    signs: &[Signed],
    timestamp: Option<&Timestamp>,
) -> Read<()> {
    let signed = signs.iter().any(|part| match part {
        Signed::Timestamp => true,
        Signed::Header(name) => timestamp.is_some_and(|time| time.header.eq_ignore_ascii_case(name)),
        Signed::Literal(_) | Signed::Body => false,
    });
    let place = |key| fields.get(key).map_or(fields.at, |node| node.at);
    match (signed, timestamp) {
        (true, None) => {
            let message =
                format!("`{}` has `{{timestamp}}`, and there is no `timestamp`", fields.path("signs"));
            let hint = "say which header has it: `timestamp: {header: X-Timestamp}`".to_owned();
            reader.error(place("signs"), message, Some(hint));
            Err(Said)
        }
        (false, Some(_)) => {
            let message = format!("`{}`: the signature does not cover this time", fields.path("timestamp"));
            let hint = "whoever sends a request again can change it; put `{timestamp}` into `signs` if the sender signs it";
            reader.warning(place("timestamp"), message, Some(hint.to_owned()));
            Ok(())
        }
        (true, Some(_)) | (false, None) => Ok(()),
    }
}

fn timestamp(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Timestamp> {
    let fields = reader.fields(node, path, &TIMESTAMP)?;
    let header = reader.required(&fields, "header", header_name);
    let tolerance =
        reader.optional(&fields, "tolerance", |reader, node, path| reader.formed(node, path, tolerance));
    Ok(Timestamp { header: header?, tolerance: tolerance?.unwrap_or(TOLERANCE) })
}

fn tolerance(text: &str) -> Result<Duration, Misformed> {
    let tolerance = names::duration(text)?;
    if (Duration::from_secs(1)..=LONGEST_TOLERANCE).contains(&tolerance) {
        return Ok(tolerance);
    }
    Err(Misformed {
        message: format!("`{text}` is no window against replays"),
        hint: Some("write 1s to 24h; most senders advise 5m".to_owned()),
    })
}

fn user(text: &str) -> Result<String, Misformed> {
    if !text.contains(':') && !text.contains(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(Misformed {
        message: "the name of a user has no colon (RFC 7617)".to_owned(),
        hint: Some("the password is a secret: `passwords: [{env: NAME}]`".to_owned()),
    })
}

/// The name of a header, in lower case: case does not matter.
pub(super) fn header_name(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<String> {
    reader.formed(node, path, |text| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        if text.bytes().all(allowed) {
            return Ok(text.to_ascii_lowercase());
        }
        Err(Misformed {
            message: format!("`{text}` is not the name of a header"),
            hint: Some("write it without the colon: `X-Signature`".to_owned()),
        })
    })
}

/// `{body}`, `{timestamp}.{body}`, `v0:{timestamp}:{body}`, `{webhook-id}.{timestamp}.{body}`.
fn signs(text: &str) -> Result<Vec<Signed>, Misformed> {
    let wrong = |message: String| {
        Misformed {
        message,
        hint: Some(
            "write the parts as they are signed: `{body}`, `{timestamp}.{body}`, or a header by its name: `{X-Request-Id}`"
                .to_owned(),
        ),
    }
    };
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return Err(wrong("a `{` is not closed".to_owned()));
        };
        if !before.is_empty() {
            parts.push(Signed::Literal(before.to_owned()));
        }
        parts.push(match name {
            "body" => Signed::Body,
            "timestamp" => Signed::Timestamp,
            _ if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
                Signed::Header(name.to_ascii_lowercase())
            }
            _ => return Err(wrong(format!("`{{{name}}}` is not a part of a request"))),
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Signed::Literal(rest.to_owned()));
    }
    if parts.iter().filter(|part| **part == Signed::Body).count() != 1 {
        return Err(wrong("the body has to be signed, once: `{body}`".to_owned()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_a_text_with_parts_of_the_request_in_it() {
        let literal = |text: &str| Signed::Literal(text.to_owned());
        assert_eq!(signs("{body}"), Ok(vec![Signed::Body]));
        let slack = vec![literal("v0:"), Signed::Timestamp, literal(":"), Signed::Body];
        assert_eq!(signs("v0:{timestamp}:{body}"), Ok(slack));
        let id = Signed::Header("webhook-id".to_owned());
        assert_eq!(signs("{Webhook-Id}{body}!"), Ok(vec![id, Signed::Body, literal("!")]));
        for text in ["", "body", "{timestamp}", "{body}{body}", "{body", "{}{body}", "{a b}{body}"] {
            assert!(signs(text).is_err(), "{text}");
        }
    }
}
