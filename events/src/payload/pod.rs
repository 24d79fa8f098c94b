//! A transition of a Pod.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// A Pod after a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pod {
    /// What changed.
    pub transition: Transition,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `status.phase`.
    pub phase: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What made it, as `Kind/name`: `ReplicaSet/web-5d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The container that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The image of that container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Restarts of all its containers.
    pub restarts: i64,
    /// How that container ended last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Why, in a word of Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, in a sentence of Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Since when, by Kubernetes; RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// What was said to be wrong with it and is not over yet, this included; what is over, when it has recovered.
    pub problems: Vec<Transition>,
}

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is described at the event type of the same name in `Kind`")]
pub enum Transition {
    CrashLooping,
    OomKilled,
    ImagePullFailing,
    Evicted,
    Unschedulable,
    NotReady,
    Recovered,
}

impl Transition {
    /// The event type that announces it.
    pub fn kind(self) -> Kind {
        match self {
            Self::CrashLooping => Kind::PodCrashLooping,
            Self::OomKilled => Kind::PodOomKilled,
            Self::ImagePullFailing => Kind::PodImagePullFailing,
            Self::Evicted => Kind::PodEvicted,
            Self::Unschedulable => Kind::PodUnschedulable,
            Self::NotReady => Kind::PodNotReady,
            Self::Recovered => Kind::PodRecovered,
        }
    }
}

impl Payload for Pod {
    const FAMILY: Family = Family::Pod;
    const SAID_BY: &'static str = "watcher";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<namespace>/<name>`";

    fn kind(&self) -> Kind {
        self.transition.kind()
    }
}
