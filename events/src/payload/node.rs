//! A transition of a Node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// A Node after a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// What changed.
    pub transition: Transition,
    /// `metadata.name`.
    pub name: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// The conditions that it is under: `MemoryPressure`, `DiskPressure`, `PIDPressure`, `NetworkUnavailable`.
    pub pressures: Vec<String>,
    /// The condition that `transition` is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Why, in a word of Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, in a sentence of Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is described at the event type of the same name in `Kind`")]
pub enum Transition {
    Joined,
    Left,
    Ready,
    NotReady,
    UnderPressure,
    Relieved,
    Cordoned,
    Uncordoned,
}

impl Transition {
    /// The event type that announces it.
    pub fn kind(self) -> Kind {
        match self {
            Self::Joined => Kind::NodeJoined,
            Self::Left => Kind::NodeLeft,
            Self::Ready => Kind::NodeReady,
            Self::NotReady => Kind::NodeNotReady,
            Self::UnderPressure => Kind::NodeUnderPressure,
            Self::Relieved => Kind::NodeRelieved,
            Self::Cordoned => Kind::NodeCordoned,
            Self::Uncordoned => Kind::NodeUncordoned,
        }
    }
}

impl Payload for Node {
    const FAMILY: Family = Family::Node;
    const SAID_BY: &'static str = "watcher";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<name>`";

    fn kind(&self) -> Kind {
        self.transition.kind()
    }
}
