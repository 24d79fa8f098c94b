//! What the automator decided, and by which clause.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// Every Automation that listens for an event, with the clause that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evaluated {
    /// In the order of their names.
    pub rules: Vec<Rule>,
}

/// One Automation's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// `metadata.name` of the Automation.
    pub automation: String,
    /// What it came to.
    pub verdict: Verdict,
    /// The clause that decided, for example `when` or `do[1].notify.text`.
    pub clause: String,
    /// Why, for people: the condition and the values that it saw, or the error.
    pub because: String,
    /// What it asked for, or would have asked for in shadow mode: `deploy my-app to dev`.
    pub actions: Vec<String>,
}

/// What an Automation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It asked for its actions.
    Matched,
    /// Its condition does not hold.
    Skipped,
    /// It would have asked for its actions, but its mode is `shadow`.
    Shadowed,
    /// A condition or template could not be evaluated: an error, not "no match".
    Failed,
}

impl Payload for Evaluated {
    const FAMILY: Family = Family::AutomationEvaluated;
    const SAID_BY: &'static str = "automator";
    const HEARD_BY: &'static str = "console";
    const SUBJECT: &'static str = "the type of the event that was tried";

    fn kind(&self) -> Kind {
        Kind::AutomationEvaluated
    }
}
