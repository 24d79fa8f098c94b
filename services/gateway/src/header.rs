//! What the headers of a request say. Pure.

use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};

use crate::refusal::{MediaType, Refusal};

/// How often a header is there.
pub(crate) enum Found<'a> {
    /// Never.
    Absent,
    /// Once, as it should be.
    Once(&'a HeaderValue),
    /// More than once: which of them counts would be a guess.
    Repeated,
}

/// Looks for a header.
pub(crate) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Found<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Found::Absent,
        (Some(value), None) => Found::Once(value),
        (Some(_), Some(_)) => Found::Repeated,
    }
}

/// The value of a header that must be there, and be at most `longest` bytes that `fits` takes.
pub(crate) fn required<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
    longest: usize,
    fits: impl Fn(u8) -> bool,
) -> Result<&'a str, Refusal> {
    let bad = |problem| Refusal::BadHeader { name, problem };
    let value = match find(headers, name) {
        Found::Absent => return Err(bad("is missing")),
        Found::Repeated => return Err(bad("is there more than once")),
        Found::Once(value) => value.to_str().unwrap_or_default(),
    };
    match value.len() {
        0 => Err(bad("is empty, or is not ASCII")),
        length if length > longest => Err(bad("is too long")),
        _ if !value.bytes().all(fits) => Err(bad("has a character that does not belong there")),
        _ => Ok(value),
    }
}

/// What `Content-Length` says, if it is there; refused at once when it says more than `limit`.
pub(crate) fn announced_length(headers: &HeaderMap, limit: usize) -> Result<Option<usize>, Refusal> {
    let Some(value) = headers.get(CONTENT_LENGTH) else {
        return Ok(None);
    };
    let digits =
        value.to_str().ok().filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    match digits.map(str::parse::<usize>) {
        None => Err(Refusal::BadHeader { name: "Content-Length", problem: "is not a number" }),
        Some(Ok(length)) if length <= limit => Ok(Some(length)),
        // All digits and no usize: too many of them.
        Some(Ok(_) | Err(_)) => Err(Refusal::TooLarge { limit }),
    }
}

/// Whether the body is sent as it is, not compressed.
pub(crate) fn is_plain(headers: &HeaderMap) -> Result<(), Refusal> {
    let identity = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().all(identity) {
        Ok(())
    } else {
        Err(Refusal::MediaType(MediaType::Encoded))
    }
}

/// Whether the body is plain `application/json`, parameters and case aside.
pub(crate) fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    is_plain(headers)?;
    let value = match find(headers, CONTENT_TYPE.as_str()) {
        Found::Absent => return Err(Refusal::MediaType(MediaType::Absent)),
        Found::Repeated => return Err(Refusal::MediaType(MediaType::Other)),
        Found::Once(value) => value.to_str().unwrap_or_default(),
    };
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Err(Refusal::MediaType(MediaType::Form))
    } else {
        Err(Refusal::MediaType(MediaType::Other))
    }
}

/// Whether the body is JSON of any kind: `application/json`, `application/vnd.….v1+json`.
pub(crate) fn is_some_json(headers: &HeaderMap) -> Result<(), Refusal> {
    match is_json(headers) {
        Err(Refusal::MediaType(MediaType::Other)) => {}
        other => return other,
    }
    let value = match find(headers, CONTENT_TYPE.as_str()) {
        Found::Once(value) => value.to_str().unwrap_or_default(),
        Found::Absent | Found::Repeated => "",
    };
    if !value.is_empty() && events::envelope::is_json(value) {
        Ok(())
    } else {
        Err(Refusal::MediaType(MediaType::Other))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
    use axum::http::{HeaderMap, HeaderValue};

    use super::{announced_length, is_json, is_some_json, required};
    use crate::refusal::{MediaType, Refusal};

    fn with(name: &HeaderName, values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (name.clone(), HeaderValue::from_bytes(value.as_bytes()).unwrap()))
            .collect()
    }

    #[test]
    fn json_is_known_with_parameters_and_in_any_case() {
        for value in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=utf-8",
        ] {
            assert!(is_json(&with(&CONTENT_TYPE, &[value])).is_ok(), "{value}");
        }
    }

    #[test]
    fn other_media_types_are_refused_with_their_reason() {
        for (values, reason) in [
            (&[][..], MediaType::Absent),
            (&["application/x-www-form-urlencoded"], MediaType::Form),
            (&["text/plain"], MediaType::Other),
            (&["application/jsonx"], MediaType::Other),
            (&[""], MediaType::Other),
            (&["application/jsön"], MediaType::Other),
            (&["application/json", "application/json"], MediaType::Other),
        ] {
            let refusal = is_json(&with(&CONTENT_TYPE, values));
            assert!(
                matches!(refusal, Err(Refusal::MediaType(found)) if found == reason),
                "{values:?}: {refusal:?}"
            );
        }
    }

    #[test]
    fn json_of_any_kind_is_known_where_it_may_come() {
        let of = |value: &str| is_some_json(&with(&CONTENT_TYPE, &[value]));
        for value in ["application/json", "application/vnd.docker.distribution.events.v2+json", "text/json"] {
            assert!(of(value).is_ok(), "{value}");
        }
        for value in ["text/plain", "application/x-www-form-urlencoded", "", "json"] {
            assert!(matches!(of(value), Err(Refusal::MediaType(_))), "{value}");
        }
    }

    #[test]
    fn a_compressed_body_is_refused() {
        for (encoding, fine) in [("identity", true), ("gzip", false), ("identity, gzip", false)] {
            let mut headers = with(&CONTENT_TYPE, &["application/json"]);
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
            assert_eq!(is_json(&headers).is_ok(), fine, "{encoding}");
        }
    }

    #[test]
    fn an_announced_length_over_the_limit_is_too_large() {
        assert!(matches!(announced_length(&HeaderMap::new(), 10), Ok(None)));
        assert!(matches!(announced_length(&with(&CONTENT_LENGTH, &["10"]), 10), Ok(Some(10))));
        for value in ["11", "99999999999999999999999999"] {
            let refusal = announced_length(&with(&CONTENT_LENGTH, &[value]), 10);
            assert!(matches!(refusal, Err(Refusal::TooLarge { limit: 10 })), "{value}: {refusal:?}");
        }
        for value in ["", "-1", "+1", "ten", "0x10"] {
            let refusal = announced_length(&with(&CONTENT_LENGTH, &[value]), 10);
            assert!(
                matches!(refusal, Err(Refusal::BadHeader { name: "Content-Length", .. })),
                "{value}: {refusal:?}"
            );
        }
    }

    #[test]
    fn a_required_header_is_there_once_and_in_form() {
        const NAME: &str = "x-github-event";
        let check = |values: &[&str]| {
            required(&with(&HeaderName::from_static(NAME), values), NAME, 5, |b| b.is_ascii_lowercase())
                .map(str::to_owned)
        };
        assert_eq!(check(&["push"]).unwrap(), "push");
        for (values, reason) in [
            (&[][..], "is missing"),
            (&["push", "push"], "is there more than once"),
            (&[""], "is empty, or is not ASCII"),
            (&["püsh"], "is empty, or is not ASCII"),
            (&["pushes"], "is too long"),
            (&["Push"], "has a character that does not belong there"),
        ] {
            let refusal = check(values);
            assert!(
                matches!(refusal, Err(Refusal::BadHeader { problem, .. }) if problem == reason),
                "{values:?}: {refusal:?}"
            );
        }
    }
}
