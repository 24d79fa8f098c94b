//! A transition of an object of a kind that the settings describe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// An object after a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Object {
    /// What changed.
    pub transition: Transition,
    /// Its kind, as its definition is named: `certificates.cert-manager.io`.
    pub kind: String,
    /// The version of its kind: `v1`.
    pub version: String,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`; empty outside of namespaces.
    pub namespace: String,
    /// In which phase it is, or was last, by the expression in the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Why, by the expression in the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The phase before; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is described at the event type of the same name in `Kind`")]
pub enum Transition {
    Changed,
    Deleted,
}

impl Transition {
    /// The event type that announces it.
    pub fn kind(self) -> Kind {
        match self {
            Self::Changed => Kind::ObjectChanged,
            Self::Deleted => Kind::ObjectDeleted,
        }
    }
}

impl Payload for Object {
    const FAMILY: Family = Family::Object;
    const SAID_BY: &'static str = "watcher";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<namespace>/<name>`, or `<name>` outside of namespaces";

    fn kind(&self) -> Kind {
        self.transition.kind()
    }
}
