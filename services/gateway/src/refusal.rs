//! Why a request got no 202: every reason there is, in one place.

mod hint;
mod status;
mod unproven;

use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;

use chassis::PublishError;
use events::{alertmanager, github, http, webhook};
use resources::source::Origin;
use thiserror::Error;

use crate::Limits;
use crate::cloudevents::Claim;
use crate::generic::Unmappable;

pub(crate) use unproven::Unproven;

/// Why a request got no 202. `Display` says what was found; [`hint`](Self::hint) says what would be right.
///
/// A 5xx is our own trouble and makes every sender come again. A 4xx is what another attempt of the same bytes would not
/// mend; Alertmanager drops the notification then.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("there is nothing at this address")]
    NoSuchAddress,
    #[error("there is no source of this name")]
    NoSuchSource,
    #[error("this source was retired: it takes no more events")]
    Retired,
    #[error("this address takes POST alone")]
    NotPost,
    #[error("this source takes POST alone: its senders need no handshake")]
    NoHandshake,
    #[error("the body is larger than the limit of {limit} bytes")]
    TooLarge { limit: usize },
    #[error(transparent)]
    MediaType(MediaType),
    #[error("the body did not arrive within {} s", within.as_secs_f64())]
    TooSlow { within: Duration },
    #[error("the body broke off")]
    BrokenOff(#[source] axum::Error),
    #[error(transparent)]
    Unproven(Unproven),
    #[error("the header {name} {problem}")]
    BadHeader { name: &'static str, problem: &'static str },
    #[error(transparent)]
    NoDelivery(github::DecodeError),
    #[error(transparent)]
    NoNotification(alertmanager::DecodeError),
    #[error(transparent)]
    NoCloudEvent(http::DecodeError),
    #[error(transparent)]
    NoWebhook(webhook::DecodeError),
    #[error("the body is not JSON")]
    NotJson(#[source] serde_json::Error),
    #[error(transparent)]
    Unmappable(Unmappable),
    #[error("the batch has {events} events, the limit is {}", Limits::EVENTS_OF_A_BATCH)]
    TooManyEvents { events: usize },
    #[error("this source takes no events of {0}")]
    Foreign(Origin),
    #[error(transparent)]
    Claim(Claim),
    #[error("this source takes no events of the origin {0}")]
    Origin(String),
    #[error("this source takes nothing from {}", sender.map_or("an unknown address".to_owned(), |sender| sender.to_string()))]
    Place { sender: Option<IpAddr> },
    #[error("this caller has sent more often than it may")]
    TooOften { after: Duration },
    #[error("too many bodies are being taken at the moment")]
    Overloaded,
    #[error("a secret of this source cannot be read at the moment")]
    SecretUnreadable,
    #[error("the event could not be stored")]
    NotStored(#[source] PublishError),
    #[error("the event could not be stored in time")]
    NotStoredInTime { within: Duration },
}

/// What is wrong with the media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum MediaType {
    #[error("the header Content-Type is missing")]
    Absent,
    #[error("the body is an HTML form (application/x-www-form-urlencoded), not application/json")]
    Form,
    #[error("the body is not application/json")]
    Other,
    #[error("the body is compressed (Content-Encoding)")]
    Encoded,
}

impl Refusal {
    /// The text for the sender: with the causes when they lie in what was sent, without them when they are our own
    /// (they may name files, variables and servers).
    pub(crate) fn for_the_sender(&self) -> String {
        if self.status().is_server_error() { self.to_string() } else { self.in_full() }
    }

    /// The text for whoever runs this: with all causes.
    pub(crate) fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
