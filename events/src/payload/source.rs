//! What a Source missed, and what became of it.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// A gap in what a Source sent: deliveries that nobody took, alerts that were left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The name of the Source.
    pub source: String,
    /// What is missing.
    pub what: What,
    /// What became of the gap.
    pub outcome: Outcome,
    /// When the first of it happened.
    pub from: DateTime<Utc>,
    /// When the last of it happened.
    pub to: DateTime<Utc>,
    /// How many are told of; 0 where it is not known how many there were.
    pub count: u64,
    /// Each of them, by time; at most 100.
    pub missed: Vec<Missed>,
    /// Why all of it cannot be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Deliveries of a webhook of GitHub.
    Deliveries,
    /// Alerts of an Alertmanager.
    Alerts,
}

/// What became of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its events are on the bus.
    Filled,
    /// It cannot be filled.
    Lost,
}

/// One thing that was missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missed {
    /// How the sender calls it: the GUID of a delivery, the fingerprint of an alert.
    pub id: String,
    /// The type of its event.
    pub event_type: String,
    /// The id of its event on the bus, if it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// What became of it.
    pub became: Became,
    /// Why it is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of one thing that was missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Became {
    /// It was fetched and put on the bus.
    Published,
    /// The bus had it from elsewhere.
    Known,
    /// It was delivered again, and taken.
    Redelivered,
    /// It cannot be had.
    Lost,
}

impl Payload for Gap {
    const FAMILY: Family = Family::SourceGap;
    const SAID_BY: &'static str = "sweeper";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<name of the Source>`";

    fn kind(&self) -> Kind {
        match self.outcome {
            Outcome::Filled => Kind::SourceGapFilled,
            Outcome::Lost => Kind::SourceGapLost,
        }
    }
}

/// A Source cannot be asked what it missed, until somebody changes something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SweepFailed {
    /// The name of the Source.
    pub source: String,
    /// What it was asked for.
    pub what: What,
    /// Up to when nothing is missing, as far as is known.
    pub through: DateTime<Utc>,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl Payload for SweepFailed {
    const FAMILY: Family = Family::SourceSweepFailed;
    const SAID_BY: &'static str = "sweeper";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<name of the Source>`";

    fn kind(&self) -> Kind {
        Kind::SourceSweepFailed
    }
}
