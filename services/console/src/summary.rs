//! What an event says, in a few words.

mod cluster;
mod foreign;
mod github;
mod ours;

use events::{Envelope, Kind};
use serde::{Deserialize, Serialize};

/// Longest text from a body that is put on a line.
const LINE: usize = 160;

/// What an event says, in a few words. Every text is on one line and safe for a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Its type in human words: `deploy succeeded`.
    pub word: String,
    /// The essential of its body: `shop -> dev: image 4c1f9a0, 2 pods of application shop-dev`.
    pub essence: String,
    /// What does not fit on the line: each rule with its verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// What it says was done to the outside world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
}

/// What was done to the outside world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// `commit`, `message to team`.
    pub what: String,
    /// What the outside world calls it: the commit's hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Summary {
    /// Sums an event up.
    pub fn of(event: &Envelope) -> Self {
        match event.ty().parse::<Kind>() {
            Ok(kind) => ours::summary(kind, event).unwrap_or_else(|error| Self {
                word: word_of(event.ty()),
                essence: crate::line::of(&format!("its body cannot be read: {error}"), LINE),
                details: Vec::new(),
                effect: None,
            }),
            Err(_) => Self {
                word: word_of(event.ty()),
                essence: github::essence(event).unwrap_or_else(|| foreign::essence(event)),
                details: Vec::new(),
                effect: None,
            },
        }
    }
}

/// A type in human words: without the domain and the version. `com.github.workflow_run.completed` is
/// `workflow run completed`.
fn word_of(ty: &str) -> String {
    let mut parts: Vec<&str> = ty.split('.').collect();
    let is_version = |part: &&str| {
        part.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    if parts.len() > 1 && parts.last().is_some_and(is_version) {
        parts.pop();
    }
    // Domain and name: `io.signalbox`. What is left must say something.
    let from = parts.len().saturating_sub(1).min(2);
    let words: Vec<&str> = parts[from..].iter().flat_map(|part| part.split(['_', '-'])).collect();
    crate::line::of(&words.join(" "), LINE)
}

#[cfg(test)]
mod tests;
