//! An address of the API with its parameters.

use std::fmt::Display;

use chrono::{DateTime, SecondsFormat, Utc};

use super::escape;
use crate::cli::{EventFilter, LetterFilter, When};

/// An address in the making.
pub struct Address(String);

impl Address {
    pub fn of(path: &str) -> Self {
        Self(path.to_owned())
    }

    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(&escape(&value.to_string()));
        self
    }

    pub fn maybe(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A moment by the clock of this machine.
    pub fn when(self, name: &str, when: Option<When>, now: DateTime<Utc>) -> Self {
        let text = |when: When| when.moment(now).to_rfc3339_opts(SecondsFormat::Millis, true);
        self.maybe(name, when.map(text))
    }

    pub fn events(self, filter: &EventFilter) -> Self {
        let EventFilter { ty, source, key, correlation } = filter;
        self.maybe("type", ty.as_ref())
            .maybe("source", source.as_ref())
            .maybe("key", key.as_ref())
            .maybe("correlation", correlation.as_ref())
    }

    pub fn letters(self, filter: &LetterFilter, now: DateTime<Utc>) -> Self {
        let LetterFilter { handler, ty, since, until } = filter;
        self.maybe("handler", handler.as_ref())
            .maybe("type", ty.as_ref())
            .when("since", *since, now)
            .when("until", *until, now)
    }

    pub fn text(self) -> String {
        self.0
    }
}
