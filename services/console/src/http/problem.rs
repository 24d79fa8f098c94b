//! What the API answers when it does not do what it was asked.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, extract};
use chassis::bus::PublishError;
use chassis::dead::DeadError;
use chassis::replay::ReplayError;
use chassis::{BusError, StoreError};

use super::auth::Refused;
use crate::api::ErrorBody;
use crate::query::QueryError;

/// Seconds after which to try again.
const RETRY_AFTER: u64 = 5;

/// Why a request is not answered.
#[derive(Debug)]
pub(super) enum Problem {
    NoSuchAddress,
    NoSuchMethod,
    Refused(Refused),
    /// A parameter is wrong: what, and what would be right.
    BadRequest {
        error: String,
        hint: String,
    },
    /// The part of the address that names something is not UTF-8.
    BadPath,
    Query(QueryError),
    Dead(DeadError),
    Replay(ReplayError),
    Store(StoreError),
    TooManyTails,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<BusError> for Problem {
    fn from(error: BusError) -> Self {
        Self::Query(error.into())
    }
}

impl From<DeadError> for Problem {
    fn from(error: DeadError) -> Self {
        Self::Dead(error)
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        Self::Replay(error)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<extract::rejection::PathRejection> for Problem {
    fn from(_: extract::rejection::PathRejection) -> Self {
        Self::BadPath
    }
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Refused(Refused::NoToken | Refused::WrongToken) => StatusCode::UNAUTHORIZED,
            Self::Refused(Refused::Unreadable) | Self::TooManyTails => StatusCode::SERVICE_UNAVAILABLE,
            Self::BadRequest { .. } | Self::BadPath => StatusCode::BAD_REQUEST,
            Self::NoSuchAddress
            | Self::Query(QueryError::NotFound(_) | QueryError::NotFoundSince { .. })
            | Self::Dead(DeadError::Unknown(_)) => StatusCode::NOT_FOUND,
            Self::Query(QueryError::Ambiguous { .. })
            | Self::Dead(
                DeadError::Undecodable(_)
                | DeadError::NoHandler { .. }
                | DeadError::Forgotten { .. }
                | DeadError::Changed(_),
            ) => StatusCode::CONFLICT,
            Self::Query(QueryError::Bus(_)) | Self::Dead(DeadError::Store(_)) | Self::Store(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Dead(DeadError::Bus(error)) | Self::Replay(ReplayError::Publish(error)) => match error {
                PublishError::Unavailable(_) | PublishError::Busy | PublishError::Full(_) => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                PublishError::TooLarge { .. } => StatusCode::CONFLICT,
            },
            Self::Replay(error) => match error {
                ReplayError::Name(_) | ReplayError::Handler { .. } | ReplayError::Range { .. } => {
                    StatusCode::BAD_REQUEST
                }
                ReplayError::Taken(_) => StatusCode::CONFLICT,
                ReplayError::Unknown(_) => StatusCode::NOT_FOUND,
                ReplayError::Broken(..) => StatusCode::INTERNAL_SERVER_ERROR,
                ReplayError::Store(_) | ReplayError::Read(_) | ReplayError::Publish(_) => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
            },
            Self::Dead(DeadError::Broken { .. }) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn body(self) -> ErrorBody {
        let plain = |error: &str, hint: &str| (error.to_owned(), Some(hint.to_owned()));
        let mut named = Vec::new();
        let (error, hint) = match self {
            Self::NoSuchAddress => {
                plain("there is nothing at this address", "the API is at /api/v1/events and /api/v1/dead")
            }
            Self::NoSuchMethod => plain("this address does not take this method", "see the header Allow"),
            Self::Refused(Refused::NoToken) => {
                plain("this address asks for a token", "send the header Authorization: Bearer <token>")
            }
            Self::Refused(Refused::WrongToken) => {
                plain("this is not the token of this API", "see the setting api.token of the server")
            }
            Self::Refused(Refused::Unreadable) => {
                plain("the token of the API cannot be read", "see the log of the server")
            }
            Self::BadRequest { error, hint } => (error, Some(hint)),
            Self::BadPath => plain("the id in the address cannot be read", "percent-encode it as UTF-8"),
            Self::TooManyTails => plain("too many tails are open", "close some"),
            Self::Query(QueryError::Ambiguous { id, candidates, more }) => {
                let error = QueryError::Ambiguous { id, candidates: candidates.clone(), more }.to_string();
                named = candidates;
                (error, Some("give more of the id, or @<position>".to_owned()))
            }
            Self::Query(error @ QueryError::NotFoundSince { .. }) => {
                (chain(error), Some("name it by its position, as @<position>".to_owned()))
            }
            Self::Query(error @ (QueryError::NotFound(_) | QueryError::Bus(_))) => (chain(error), None),
            Self::Dead(error @ DeadError::Forgotten { .. }) => (
                chain(error),
                Some("`force=true` (on the command line: `--force`) drives it again".to_owned()),
            ),
            Self::Dead(error) => (chain(error), None),
            Self::Replay(error) => (chain(error), None),
            Self::Store(error) => (chain(error), None),
        };
        ErrorBody { error, hint, candidates: named }
    }
}

/// The error and its causes.
fn chain(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(status = status.as_u16(), problem = ?self, "a request of the API is not answered");
        }
        let mut response = (status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"signalbox\""));
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
        }
        response
    }
}
