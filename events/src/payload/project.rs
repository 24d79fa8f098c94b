//! A transition of an Argo CD `AppProject`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// An `AppProject` after a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Project {
    /// What changed.
    pub transition: Transition,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.description`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `spec.sourceRepos`: where its Applications may come from.
    pub source_repos: Vec<String>,
    /// `spec.destinations`: where they may go, each as `<namespace> at <server or name>`.
    pub destinations: Vec<String>,
    /// The fields of `spec` that were changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is described at the event type of the same name in `Kind`")]
pub enum Transition {
    Created,
    Changed,
    Deleted,
}

impl Transition {
    /// The event type that announces it.
    pub fn kind(self) -> Kind {
        match self {
            Self::Created => Kind::ProjectCreated,
            Self::Changed => Kind::ProjectChanged,
            Self::Deleted => Kind::ProjectDeleted,
        }
    }
}

impl Payload for Project {
    const FAMILY: Family = Family::Project;
    const SAID_BY: &'static str = "watcher";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<namespace>/<name>`";

    fn kind(&self) -> Kind {
        self.transition.kind()
    }
}
