//! Why a request got no 202: every reason there is, in one place.

use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;

use axum::http::StatusCode;
use chassis::PublishError;
use events::{alertmanager, github, http, webhook};
use thiserror::Error;

use crate::Limits;
use crate::answer::Answer;
use crate::cloudevents::Claim;
use crate::generic::Unmappable;
use crate::origin::Origin;

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

/// What is wrong with the proof of identity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Unproven {
    #[error("the header X-Hub-Signature-256 is missing")]
    NoSignature,
    #[error("the header X-Hub-Signature-256 is not `sha256=` and 64 lower-case hex digits")]
    MalformedSignature,
    #[error("the signature fits none of the secrets of this source")]
    WrongSignature,
    #[error("in binary mode, no signature covers the attributes of the event, which are headers")]
    Uncovered,
    #[error("the header Authorization is missing")]
    NoToken,
    #[error("the header Authorization is not `Bearer` and a token")]
    MalformedToken,
    #[error("the token is none of the tokens of this source")]
    WrongToken,
    #[error("the request has a token in its address and another one in the header Authorization")]
    TwoTokens,
    #[error("the header {0} is missing")]
    NoHeader(String),
    #[error("the header {0} does not have the form that this source expects")]
    MalformedHeader(String),
    #[error("the header {0} fits none of the secrets of this source")]
    WrongHeader(String),
    #[error("the time in the header {0} is too far from now")]
    OutOfTime(String),
    #[error("the header Authorization is missing")]
    NoPassword,
    #[error("the header Authorization is not `Basic` and Base64 of a user, a colon and a password")]
    MalformedPassword,
    #[error("the user or the password is none of this source")]
    WrongPassword,
}

impl Unproven {
    /// What the 401 asks for (RFC 9110 section 11.6.1). The name of a scheme for signed webhooks was never registered.
    pub(crate) fn challenge(&self) -> &'static str {
        match self {
            Self::NoSignature | Self::MalformedSignature | Self::WrongSignature | Self::Uncovered => {
                "X-Hub-Signature-256"
            }
            Self::NoToken | Self::MalformedToken | Self::WrongToken | Self::TwoTokens => "Bearer",
            Self::NoHeader(_) | Self::MalformedHeader(_) | Self::WrongHeader(_) | Self::OutOfTime(_) => {
                "Webhook-Header"
            }
            Self::NoPassword | Self::MalformedPassword | Self::WrongPassword => "Basic",
        }
    }
}

impl Refusal {
    /// The word for it in the log and the metric.
    pub(crate) fn answer(&self) -> Answer {
        match self {
            Self::NoSuchAddress => Answer::NoSuchAddress,
            Self::NoSuchSource => Answer::NoSuchSource,
            Self::Retired => Answer::Retired,
            Self::NotPost | Self::NoHandshake => Answer::NotPost,
            Self::TooManyEvents { .. }
            | Self::TooLarge { .. }
            | Self::NotStored(PublishError::TooLarge { .. }) => Answer::TooLarge,
            Self::NoCloudEvent(error) if error.is_unsupported_media_type() => Answer::WrongMediaType,
            Self::MediaType(_) => Answer::WrongMediaType,
            Self::TooSlow { .. } => Answer::TooSlow,
            Self::BrokenOff(_) => Answer::BrokenOff,
            Self::Unproven(_) => Answer::Unproven,
            Self::BadHeader { .. } => Answer::BadHeader,
            Self::NoDelivery(_)
            | Self::NoNotification(_)
            | Self::NoCloudEvent(_)
            | Self::NoWebhook(_)
            | Self::NotJson(_) => Answer::BadBody,
            Self::Unmappable(_) => Answer::Unmappable,
            Self::Foreign(_) | Self::Claim(_) | Self::Origin(_) | Self::Place { .. } => Answer::Foreign,
            Self::TooOften { .. } => Answer::TooOften,
            Self::Overloaded => Answer::Overloaded,
            Self::SecretUnreadable => Answer::SecretUnreadable,
            Self::NotStored(PublishError::Unavailable(_)) => Answer::BusUnavailable,
            Self::NotStored(PublishError::Busy) => Answer::BusBusy,
            Self::NotStored(PublishError::Full(_)) => Answer::BusFull,
            Self::NotStoredInTime { .. } => Answer::BusSlow,
        }
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchAddress | Self::NoSuchSource => StatusCode::NOT_FOUND,
            Self::Retired => StatusCode::GONE,
            Self::NotPost | Self::NoHandshake => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyEvents { .. }
            | Self::TooLarge { .. }
            | Self::NotStored(PublishError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoCloudEvent(error) if error.is_unsupported_media_type() => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Unproven(Unproven::TwoTokens)
            | Self::BrokenOff(_)
            | Self::BadHeader { .. }
            | Self::NoDelivery(_)
            | Self::NoNotification(_)
            | Self::NoCloudEvent(_)
            | Self::NoWebhook(_)
            | Self::NotJson(_) => StatusCode::BAD_REQUEST,
            Self::Unmappable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unproven(_) => StatusCode::UNAUTHORIZED,
            Self::Foreign(_) | Self::Claim(_) | Self::Origin(_) | Self::Place { .. } => StatusCode::FORBIDDEN,
            Self::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded
            | Self::SecretUnreadable
            | Self::NotStored(PublishError::Unavailable(_) | PublishError::Busy | PublishError::Full(_))
            | Self::NotStoredInTime { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What would be right.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::NoSuchAddress => "post to /hooks/<name of a Source>",
            Self::NoSuchSource => "the last part of the address must be the metadata.name of a Source",
            Self::Retired => "stop sending here; ask whoever runs this where the events should go now",
            Self::NotPost => "send the event with POST",
            Self::NoHandshake => {
                "send the event with POST; for senders that insist on the handshake, list their names in `origins` of the Source"
            }
            Self::TooManyEvents { .. } => "send it in several batches",
            Self::TooLarge { .. } | Self::NotStored(PublishError::TooLarge { .. }) => {
                "send less at once; for Alertmanager, set max_alerts in the webhook_config"
            }
            Self::MediaType(MediaType::Form) => {
                "in the settings of the webhook, choose the content type application/json"
            }
            Self::MediaType(MediaType::Absent | MediaType::Other) => {
                "send JSON with the header Content-Type: application/json"
            }
            Self::MediaType(MediaType::Encoded) => "send the body without Content-Encoding",
            Self::TooSlow { .. } => "send the whole body at once, over a faster line",
            Self::BrokenOff(_) => "send the whole body",
            Self::Unproven(
                Unproven::NoSignature | Unproven::MalformedSignature | Unproven::WrongSignature,
            ) => {
                "sign the body with HMAC SHA-256 and the secret that this source reads; a proxy on the way must not change the body"
            }
            Self::Unproven(Unproven::Uncovered) => {
                "send the event in structured or batched mode, where the signature covers all of it"
            }
            Self::Unproven(Unproven::TwoTokens) => "send one token: in the header Authorization",
            Self::Unproven(Unproven::NoToken | Unproven::MalformedToken | Unproven::WrongToken) => {
                "send Authorization: Bearer and the token that this source reads"
            }
            Self::Unproven(
                Unproven::NoHeader(_) | Unproven::MalformedHeader(_) | Unproven::WrongHeader(_),
            ) => {
                "send what this source is configured for: the header, its form and the secret; a proxy on the way must not change the body"
            }
            Self::Unproven(Unproven::OutOfTime(_)) => {
                "send it when it is signed, and set the clock; a request cannot be sent again later"
            }
            Self::Unproven(Unproven::NoPassword | Unproven::MalformedPassword | Unproven::WrongPassword) => {
                "send the user and the password that this source reads, as Authorization: Basic"
            }
            Self::NoWebhook(_) => {
                "send the webhook as this kind of source makes it: the whole body, and its headers"
            }
            Self::NotJson(_) => "send the whole body, as one JSON document in UTF-8",
            Self::Unmappable(_) => {
                "mend the expression of the Source, with has(…) for what may be absent, and send it again"
            }
            Self::BadHeader { .. } => "send the header once, in the form that its specification gives it",
            Self::NoDelivery(_) => "send the body as GitHub makes it: one JSON object in UTF-8",
            Self::NoNotification(_) => {
                "send the body as the webhook of Alertmanager makes it (version 4): leave `payload` of the webhook_config unset"
            }
            Self::NoCloudEvent(_) => {
                "send CloudEvents 1.0 over HTTP: binary, application/cloudevents+json or application/cloudevents-batch+json"
            }
            Self::Claim(claim) => claim.hint(),
            Self::Place { .. } => {
                "add the address to `from.addresses` of the Source or, if it is that of a proxy, to `from.proxies`"
            }
            Self::Origin(_) => "add it to `origins` of the Source; case does not matter",
            Self::TooOften { .. } => "wait as long as Retry-After says; `rate` of the Source is the limit",
            Self::Foreign(_) => "add it to `repositories` of the Source, or remove the webhook",
            Self::Overloaded | Self::SecretUnreadable | Self::NotStored(_) | Self::NotStoredInTime { .. } => {
                "nothing is wrong with the request: send it again"
            }
        }
    }

    /// The text for the sender: with the causes when they lie in what was sent, without them when they are our own
    /// (they may name files, variables and servers).
    pub(crate) fn for_the_sender(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source().filter(|_| !self.status().is_server_error());
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
