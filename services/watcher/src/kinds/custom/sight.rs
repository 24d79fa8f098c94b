//! How an object of a kind that the settings describe stands.

use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::gather::{self, Metadata};

/// A whole object: the expressions may ask for any part of it. It is dropped as soon as they have been evaluated.
#[derive(Debug, Clone)]
pub struct Body {
    pub metadata: Metadata,
    pub object: Value,
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Value::deserialize(deserializer)?;
        let metadata = object.get("metadata").ok_or_else(|| D::Error::missing_field("metadata"))?;
        let metadata = Metadata::deserialize(metadata).map_err(D::Error::custom)?;
        // Often the larger half of an object, and of no use to an expression.
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        Ok(Self { metadata, object })
    }
}

impl gather::Body for Body {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

/// How an object stands, now and, as far as the clock alone will change it, later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    pub uid: String,
    /// A digest of the expression that says the phase: the words of another one mean something else.
    pub rule: String,
    /// The phases from the sight on, in order. They are read anew with each sight, so they are not kept.
    #[serde(skip)]
    pub steps: Vec<Step>,
    /// What was said.
    pub said: Said,
}

/// In which phase an object is from a time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub from: DateTime<Utc>,
    /// Empty: in none.
    pub phase: String,
    pub message: Option<String>,
}

/// What was said about an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub phase: Option<String>,
    /// Another phase, which has not lasted for long enough yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
}

/// A phase that has to last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    pub phase: String,
    /// Since when, by our clock.
    pub since: DateTime<Utc>,
}

impl Sight {
    /// The phase at that time.
    pub fn step(&self, at: DateTime<Utc>) -> Option<&Step> {
        self.steps.iter().rev().find(|step| step.from <= at).or(self.steps.first())
    }

    /// When there is another one.
    pub fn next(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.steps.iter().map(|step| step.from).find(|from| *from > at)
    }
}
