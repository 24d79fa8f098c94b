//! Times as people write them: `30s`, `10m`, `2h`, `7d`, `1h30m`.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;
use serde::Deserialize;
use thiserror::Error;

/// The text is no time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no time: write a number and a unit, like 30s, 10m, 2h or 7d")]
pub struct NoDuration(String);

/// Reads a time.
pub fn parse(text: &str) -> Result<Duration, NoDuration> {
    seconds(text).map(Duration::from_secs).ok_or_else(|| NoDuration(text.to_owned()))
}

/// A time for people, in its two largest units: `3d 4h`, `12m`, `0s`.
pub fn words(seconds: u64) -> String {
    const UNITS: [(u64, char); 4] = [(24 * 60 * 60, 'd'), (60 * 60, 'h'), (60, 'm'), (1, 's')];
    let first = UNITS.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let mut rest = seconds;
    let mut words = Vec::new();
    for (unit, name) in UNITS.iter().skip(first).take(2) {
        if rest >= *unit || words.is_empty() {
            words.push(format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    words.join(" ")
}

fn seconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let factor = match rest.as_bytes()[digits] {
            b's' => 1,
            b'm' => 60,
            b'h' => 60 * 60,
            b'd' => 24 * 60 * 60,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = &rest[digits + 1..];
        if rest.is_empty() {
            return Some(total);
        }
    }
}

/// A time in the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub Duration);

impl TryFrom<String> for Span {
    type Error = NoDuration;

    fn try_from(text: String) -> Result<Self, NoDuration> {
        parse(&text).map(Self)
    }
}

/// A time in the settings that is not zero: something comes round that often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Period(pub Duration);

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match parse(&text) {
            Ok(time) if time.is_zero() => Err(format!("`{text}` is too short: at least 1s")),
            Ok(time) => Ok(Self(time)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Longest wait for something to be said: longer, and nobody would remember what it is about.
const LONGEST_WAIT: Duration = Duration::from_hours(24 * 30);

/// A time in the settings that something has to last until it is said: at most 30 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Wait(Duration);

impl TryFrom<String> for Wait {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match parse(&text) {
            Ok(time) if time > LONGEST_WAIT => Err(format!("`{text}` is too long: at most 30d")),
            Ok(time) => Ok(Self(time)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// As a difference of times.
pub fn delta(Wait(wait): Wait) -> TimeDelta {
    TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, words};

    #[test]
    fn a_number_and_a_unit_are_a_time() {
        for (text, seconds) in
            [("0s", 0), ("30s", 30), ("10m", 600), ("2h", 7200), ("7d", 604_800), ("1h30m", 5400)]
        {
            assert_eq!(parse(text).expect(text).as_secs(), seconds, "{text}");
        }
    }

    #[test]
    fn people_read_the_two_largest_units() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (61, "1m 1s"), (3600, "1h"), (3601, "1h"), (90_061, "1d 1h")]
        {
            assert_eq!(words(seconds), text);
        }
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "s",
            "30",
            "30 s",
            "-1s",
            "1.5h",
            "5ms",
            "1y",
            "ü",
            "1ü",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().starts_with(&format!("`{text}` is no time")), "{error}");
        }
    }
}
