//! Times as text.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// `+0.021s`, `+2m05.0s`, `+3h05m07s`, `+2d03h`.
pub(super) fn offset(from: DateTime<Utc>, at: DateTime<Utc>) -> String {
    let delta = at - from;
    let sign = if delta < TimeDelta::zero() { '-' } else { '+' };
    format!("{sign}{}", span(delta))
}

/// A length of time, as exact as people read it.
pub(super) fn span(delta: TimeDelta) -> String {
    let millis = delta.num_milliseconds().unsigned_abs();
    let (seconds, part) = (millis / 1_000, millis % 1_000);
    match seconds {
        0..60 => format!("{seconds}.{part:03}s"),
        60..3_600 => format!("{}m{:02}.{}s", seconds / 60, seconds % 60, part / 100),
        3_600..86_400 => format!("{}h{:02}m{:02}s", seconds / 3_600, seconds / 60 % 60, seconds % 60),
        86_400.. => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// RFC 3339 in UTC with milliseconds: always as long.
pub(super) fn absolute(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::{absolute, offset};

    #[test]
    fn offsets_are_as_exact_as_people_read_them() {
        let from = "2026-09-01T10:00:00Z".parse().expect("a time");
        for (at, text) in [
            ("2026-09-01T10:00:00Z", "+0.000s"),
            ("2026-09-01T10:00:00.0219Z", "+0.021s"),
            ("2026-09-01T10:00:59.999Z", "+59.999s"),
            ("2026-09-01T10:02:05.060Z", "+2m05.0s"),
            ("2026-09-01T13:05:07Z", "+3h05m07s"),
            ("2026-09-03T13:05:07Z", "+2d03h"),
            ("2026-09-01T09:59:59.9Z", "-0.100s"),
        ] {
            assert_eq!(offset(from, at.parse().expect("a time")), text);
        }
    }

    #[test]
    fn absolute_times_are_all_as_long() {
        for time in ["2026-09-01T10:00:00Z", "2026-09-01T10:00:00.123456Z"] {
            assert_eq!(absolute(time.parse().expect("a time")).len(), "2026-09-01T10:00:00.000Z".len());
        }
    }
}
