//! How full the volume of a `PersistentVolumeClaim` is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// The volume of a `PersistentVolumeClaim` after a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VolumeUsage {
    /// What changed.
    pub transition: Transition,
    /// `metadata.name` of the claim.
    pub name: String,
    /// `metadata.namespace` of the claim.
    pub namespace: String,
    /// How full it is, in per cent, rounded down: of space or of inodes, whichever is scarcer.
    pub used_percent: u8,
    /// Which of them that is.
    pub scarce: Resource,
    /// How much it holds, in bytes.
    pub capacity_bytes: u64,
    /// How much of that is free, in bytes.
    pub available_bytes: u64,
    /// How many files it can hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inodes: Option<u64>,
    /// How many more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inodes_free: Option<u64>,
}

/// What a volume can run out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Bytes.
    Space,
    /// Files.
    Inodes,
}

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is described at the event type of the same name in `Kind`")]
pub enum Transition {
    NearlyFull,
    Relieved,
}

impl Transition {
    /// The event type that announces it.
    pub fn kind(self) -> Kind {
        match self {
            Self::NearlyFull => Kind::VolumeNearlyFull,
            Self::Relieved => Kind::VolumeRelieved,
        }
    }
}

impl Payload for VolumeUsage {
    const FAMILY: Family = Family::VolumeUsage;
    const SAID_BY: &'static str = "watcher";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<namespace>/<name>` of the claim";

    fn kind(&self) -> Kind {
        self.transition.kind()
    }
}
