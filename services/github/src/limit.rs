//! What an answer says of limits. Pure.
//!
//! The order is that of GitHub's documentation ("Exceeding the rate limit"): `retry-after`, else `x-ratelimit-reset` where
//! `x-ratelimit-remaining` is 0, else at least a minute.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::error::Limit;

/// What to wait where GitHub names no time: what its documentation asks for.
const AT_LEAST: TimeDelta = TimeDelta::seconds(60);
/// No wait is longer: a limit is one of an hour, and whoever says more is mistaken.
const AT_MOST: TimeDelta = TimeDelta::hours(2);
/// The reset is in whole seconds, rounded down.
const ROUNDING: TimeDelta = TimeDelta::seconds(1);

/// Which limit an answer speaks of, and until when; `None` when it speaks of none.
pub(crate) fn of(
    status: u16,
    headers: &HeaderMap,
    message: &str,
    now: DateTime<Utc>,
) -> Option<(Limit, DateTime<Utc>)> {
    if status != 403 && status != 429 {
        return None;
    }
    let spent = text(headers, "x-ratelimit-remaining") == Some("0");
    let (limit, wait) = if let Some(wait) = retry_after(headers, now) {
        (if spent && !speaks(message) { Limit::Primary } else { Limit::Secondary }, wait)
    } else if spent {
        (Limit::Primary, reset(headers, now).unwrap_or(AT_LEAST))
    } else if status == 429 || speaks(message) {
        (Limit::Secondary, AT_LEAST)
    } else {
        return None;
    };
    Some((limit, now + wait.clamp(ROUNDING, AT_MOST)))
}

/// When to come back, of any answer that names a time.
pub(crate) fn until(headers: &HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    retry_after(headers, now).map(|wait| now + wait.clamp(TimeDelta::zero(), AT_MOST))
}

fn speaks(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("secondary rate limit") || message.contains("abuse detection")
}

/// Seconds or a date (RFC 9110). A number that is too large for a time is the longest wait.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<TimeDelta> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return Some(text.parse().ok().and_then(TimeDelta::try_seconds).unwrap_or(AT_MOST));
    }
    date(text).map(|date| date - theirs(headers, now))
}

/// From GitHub's own now to the reset, so that our clock may be wrong.
fn reset(headers: &HeaderMap, now: DateTime<Utc>) -> Option<TimeDelta> {
    let reset = DateTime::from_timestamp(text(headers, "x-ratelimit-reset")?.parse().ok()?, 0)?;
    Some(reset - theirs(headers, now) + ROUNDING)
}

fn theirs(headers: &HeaderMap, now: DateTime<Utc>) -> DateTime<Utc> {
    headers.get(DATE).and_then(|value| date(value.to_str().ok()?)).unwrap_or(now)
}

fn date(text: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(text).ok().map(DateTime::from)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn the_headers_decide_in_the_order_of_the_documentation() {
        let now = at("2026-11-24T10:00:00Z");
        // 10:30:00
        let reset = "1795516200";
        let secondary = "You have exceeded a secondary rate limit. Please wait a few minutes";
        for (status, headers, message, wanted) in [
            (200, &[("retry-after", "5")][..], "", None),
            (403, &[], "Resource not accessible by integration", None),
            (404, &[("x-ratelimit-remaining", "0")], "", None),
            (
                403,
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)],
                "API rate limit exceeded",
                Some((Limit::Primary, "2026-11-24T10:30:01Z")),
            ),
            // Our clock is half an hour behind theirs.
            (
                429,
                &[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", reset),
                    ("date", "Tue, 24 Nov 2026 10:29:00 GMT"),
                ],
                "API rate limit exceeded",
                Some((Limit::Primary, "2026-11-24T10:01:01Z")),
            ),
            (
                403,
                &[("retry-after", "90"), ("x-ratelimit-remaining", "4000")],
                secondary,
                Some((Limit::Secondary, "2026-11-24T10:01:30Z")),
            ),
            (
                403,
                &[("x-ratelimit-remaining", "4000")],
                secondary,
                Some((Limit::Secondary, "2026-11-24T10:01:00Z")),
            ),
            (429, &[], "", Some((Limit::Secondary, "2026-11-24T10:01:00Z"))),
            (
                429,
                &[("retry-after", "999999999999999999999")],
                "",
                Some((Limit::Secondary, "2026-11-24T12:00:00Z")),
            ),
            (429, &[("retry-after", "0")], "", Some((Limit::Secondary, "2026-11-24T10:00:01Z"))),
            (
                429,
                &[("retry-after", "Tue, 24 Nov 2026 10:05:00 GMT")],
                "",
                Some((Limit::Secondary, "2026-11-24T10:05:00Z")),
            ),
            (
                403,
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "soon")],
                "",
                Some((Limit::Primary, "2026-11-24T10:01:00Z")),
            ),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            let wanted = wanted.map(|(limit, until)| (limit, at(until)));
            assert_eq!(of(status, &map, message, now), wanted, "{status} {headers:?} {message}");
        }
    }
}
