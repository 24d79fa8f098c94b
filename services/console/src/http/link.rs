//! Where an answer goes on: an address with the same question and a cursor.

use std::fmt::Display;

use chrono::{DateTime, SecondsFormat, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::query::{Cursor, DeadFilter, Filter};

/// An address in the making.
pub(super) struct Link {
    path: &'static str,
    pairs: Vec<(&'static str, String)>,
}

impl Link {
    pub(super) fn events(filter: &Filter) -> Self {
        let Filter { ty, source, key, correlation, since, until } = filter;
        Self { path: "/api/v1/events", pairs: Vec::new() }
            .maybe("type", ty.as_ref())
            .maybe("source", source.as_ref())
            .maybe("key", key.as_ref())
            .maybe("correlation", correlation.as_ref())
            .time("since", *since)
            .time("until", *until)
    }

    pub(super) fn dead(path: &'static str, filter: &DeadFilter) -> Self {
        let DeadFilter { handler, ty, since, until } = filter;
        Self { path, pairs: Vec::new() }
            .maybe("handler", handler.as_ref())
            .maybe("type", ty.as_ref())
            .time("since", *since)
            .time("until", *until)
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.pairs.push((name, value.to_string()));
        self
    }

    pub(super) fn maybe(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A moment, not an age: an age would be another moment for the next page.
    fn time(self, name: &'static str, time: Option<DateTime<Utc>>) -> Self {
        self.maybe(name, time.map(|time| time.to_rfc3339_opts(SecondsFormat::Nanos, true)))
    }

    pub(super) fn after(self, cursor: &Cursor) -> String {
        self.with("after", cursor).address()
    }

    pub(super) fn address(self) -> String {
        let escaped = |value: &str| utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
        let pairs: Vec<String> =
            self.pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        format!("{}?{}", self.path, pairs.join("&"))
    }
}
