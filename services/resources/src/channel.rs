//! Channel: a way to reach people.

use crate::SecretRef;

/// A way to reach people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// `metadata.name`.
    pub name: String,
    /// Which service.
    pub kind: ChannelKind,
    /// What to do when it is not known whether a message arrived: the one choice between a possible double and a
    /// possible loss. An endpoint that can be asked leaves no such choice.
    pub delivery: Delivery,
}

/// Which service a channel posts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelKind {
    /// A Slack incoming webhook; its URL is a secret.
    Slack {
        /// Where the URL is.
        url: SecretRef,
    },
    /// Any HTTP endpoint that takes a JSON POST.
    Webhook {
        /// Where the URL is.
        url: SecretRef,
        /// A bearer token to send, if the endpoint wants one.
        token: Option<SecretRef>,
        /// Where the endpoint can be asked whether it has a message: a URL with `{id}` where the id belongs.
        ask: Option<SecretRef>,
    },
}

/// What to do when it is not known whether a message arrived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Send again: a message may come twice, none is lost.
    #[default]
    AtLeastOnce,
    /// Do not send again: a message may be lost, none comes twice.
    AtMostOnce,
}

impl ChannelKind {
    /// `slack` or `webhook`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Slack { .. } => "slack",
            Self::Webhook { .. } => "webhook",
        }
    }
}
