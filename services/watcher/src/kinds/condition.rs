//! `status.conditions`, as most kinds have them.

use serde::Deserialize;

use crate::gather::Time;

/// A condition.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    #[serde(rename = "type")]
    pub ty: String,
    pub status: String,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub last_transition_time: Option<Time>,
}

impl Condition {
    /// Whether it is true.
    pub fn holds(&self) -> bool {
        self.status == "True"
    }

    /// Whether it is surely not true.
    pub fn is_false(&self) -> bool {
        self.status == "False"
    }

    /// Whether it has this reason.
    pub fn because(&self, reason: &str) -> bool {
        self.reason.as_deref() == Some(reason)
    }
}

/// The condition of a type.
pub fn find<'a>(conditions: Option<&'a [Condition]>, ty: &str) -> Option<&'a Condition> {
    conditions?.iter().find(|condition| condition.ty == ty)
}
