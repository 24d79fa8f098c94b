//! Moments as people type them.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::duration;

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// This long ago.
    Ago(Duration),
    /// At this time.
    At(DateTime<Utc>),
}

/// Where something begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// With the first event of the log.
    All,
    /// At a moment.
    When(When),
}

/// The text is no moment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is neither a time like 10m nor a moment like 2026-01-31T12:00:00Z")]
pub struct NoMoment(String);

/// The text is no beginning.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is neither a time like 10m, nor a moment like 2026-01-31T12:00:00Z, nor `all`")]
pub struct NoBeginning(String);

impl FromStr for When {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        if let Ok(ago) = duration::parse(text) {
            return Ok(Self::Ago(ago));
        }
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| NoMoment(text.to_owned()))?;
        Ok(Self::At(moment.to_utc()))
    }
}

impl FromStr for Since {
    type Err = NoBeginning;

    fn from_str(text: &str) -> Result<Self, NoBeginning> {
        if text == "all" {
            return Ok(Self::All);
        }
        text.parse().map(Self::When).map_err(|NoMoment(text)| NoBeginning(text))
    }
}

impl When {
    /// The moment that it means.
    pub fn moment(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            // A time that reaches back beyond the calendar means everything.
            Self::Ago(ago) => chrono::TimeDelta::from_std(ago)
                .ok()
                .and_then(|ago| now.checked_sub_signed(ago))
                .unwrap_or(DateTime::<Utc>::MIN_UTC),
            Self::At(moment) => moment,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{TimeZone as _, Utc};

    use super::{Since, When};

    #[test]
    fn a_moment_is_what_it_says() {
        let now = Utc.with_ymd_and_hms(2026, 1, 31, 12, 0, 0).single().expect("it is a moment");
        for (text, when, moment) in [
            ("10m", When::Ago(Duration::from_mins(10)), "2026-01-31T11:50:00+00:00"),
            (
                "2026-01-01T01:00:00+01:00",
                When::At(Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).single().expect("it is a moment")),
                "2026-01-01T00:00:00+00:00",
            ),
        ] {
            assert_eq!(text.parse(), Ok(when));
            assert_eq!(text.parse(), Ok(Since::When(when)));
            assert_eq!(when.moment(now).to_rfc3339(), moment);
        }
        assert_eq!("all".parse(), Ok(Since::All));
        let for_ever: When = "99999999999d".parse().expect("it is a time");
        assert!(for_ever.moment(now) < now - Duration::from_hours(24 * 365 * 1000));
        for no in ["yesterday", "", "10", "-1h", "2026-01-31"] {
            assert!(no.parse::<When>().is_err() && no.parse::<Since>().is_err(), "{no}");
        }
        assert!("all".parse::<When>().is_err());
    }
}
