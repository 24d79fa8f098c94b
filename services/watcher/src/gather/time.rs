//! A time as Kubernetes writes it.

use std::fmt;

use chrono::{DateTime, Datelike as _, Utc};
use serde::{Deserialize, Serialize};

/// A time as Kubernetes writes it, whatever it is: one that cannot be read is no reason not to read the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(String);

impl Time {
    /// The time, if it is one that CloudEvents can write, too.
    pub fn utc(&self) -> Option<DateTime<Utc>> {
        let time = DateTime::parse_from_rfc3339(&self.0).ok()?.to_utc();
        (0..=9999).contains(&time.year()).then_some(time)
    }
}

impl From<&str> for Time {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
