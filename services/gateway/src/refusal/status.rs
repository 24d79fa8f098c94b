//! How a refusal is answered and counted.

use axum::http::StatusCode;
use chassis::PublishError;

use super::{Refusal, Unproven};
use crate::answer::Answer;

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
}
