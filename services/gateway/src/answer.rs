//! What a sender is told, as JSON.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use strum::{EnumIter, IntoStaticStr};

use crate::cloudevents::Permission;
use crate::publish::Taken;
use crate::refusal::Refusal;

/// How a request was answered: the word in the log line and in the label of the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Answer {
    /// 202: every event is on the bus, at least one of them is new.
    Accepted,
    /// 202: every event was on the bus already.
    Duplicate,
    /// 200: an origin may send.
    Permitted,
    NoSuchAddress,
    NoSuchSource,
    Retired,
    NotPost,
    TooLarge,
    WrongMediaType,
    TooSlow,
    BrokenOff,
    Unproven,
    BadHeader,
    BadBody,
    /// 422: the expressions of the source make no event of it.
    Unmappable,
    Foreign,
    TooOften,
    Overloaded,
    SecretUnreadable,
    BusUnavailable,
    BusBusy,
    BusFull,
    BusSlow,
    /// None: the sender hung up before.
    HungUp,
}

impl Answer {
    /// Whether the sender got what it wanted.
    pub(crate) fn is_good(self) -> bool {
        matches!(self, Self::Accepted | Self::Duplicate | Self::Permitted)
    }

    /// The label of the metric.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// What a request got.
#[derive(Debug)]
pub(crate) enum Granted {
    /// It was a delivery.
    Accepted(Accepted),
    /// It was a handshake.
    Permitted(Permission),
}

/// What is on the bus now.
#[derive(Debug)]
pub(crate) enum Accepted {
    /// The one event of a GitHub delivery, or of CloudEvents in binary or structured mode.
    One(Taken),
    /// The events of an Alertmanager notification, one per alert, or of a batch of CloudEvents.
    Each(Vec<Taken>),
}

impl Permission {
    /// 200 with the headers of the webhook specification, section 4.2.
    pub(crate) fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            origin: &'a str,
            rate: Option<u64>,
        }
        let rate = self.rate.map_or_else(|| "*".to_owned(), |rate| rate.to_string());
        let value = |text: &str| HeaderValue::from_str(text).expect("a DNS name and a number are ASCII");
        let headers = [
            (HeaderName::from_static("webhook-allowed-origin"), value(&self.origin)),
            (HeaderName::from_static("webhook-allowed-rate"), value(&rate)),
            (header::ALLOW, HeaderValue::from_static("POST")),
        ];
        (headers, Json(Body { origin: &self.origin, rate: self.rate })).into_response()
    }
}

impl Accepted {
    /// Every event, in the order of the body.
    pub(crate) fn taken(&self) -> &[Taken] {
        match self {
            Self::One(taken) => std::slice::from_ref(taken),
            Self::Each(taken) => taken,
        }
    }

    /// The word for it in the log and the metric.
    pub(crate) fn answer(&self) -> Answer {
        let taken = self.taken();
        if !taken.is_empty() && taken.iter().all(|event| event.duplicate) {
            Answer::Duplicate
        } else {
            Answer::Accepted
        }
    }

    /// 202 with the ids.
    pub(crate) fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct One<'a> {
            id: &'a str,
            r#type: &'a str,
            duplicate: bool,
        }
        #[derive(Serialize)]
        struct Each<'a> {
            ids: Vec<&'a str>,
            duplicates: usize,
        }
        // A token in the address (RFC 6750 section 2.3) must not bring the answer into a cache of others.
        let cache = [(header::CACHE_CONTROL, HeaderValue::from_static("private"))];
        match &self {
            Self::One(Taken { id, ty, duplicate }) => {
                (StatusCode::ACCEPTED, cache, Json(One { id, r#type: ty, duplicate: *duplicate }))
                    .into_response()
            }
            Self::Each(taken) => {
                let ids = taken.iter().map(|event| event.id.as_str()).collect();
                let duplicates = taken.iter().filter(|event| event.duplicate).count();
                (StatusCode::ACCEPTED, cache, Json(Each { ids, duplicates })).into_response()
            }
        }
    }
}

impl Refusal {
    /// The status, `{"error", "hint"}`, and the header that the status asks for.
    pub(crate) fn into_response(self, retry_after: Duration) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'a str,
            hint: &'a str,
        }
        let body = Body { error: &self.for_the_sender(), hint: self.hint() };
        let status = self.status();
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        match status {
            StatusCode::SERVICE_UNAVAILABLE => {
                // Zero seconds would have the senders come back at once.
                headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                if let Self::TooOften { after } = &self {
                    // Rounded up: a little early would be too early.
                    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
                    headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
                }
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            _ => {}
        }
        if let Self::Unproven(unproven) = self {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(unproven.challenge()));
        }
        response
    }
}
