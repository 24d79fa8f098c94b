//! What the console counts. Labels come from enums only.

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use prometheus::IntCounterVec;
use strum::IntoStaticStr;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum Route {
    About,
    Events,
    Tail,
    Event,
    Story,
    DeadLetters,
    DeadLetter,
    Redrive,
    RedriveAll,
    Drop,
    DropAll,
    Replays,
    Replay,
    ReplayStart,
    Sources,
    /// Nothing that there is.
    None,
}

/// How it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum Answer {
    Ok,
    /// There was no token, or a wrong one.
    Unauthorized,
    /// Any other 4xx.
    Refused,
    /// 5xx.
    Failed,
}

impl Route {
    /// By the path, before routing: a request without a token is counted too.
    pub(super) fn of(request: &Request) -> Self {
        if request.uri().path() == "/api/v1" {
            return Self::About;
        }
        let path = request.uri().path().strip_prefix("/api/v1/").unwrap_or_default();
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method(), &parts[..]) {
            (&Method::GET | &Method::HEAD, ["events"]) => Self::Events,
            (&Method::GET | &Method::HEAD, ["events", "tail"]) => Self::Tail,
            (&Method::GET | &Method::HEAD, ["events", _]) => Self::Event,
            (&Method::GET | &Method::HEAD, ["events", _, "story"]) => Self::Story,
            (&Method::GET | &Method::HEAD, ["dead"]) => Self::DeadLetters,
            (&Method::GET | &Method::HEAD, ["dead", _]) => Self::DeadLetter,
            (&Method::POST, ["dead", "redrive"]) => Self::RedriveAll,
            (&Method::POST, ["dead", "drop"]) => Self::DropAll,
            (&Method::POST, ["dead", _, "redrive"]) => Self::Redrive,
            (&Method::DELETE, ["dead", _]) => Self::Drop,
            (&Method::GET | &Method::HEAD, ["replays"]) => Self::Replays,
            (&Method::GET | &Method::HEAD, ["replays", _]) => Self::Replay,
            (&Method::POST, ["replays"]) => Self::ReplayStart,
            (&Method::GET | &Method::HEAD, ["sources"]) => Self::Sources,
            _ => Self::None,
        }
    }
}

impl From<StatusCode> for Answer {
    fn from(status: StatusCode) -> Self {
        if status == StatusCode::UNAUTHORIZED {
            Self::Unauthorized
        } else if status.is_client_error() {
            Self::Refused
        } else if status.is_server_error() {
            Self::Failed
        } else {
            Self::Ok
        }
    }
}

chassis::metric_set! {
    /// What the console counts.
    pub(super) struct ConsoleMetrics {
        /// Requests to the API, by what was asked for and how it was answered.
        requests: IntCounterVec = counters("signalbox_console_requests_total", &["route", "answer"]),
    }
}

impl ConsoleMetrics {
    /// A request was answered.
    pub(super) fn count(&self, route: Route, status: StatusCode) {
        let labels: [&'static str; 2] = [route.into(), Answer::from(status).into()];
        self.requests.with_label_values(&labels).inc();
    }
}
