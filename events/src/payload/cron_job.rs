//! A transition of a `CronJob`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// A `CronJob` after a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CronJob {
    /// What changed.
    pub transition: Transition,
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `spec.schedule`.
    pub schedule: String,
    /// `spec.timeZone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Jobs of it that run.
    pub active: i64,
    /// Of `missed`: the time that passed without a Job; the last one, if it is about several. RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<String>,
    /// Of `missed`: how many times passed without a Job since it was said last; 100 stands for more, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<i64>,
    /// `status.lastScheduleTime`: the time of the last Job that was made; RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_scheduled_at: Option<String>,
}

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is described at the event type of the same name in `Kind`")]
pub enum Transition {
    Missed,
    Suspended,
    Resumed,
}

impl Transition {
    /// The event type that announces it.
    pub fn kind(self) -> Kind {
        match self {
            Self::Missed => Kind::CronJobMissed,
            Self::Suspended => Kind::CronJobSuspended,
            Self::Resumed => Kind::CronJobResumed,
        }
    }
}

impl Payload for CronJob {
    const FAMILY: Family = Family::CronJob;
    const SAID_BY: &'static str = "watcher";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<namespace>/<name>`";

    fn kind(&self) -> Kind {
        self.transition.kind()
    }
}
