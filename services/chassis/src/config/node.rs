//! A tree of settings in which every value knows where it was written.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::error::ConfigError;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the file; line and column count from 1.
    File {
        /// The file as it was named.
        path: String,
        /// Line.
        line: u64,
        /// Column.
        column: u64,
    },
    /// In an environment variable.
    Variable(String),
    /// On the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// `None` for the root and for what no single place wrote.
    pub(super) origin: Option<Origin>,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Scalar(Value),
    /// The text of an environment variable: what it means depends on the setting.
    Raw(String),
    List(Vec<Node>),
    Section(BTreeMap<String, Node>),
}

impl Node {
    /// Nothing is set.
    pub(super) fn empty() -> Self {
        Self { origin: None, content: Content::Section(BTreeMap::new()) }
    }

    /// The settings given as flags: `{"listen": {"public": …}}` is `--listen-public`.
    pub(super) fn of_flags(flags: Value) -> Self {
        Self::of_flag(flags, "")
    }

    fn of_flag(value: Value, name: &str) -> Self {
        let origin = (!name.is_empty()).then(|| Origin::Flag(name.to_owned()));
        let content = match value {
            Value::Object(entries) => {
                let entry = |(key, value): (String, Value)| {
                    let word = key.replace('_', "-");
                    let name = if name.is_empty() { word } else { format!("{name}-{word}") };
                    (key, Self::of_flag(value, &name))
                };
                Content::Section(
                    entries.into_iter().filter(|(_, value)| !value.is_null()).map(entry).collect(),
                )
            }
            Value::Array(items) => {
                Content::List(items.into_iter().map(|item| Self::of_flag(item, name)).collect())
            }
            Value::Null if name.is_empty() => Content::Section(BTreeMap::new()),
            scalar => Content::Scalar(scalar),
        };
        Self { origin, content }
    }

    /// Lays another tree over this one: sections are merged, everything else is replaced.
    pub(super) fn overlay(&mut self, upper: Self) -> Result<(), ConfigError> {
        match (&mut self.content, upper.content) {
            (Content::Section(lower), Content::Section(entries)) => {
                for (key, node) in entries {
                    match lower.get_mut(&key) {
                        Some(known) => known.overlay(node)?,
                        None => _ = lower.insert(key, node),
                    }
                }
            }
            // `listen:` with nothing after it is a section in which nothing is set.
            (Content::Scalar(Value::Null), content) => *self = Self { origin: upper.origin, content },
            (_, Content::Scalar(Value::Null)) => {}
            (Content::Section(_), Content::Scalar(_) | Content::Raw(_) | Content::List(_))
            | (Content::Scalar(_) | Content::Raw(_) | Content::List(_), Content::Section(_)) => {
                return Err(ConfigError::contradiction(self.origin.take(), upper.origin));
            }
            (_, content) => *self = Self { origin: upper.origin, content },
        }
        Ok(())
    }
}
