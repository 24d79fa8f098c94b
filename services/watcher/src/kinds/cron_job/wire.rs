//! The parts of a `CronJob` that are read.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::gather::{Common, Time};

pub type CronJob = Common<Spec, Status>;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    pub schedule: Option<String>,
    pub time_zone: Option<String>,
    pub suspend: Option<bool>,
    pub starting_deadline_seconds: Option<i64>,
    pub concurrency_policy: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    pub active: Option<Vec<IgnoredAny>>,
    pub last_schedule_time: Option<Time>,
    pub last_successful_time: Option<Time>,
}
