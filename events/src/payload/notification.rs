//! A message to people: asked for, sent, refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// People should be told something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Requested {
    /// `metadata.name` of the Channel.
    pub channel: String,
    /// The message, plain text; a channel escapes what its format gives a meaning to.
    pub text: String,
    /// A short heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How grave it is.
    #[serde(default)]
    pub severity: Severity,
    /// The Automation that asked, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation: Option<String>,
}

/// How grave a message is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    #[default]
    Info,
    /// Something ended well.
    Success,
    /// Somebody should look.
    Warning,
    /// Somebody should look now.
    Critical,
}

/// A channel took the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// `metadata.name` of the Channel.
    pub channel: String,
    /// Kind of the Channel: `slack`, `webhook`.
    pub channel_kind: String,
    /// HTTP status that the channel answered.
    pub status: u16,
}

/// A channel refused the message for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failed {
    /// `metadata.name` of the Channel.
    pub channel: String,
    /// Kind of the Channel, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_kind: Option<String>,
    /// Why, for people.
    pub reason: String,
}

impl Payload for Requested {
    const FAMILY: Family = Family::NotificationRequested;
    const SAID_BY: &'static str = "automator";
    const HEARD_BY: &'static str = "notifier";
    const SUBJECT: &'static str = "`<channel>`";

    fn kind(&self) -> Kind {
        Kind::NotificationRequested
    }
}

impl Payload for Sent {
    const FAMILY: Family = Family::NotificationSent;
    const SAID_BY: &'static str = "notifier";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<channel>`";

    fn kind(&self) -> Kind {
        Kind::NotificationSent
    }
}

impl Payload for Failed {
    const FAMILY: Family = Family::NotificationFailed;
    const SAID_BY: &'static str = "notifier";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<channel>`";

    fn kind(&self) -> Kind {
        Kind::NotificationFailed
    }
}
