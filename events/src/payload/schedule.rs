//! A tick of a schedule.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// The time of a schedule has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ticked {
    /// `metadata.name` of the Source.
    pub schedule: String,
    /// When it should come, by the schedule and nothing else; a schedule has one tick of it.
    pub nominal: DateTime<Utc>,
    /// The same time by the wall clock of the zone, with its offset: `2026-03-29T03:00:00+02:00`.
    pub local: String,
    /// The zone, by its name in the IANA database.
    pub zone: String,
    /// The expression of the schedule.
    pub expression: String,
    /// Why it comes now.
    pub cause: Cause,
    /// The nominal time of the tick before, if one was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<DateTime<Utc>>,
    /// How many ticks just before it were missed and are left out; 1000 stands for that many or more.
    pub missed: u32,
}

/// Why a tick comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It is time.
    Due,
    /// It was missed, and comes late.
    CatchUp,
}

impl Payload for Ticked {
    const FAMILY: Family = Family::ScheduleTicked;
    const SAID_BY: &'static str = "scheduler";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<name of the Source>`";

    fn kind(&self) -> Kind {
        Kind::ScheduleTicked
    }
}
