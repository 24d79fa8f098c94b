//! What is wrong with a setting, where, and what would be right.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::de::{Expected, Unexpected};
use thiserror::Error;

use super::PREFIX;
use super::file::MAX_DEPTH;
use super::node::Origin;

/// How different a word may be from the one that was meant, as a share of its length.
const TYPO_SHARE: usize = 3;

/// The settings cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the settings file {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A setting is wrong, or there is none of that name.
    #[error("{place}: {message}")]
    Invalid {
        /// The file with line and column, the variable, or the flag.
        place: String,
        /// What is wrong, and what would be right.
        message: String,
    },
}

impl ConfigError {
    fn at(origin: Option<Origin>, message: String) -> Self {
        // Only what nobody wrote has no origin: a setting that is missing.
        let place = origin.map_or_else(|| "the settings".to_owned(), |origin| origin.to_string());
        Self::Invalid { place, message }
    }

    pub(super) fn syntax(origin: Option<Origin>, file: &str, error: &serde_saphyr::Error) -> Self {
        let place = origin.map_or_else(|| file.to_owned(), |origin| origin.to_string());
        Self::Invalid { place, message: format!("not valid YAML: {}", one_line(&error.render())) }
    }

    pub(super) fn no_section(origin: Origin) -> Self {
        Self::at(Some(origin), "a settings file is a list of `key: value`".to_owned())
    }

    pub(super) fn too_deep(origin: Option<Origin>) -> Self {
        Self::at(origin, format!("there is no setting that lies more than {MAX_DEPTH} levels deep"))
    }

    pub(super) fn contradiction(lower: Option<Origin>, upper: Option<Origin>) -> Self {
        let other = lower.map_or_else(String::new, |origin| format!(" of {origin}"));
        Self::at(upper, format!("contradicts the setting{other}: one has a value where the other has keys"))
    }
}

/// The parser's message says the place again, at its end or its beginning; the first line is the message.
fn one_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// The candidate that was probably meant by `word`.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / TYPO_SHARE).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// An error on its way up through the tree.
#[derive(Debug)]
pub(super) struct NodeError {
    problem: Problem,
    /// From the root to the value.
    path: Vec<String>,
    origin: Option<Origin>,
}

#[derive(Debug)]
enum Problem {
    /// The value does not fit.
    Value(String),
    /// There is no setting of that name; these are there.
    Unknown(String, &'static [&'static str]),
    /// A setting that has to be there is not.
    Missing(&'static str),
}

impl NodeError {
    fn new(problem: Problem) -> Self {
        Self { problem, path: Vec::new(), origin: None }
    }

    /// The value is not of the shape that the setting has.
    pub(super) fn shape(expected: &str, found: &str) -> Self {
        Self::new(Problem::Value(format!("expected {expected}, found {found}")))
    }

    /// Names the place, unless a more precise one is known.
    pub(super) fn or_at(mut self, origin: Option<&Origin>) -> Self {
        if self.origin.is_none() {
            self.origin = origin.cloned();
        }
        self
    }

    /// It went wrong below this key.
    pub(super) fn below(mut self, key: &str) -> Self {
        self.path.insert(0, key.to_owned());
        self
    }
}

impl From<NodeError> for ConfigError {
    fn from(NodeError { problem, path, origin }: NodeError) -> Self {
        let message = match problem {
            Problem::Value(message) if path.is_empty() => message,
            Problem::Value(message) => format!("`{}`: {message}", path.join(".")),
            Problem::Missing(key) => {
                let path: Vec<&str> = path.iter().map(String::as_str).chain([key]).collect();
                format!("the setting `{}` is missing", path.join("."))
            }
            Problem::Unknown(key, known) => unknown(&key, known, &path, origin.as_ref()),
        };
        Self::at(origin, message)
    }
}

fn unknown(key: &str, known: &'static [&'static str], path: &[String], origin: Option<&Origin>) -> String {
    // The path ends with the unknown key itself.
    let parents = path.get(..path.len().saturating_sub(1)).unwrap_or_default();
    let is_variable = matches!(origin, Some(Origin::Variable(_)));
    let written = |meant: &str| {
        if is_variable {
            let keys: Vec<&str> = parents.iter().map(String::as_str).chain([meant]).collect();
            format!("{PREFIX}{}", keys.join("__").to_ascii_uppercase())
        } else {
            format!("`{meant}`")
        }
    };
    let meant =
        closest(key, known.iter().copied()).map(str::to_owned).or_else(|| nested(key, known, is_variable));
    let hint = match meant {
        Some(meant) => format!("did you mean {}?", written(&meant)),
        None => format!("there are: {}", known.join(", ")),
    };
    format!("there is no setting `{}`; {hint}", path.join("."))
}

/// `SIGNALBOX_LISTEN_PUBLIC` has one underscore where two belong.
fn nested(key: &str, known: &[&str], is_variable: bool) -> Option<String> {
    let below = |section: &&str| {
        let rest = key.strip_prefix(section)?.strip_prefix('_')?;
        Some(format!("{section}__{rest}"))
    };
    known.iter().filter(|_| is_variable).find_map(below)
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.problem)
    }
}

impl std::error::Error for NodeError {}

impl serde::de::Error for NodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Problem::Value(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::shape(&expected.to_string(), &found.to_string())
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::shape(&expected.to_string(), &found.to_string())
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        let hint = closest(found, known.iter().copied())
            .map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        Self::new(Problem::Value(format!("expected one of {}, found `{found}`{hint}", known.join(", "))))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::new(Problem::Unknown(field.to_owned(), known))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Problem::Missing(field))
    }
}
