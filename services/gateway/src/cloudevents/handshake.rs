//! The handshake by which a sender asks for permission to send (the webhook specification of CloudEvents, section 4).
//!
//! It proves nothing and opens nothing: it only tells a sender that somebody here wants its events. Permission is given
//! in the answer or not at all; the `WebHook-Request-Callback` of a sender is never called, since anybody could have us
//! call any address with it.

use axum::http::HeaderMap;
use resources::source::CloudEvents;

use crate::header;
use crate::refusal::Refusal;

/// Who asks, and who sends.
const ORIGIN: &str = "WebHook-Request-Origin";
/// How many requests a minute are asked for.
const RATE: &str = "WebHook-Request-Rate";
/// Longest DNS name (RFC 1035 section 3.1).
const LONGEST_ORIGIN: usize = 253;
/// Longest number that is looked at, in digits.
const LONGEST_RATE: usize = 9;

/// Events of this origin are welcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Permission {
    /// The origin that asked, or `*` when all are welcome.
    pub(crate) origin: String,
    /// Requests a minute; `None` when there is no limit.
    pub(crate) rate: Option<u64>,
}

/// Answers `OPTIONS`.
pub(crate) fn shake_hands(source: &CloudEvents, headers: &HeaderMap) -> Result<Permission, Refusal> {
    if source.origins.is_empty() {
        return Err(Refusal::NoHandshake);
    }
    let asked = header::required(headers, ORIGIN, LONGEST_ORIGIN, belongs_to_a_name)?;
    if headers.contains_key(RATE) {
        let digits = header::required(headers, RATE, LONGEST_RATE, |b| b.is_ascii_digit())?;
        if digits.bytes().all(|b| b == b'0') {
            return Err(Refusal::BadHeader { name: RATE, problem: "is not a number greater than zero" });
        }
    }
    if !source.takes_origin(asked) {
        return Err(Refusal::Origin(asked.to_owned()));
    }
    let all = source.origins.iter().any(|glob| glob == "*");
    let origin = if all { "*".to_owned() } else { asked.to_owned() };
    Ok(Permission { origin, rate: source.rate.map(|rate| rate.per_minute()) })
}

/// The origin that a delivery names, in lower case. Where only some origins may subscribe, no other one may be named; a
/// delivery that names none is as good as its proof.
pub(crate) fn origin(source: &CloudEvents, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    if source.origins.is_empty() || !headers.contains_key(ORIGIN) {
        return Ok(None);
    }
    let named = header::required(headers, ORIGIN, LONGEST_ORIGIN, belongs_to_a_name)?;
    if source.takes_origin(named) {
        Ok(Some(named.to_ascii_lowercase()))
    } else {
        Err(Refusal::Origin(named.to_owned()))
    }
}

fn belongs_to_a_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'.'
}
