//! A transition of a Namespace.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// A Namespace after a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Namespace {
    /// What changed.
    pub transition: Transition,
    /// `metadata.name`.
    pub name: String,
}

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is described at the event type of the same name in `Kind`")]
pub enum Transition {
    Created,
    Terminating,
    Deleted,
}

impl Transition {
    /// The event type that announces it.
    pub fn kind(self) -> Kind {
        match self {
            Self::Created => Kind::NamespaceCreated,
            Self::Terminating => Kind::NamespaceTerminating,
            Self::Deleted => Kind::NamespaceDeleted,
        }
    }
}

impl Payload for Namespace {
    const FAMILY: Family = Family::Namespace;
    const SAID_BY: &'static str = "watcher";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<name>`";

    fn kind(&self) -> Kind {
        self.transition.kind()
    }
}
