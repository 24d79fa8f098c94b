//! A warning of Kubernetes, aggregated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// What Kubernetes warns of, for one object and one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// What it is.
    pub transition: Transition,
    /// Why, in a word of Kubernetes: `FailedMount`.
    pub reason: String,
    /// Why, in a sentence; the newest one.
    pub message: String,
    /// The kind of the object that it is about.
    pub kind: String,
    /// The name of that object.
    pub name: String,
    /// The namespace of that object; empty outside of namespaces.
    pub namespace: String,
    /// How often, as far as Kubernetes remembers.
    pub count: i64,
    /// When for the first time; RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<String>,
    /// When for the last time; RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<String>,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<String>,
    /// How often it was when it was announced before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// What it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is described at the event type of the same name in `Kind`")]
pub enum Transition {
    Warning,
}

impl Transition {
    /// The event type that announces it.
    pub fn kind(self) -> Kind {
        match self {
            Self::Warning => Kind::EventWarning,
        }
    }
}

impl Payload for Warning {
    const FAMILY: Family = Family::Warning;
    const SAID_BY: &'static str = "watcher";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<namespace>/<kind>/<name>` of the object, in lower case";

    fn kind(&self) -> Kind {
        self.transition.kind()
    }
}
