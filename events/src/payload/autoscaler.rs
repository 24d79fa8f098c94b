//! A transition of a `HorizontalPodAutoscaler`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// A `HorizontalPodAutoscaler` after a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Autoscaler {
    /// What changed.
    pub transition: Transition,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// What it scales, as `Kind/name`.
    pub target: String,
    /// The fewest pods that it may ask for.
    pub min: i64,
    /// The most.
    pub max: i64,
    /// Pods that there are.
    pub current: i64,
    /// Pods that it asks for.
    pub desired: i64,
    /// Why, in a word of Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, in a sentence of Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What `transition` changed from; absent when there was nothing before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is described at the event type of the same name in `Kind`")]
pub enum Transition {
    AtMax,
    Limited,
    WithinLimits,
}

impl Transition {
    /// The event type that announces it.
    pub fn kind(self) -> Kind {
        match self {
            Self::AtMax => Kind::AutoscalerAtMax,
            Self::Limited => Kind::AutoscalerLimited,
            Self::WithinLimits => Kind::AutoscalerWithinLimits,
        }
    }
}

impl Payload for Autoscaler {
    const FAMILY: Family = Family::Autoscaler;
    const SAID_BY: &'static str = "watcher";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<namespace>/<name>`";

    fn kind(&self) -> Kind {
        self.transition.kind()
    }
}
