//! Moments as people write them.

use chrono::{DateTime, TimeDelta, Utc};
use thiserror::Error;

/// The text is no moment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is neither a time such as 2026-09-01T10:00:00Z nor an age such as 30s, 15m, 2h or 7d")]
pub struct NotAMoment(pub String);

/// A moment: RFC 3339, or an age (`30s`, `15m`, `2h`, `7d`) before `now`.
pub fn when(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, NotAMoment> {
    let not_a_moment = || NotAMoment(text.to_owned());
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(moment.to_utc());
    }
    let unit = text.chars().next_back().ok_or_else(not_a_moment)?;
    let number = &text[..text.len() - unit.len_utf8()];
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let number: i64 = number.parse().ok().filter(|_| is_number).ok_or_else(not_a_moment)?;
    let age = match unit {
        's' => TimeDelta::try_seconds(number),
        'm' => TimeDelta::try_minutes(number),
        'h' => TimeDelta::try_hours(number),
        'd' => TimeDelta::try_days(number),
        _ => None,
    };
    age.and_then(|age| now.checked_sub_signed(age)).ok_or_else(not_a_moment)
}

#[cfg(test)]
mod tests {
    use super::when;

    #[test]
    fn times_and_ages_are_moments_and_nothing_else() {
        let now = "2026-09-01T10:00:00Z".parse().expect("a time");
        for (text, moment) in [
            ("2026-08-31T00:00:00Z", Some("2026-08-31T00:00:00Z")),
            ("2026-08-31T02:00:00+02:00", Some("2026-08-31T00:00:00Z")),
            ("30s", Some("2026-09-01T09:59:30Z")),
            ("15m", Some("2026-09-01T09:45:00Z")),
            ("2h", Some("2026-09-01T08:00:00Z")),
            ("1d", Some("2026-08-31T10:00:00Z")),
            ("0s", Some("2026-09-01T10:00:00Z")),
            ("", None),
            ("m", None),
            ("-5m", None),
            ("+5m", None),
            ("5", None),
            ("5 m", None),
            ("5w", None),
            ("5ä", None),
            ("1.5h", None),
            ("99999999999999999d", None),
            ("999999999d", None),
            ("yesterday", None),
            ("2026-08-31", None),
        ] {
            let wanted = moment.map(|moment| moment.parse().expect("a time"));
            assert_eq!(when(text, now).ok(), wanted, "{text:?}");
        }
    }
}
