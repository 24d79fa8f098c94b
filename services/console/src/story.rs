//! A story: the events of one correlation as a tree, from the root cause to every effect. Pure.

mod tree;

use chassis::dead::DeadLetter;
use chassis::{Position, Recorded};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::render::{RenderOptions, story};
use crate::summary::Summary;

/// The events of one correlation as a tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Story {
    /// The id that was asked for.
    pub focus: String,
    /// The id of the root event.
    pub correlationid: String,
    /// When the bus took the first event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<DateTime<Utc>>,
    /// When the bus took the last event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<DateTime<Utc>>,
    /// How many events it has.
    pub events: usize,
    /// Most often one, the root cause; more when events are missing, or when somebody else gave them the correlation.
    pub roots: Vec<Node>,
    /// What is not shown, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// An event with what it caused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// The event; absent when it is named as a cause and is not in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Told>,
    /// Who gave up on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dead_letters: Vec<Lost>,
    /// What it caused, in the order of the log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Node>,
}

/// An event of a story.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Its place in the log.
    pub position: Position,
    /// When the bus took it.
    pub recorded: DateTime<Utc>,
    /// When it happened, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<DateTime<Utc>>,
    /// Where it happened.
    pub source: String,
    /// Its type.
    pub r#type: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What it says.
    pub summary: Summary,
}

/// A dead letter of an event of a story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Names the dead letter.
    pub id: String,
    /// Who gave up.
    pub handler: String,
    /// After how many attempts.
    pub attempts: u32,
    /// Why: the error and its causes, outermost first.
    pub reasons: Vec<String>,
    /// When.
    pub died_at: DateTime<Utc>,
}

impl Story {
    /// The story of the event `focus`: those of `events` that have its correlation (or whose correlation is `focus`, when
    /// it is not among them). Their order does not matter; an event that is there twice is told once.
    pub fn build(events: &[Recorded], focus: &str) -> Self {
        tree::build(events, focus)
    }

    /// Shows the dead letters at their events; those of other stories are left out.
    #[must_use]
    pub fn with_dead_letters(mut self, letters: &[DeadLetter]) -> Self {
        for letter in letters {
            let Some(event) = &letter.event else { continue };
            let of_letter =
                |name: &str| event.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
            let (id, source) = (of_letter("id"), of_letter("source"));
            if let Some(node) = find(&mut self.roots, id, source) {
                node.dead_letters.push(Lost {
                    id: letter.id.clone(),
                    handler: letter.handler.clone(),
                    attempts: letter.attempts,
                    reasons: letter.reasons.clone(),
                    died_at: letter.died_at,
                });
            }
        }
        self
    }

    /// As text: one line for each event, the same for the same story and options.
    pub fn render(&self, options: RenderOptions) -> String {
        story::render(self, options)
    }
}

fn find<'a>(nodes: &'a mut [Node], id: &str, source: &str) -> Option<&'a mut Node> {
    for node in nodes {
        if node.id == id && node.event.as_ref().is_some_and(|event| event.source == source) {
            return Some(node);
        }
        if let Some(found) = find(&mut node.children, id, source) {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
