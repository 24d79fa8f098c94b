//! `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// Zero, and a date that has passed, mean this: an answer that asks for patience is not answered at once.
const LEAST: Duration = Duration::from_secs(1);

/// How long to wait from `now`; `None` when it is neither form.
pub(super) fn parse(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are a very long time.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = DateTime::<Utc>::from(httpdate::parse_http_date(value).ok()?);
        (date - now).to_std().unwrap_or_default()
    };
    Some(wait.max(LEAST))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse;

    #[test]
    fn both_forms_are_read_and_nothing_else() {
        let now = "1994-11-06T08:49:00Z".parse().expect("a time");
        for (value, seconds) in [
            ("30", Some(30)),
            (" 1 ", Some(1)),
            ("0", Some(1)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(37)),
            ("Sun Nov  6 08:49:37 1994", Some(37)),
            ("Sun, 06 Nov 1994 08:48:00 GMT", Some(1)),
            ("", None),
            ("-5", None),
            ("0.376", None),
            ("soon", None),
            ("2026-09-01T10:00:00Z", None),
        ] {
            assert_eq!(parse(value, now), seconds.map(Duration::from_secs), "{value:?}");
        }
    }
}
