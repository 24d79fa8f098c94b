//! What a handler gave up on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// A handler gave up on an event, which is kept as a dead letter until a person drives it again or drops it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Created {
    /// Names the dead letter: `signalbox dead show ID`.
    pub id: String,
    /// The handler that gave up.
    pub handler: String,
    /// The error and its causes, outermost first.
    pub reasons: Vec<String>,
    /// How many attempts were made.
    pub attempts: u32,
    /// Where the event stands in the log.
    pub position: u64,
    /// Id of the event; absent when it was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Source of the event; absent when it was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_source: Option<String>,
    /// Type of the event; absent when it was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
}

impl Payload for Created {
    const FAMILY: Family = Family::DeadLetter;
    const SAID_BY: &'static str = "every service with a handler";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "the handler that gave up";

    fn kind(&self) -> Kind {
        Kind::DeadLetterCreated
    }
}
