//! `spec.cloudevents` of a Source.

use std::time::Duration;

use crate::listens::{self, Finding};
use crate::names::Misformed;
use crate::read::secret;
use crate::reader::{Fields, Keys, Read, Reader, Said};
use crate::source::cloudevents::{SOURCES_OF_OURS, TYPES_OF_OURS, names};
use crate::source::{CloudEvents, Proof, Rate};
use crate::yaml::Node;

const CLOUDEVENTS: Keys =
    Keys { known: &["tokens", "secrets", "sources", "types", "origins", "rate"], later: &[] };
/// More than any sender needs, and few enough that a count of them is never off.
const MOST_REQUESTS: u32 = 1_000_000;

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<CloudEvents> {
    let fields = reader.fields(node, path, &CLOUDEVENTS)?;
    let proof = reader.one_of(&fields, &["tokens", "secrets"]).and_then(|(kind, node)| {
        let live = secret::read_live(reader, node, &fields.path(kind))?;
        Ok(if kind == "tokens" { Proof::Tokens(live) } else { Proof::Secrets(live) })
    });
    let sources = globs(reader, &fields, "sources", source);
    let types = globs(reader, &fields, "types", event_type);
    let origins = globs(reader, &fields, "origins", |reader, node, path| reader.formed(node, path, origin));
    let rate = reader.optional(&fields, "rate", |reader, node, path| reader.formed(node, path, rate));
    Ok(CloudEvents { proof: proof?, sources: sources?, types: types?, origins: origins?, rate: rate? })
}

fn globs(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    key: &str,
    read: impl Fn(&mut Reader<'_>, &Node, &str) -> Read<String>,
) -> Read<Vec<String>> {
    let globs = reader.optional(fields, key, |reader, node, path| reader.items(node, path, &read));
    globs.map(Option::unwrap_or_default)
}

/// A glob of `source`, which is a URI-reference.
fn source(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<String> {
    let glob = reader.formed(node, path, |text| {
        events::validate::uri_reference("source", text).map(|()| text.to_owned()).map_err(|_| Misformed {
            message: format!("`{text}` fits no source of an event"),
            hint: Some(
                "write a URI or a path, with `*` for any run of characters: `https://shop.example/*`"
                    .to_owned(),
            ),
        })
    })?;
    if SOURCES_OF_OURS.iter().any(|ours| names(&glob, ours)) {
        let message = format!(
            "`{path}`: whoever can send here can pass for `{glob}`, which is a source of our own events"
        );
        let hint =
            "an event that comes first takes the place of another with its `source` and `id`".to_owned();
        reader.warning(node.at, message, Some(hint));
    }
    Ok(glob)
}

/// A glob of `type`; one of our own name spaces has to fit a type that there is.
fn event_type(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<String> {
    let glob = reader.text(node, path)?.text.clone();
    match listens::check(&glob) {
        Finding::Known | Finding::Foreign(_) => {}
        Finding::Unknown { message, hint } => {
            reader.error(node.at, format!("`{path}`: {message}"), hint);
            return Err(Said);
        }
    }
    if TYPES_OF_OURS.iter().any(|ours| names(&glob, ours)) {
        let message = format!(
            "`{path}`: whoever can send here can say `{glob}`, for which our own services vouch otherwise"
        );
        let hint = "leave it out unless that is what you want".to_owned();
        reader.warning(node.at, message, Some(hint));
    }
    Ok(glob)
}

/// A glob of DNS names.
fn origin(text: &str) -> Result<String, Misformed> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-.*".contains(&b);
    if text.bytes().all(allowed) && !text.starts_with('.') && !text.ends_with('.') {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Misformed {
        message: format!("`{text}` is not the DNS name of an origin"),
        hint: Some("write the name that the sender gives in WebHook-Request-Origin: `events.example.com`, `*.example.com`".to_owned()),
    })
}

/// `120/m`, `5/s`.
pub(super) fn rate(text: &str) -> Result<Rate, Misformed> {
    let parsed = || {
        let (requests, unit) = text.split_once('/')?;
        let requests = requests.bytes().all(|b| b.is_ascii_digit()).then(|| requests.parse().ok())??;
        let per = match unit {
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            _ => return None,
        };
        (1..=MOST_REQUESTS).contains(&requests).then_some(Rate { requests, per })
    };
    parsed().ok_or_else(|| Misformed {
        message: format!("`{text}` is not a rate"),
        hint: Some(format!("write requests per minute or second, at most {MOST_REQUESTS}: `120/m`, `5/s`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_per_minute_or_second() {
        let minute = Duration::from_mins(1);
        assert_eq!(rate("120/m"), Ok(Rate { requests: 120, per: minute }));
        assert_eq!(rate("5/s"), Ok(Rate { requests: 5, per: Duration::from_secs(1) }));
        for text in [
            "",
            "120",
            "/m",
            "0/m",
            "-1/m",
            "+1/m",
            "1.5/m",
            "1/h",
            "1/",
            "1/m/m",
            "1000001/s",
            "99999999999/s",
            "1 /m",
        ] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_origin_is_a_dns_name_with_stars() {
        for (text, wanted) in
            [("Events.Example.com", "events.example.com"), ("*", "*"), ("*.example.com", "*.example.com")]
        {
            assert_eq!(origin(text).as_deref(), Ok(wanted));
        }
        for text in
            ["https://example.com", "example.com:443", ".example.com", "example.com.", "a b", "é.example"]
        {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
