//! The parts of an Event that are read.

use serde::Deserialize;

use crate::gather::{Body, Metadata, Time};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub metadata: Metadata,
    pub involved_object: Option<Involved>,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub count: Option<i64>,
    pub series: Option<Series>,
    pub first_timestamp: Option<Time>,
    pub last_timestamp: Option<Time>,
    #[serde(rename = "eventTime")]
    pub at: Option<Time>,
    pub source: Option<Source>,
    pub reporting_component: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Involved {
    pub kind: Option<String>,
    pub name: Option<String>,
    pub namespace: Option<String>,
    pub uid: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Series {
    pub count: Option<i64>,
    pub last_observed_time: Option<Time>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    pub component: Option<String>,
}

impl Body for Event {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}
