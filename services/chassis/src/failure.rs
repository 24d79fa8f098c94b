//! Every failure says whether to retry or to reject, at the place that knows.

use std::fmt;
use std::time::Duration;

use crate::bus::PublishError;
use crate::claim::ClaimError;
use crate::store::StoreError;

/// What went wrong, and what is to be done about it.
#[derive(Debug)]
pub struct Failure {
    /// The error with its causes.
    pub error: anyhow::Error,
    /// Whether another attempt makes sense.
    pub decision: Decision,
    /// Whether the external effect surely did not happen (the destination answered and refused).
    pub effect_absent: bool,
}

/// Whether another attempt makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Try again: after this time if the destination named one, else by the back-off.
    Retry(Option<Duration>),
    /// Our own bus or store is in trouble, which says nothing about the event: try again by a back-off for as long as it
    /// lasts. It is no attempt at the event.
    Postpone,
    /// Another attempt would end the same: dead letter.
    Reject,
    /// It came to an effect in a replay without effects: that is how far it goes.
    Rehearsed,
}

impl Failure {
    /// A failure that another attempt may mend.
    pub fn retry(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), decision: Decision::Retry(None), effect_absent: false }
    }

    /// A failure that another attempt may mend, but not before `after`.
    pub fn retry_after(error: impl Into<anyhow::Error>, after: Duration) -> Self {
        Self { error: error.into(), decision: Decision::Retry(Some(after)), effect_absent: false }
    }

    /// The bus or the store is in trouble: that is no failure of the event.
    pub fn postpone(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), decision: Decision::Postpone, effect_absent: false }
    }

    /// A failure that no attempt will mend.
    pub fn reject(error: impl Into<anyhow::Error>) -> Self {
        Self { error: error.into(), decision: Decision::Reject, effect_absent: false }
    }

    /// The end of a replay without effects.
    pub(crate) fn rehearsed(step: &str) -> Self {
        let error = anyhow::anyhow!("it would have the effect `{step}`");
        Self { error, decision: Decision::Rehearsed, effect_absent: true }
    }

    /// Says that the effect surely did not happen, so that the next attempt need not reconcile.
    #[must_use]
    pub fn effect_absent(mut self) -> Self {
        self.effect_absent = true;
        self
    }
}

/// What a handler does when the bus does not take what it announces.
impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::TooLarge { .. } => Self::reject(error),
            PublishError::Unavailable(_) | PublishError::Busy | PublishError::Full(_) => {
                Self::postpone(error)
            }
        }
    }
}

/// What a handler does when the store does not do what it asks for.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            // The store is well: somebody else was at the key.
            StoreError::Conflict => Self::retry(error),
            StoreError::Full(_) | StoreError::Unavailable(_) => Self::postpone(error),
        }
    }
}

/// What becomes of an event whose body cannot be fetched.
impl From<ClaimError> for Failure {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Store { .. } => Self::postpone(error),
            ClaimError::Lost(_) => Self::reject(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `{:#}` writes the causes after the error, once.
        write!(f, "{:#}", self.error)
    }
}

/// Decides about a failure where it is known: `gather::app(..).or_retry()?`.
pub trait FailureExt<T> {
    /// Another attempt may mend it.
    fn or_retry(self) -> Result<T, Failure>;
    /// No attempt will mend it.
    fn or_reject(self) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> FailureExt<T> for Result<T, E> {
    fn or_retry(self) -> Result<T, Failure> {
        self.map_err(Failure::retry)
    }

    fn or_reject(self) -> Result<T, Failure> {
        self.map_err(Failure::reject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_of_the_bus_or_the_store_is_no_failure_of_the_event() {
        let away = || anyhow::anyhow!("away");
        let body = |source| ClaimError::Store { name: "sha256:0a".to_owned(), source };
        let cases: [(Failure, Decision); 9] = [
            (PublishError::Full(away()).into(), Decision::Postpone),
            (PublishError::Busy.into(), Decision::Postpone),
            (PublishError::Unavailable(away()).into(), Decision::Postpone),
            (PublishError::TooLarge { bytes: 2, limit: 1 }.into(), Decision::Reject),
            (StoreError::Full(away()).into(), Decision::Postpone),
            (StoreError::Unavailable(away()).into(), Decision::Postpone),
            (StoreError::Conflict.into(), Decision::Retry(None)),
            (body(StoreError::Unavailable(away())).into(), Decision::Postpone),
            (ClaimError::Lost("sha256:0a".to_owned()).into(), Decision::Reject),
        ];
        for (failure, decision) in cases {
            assert_eq!(failure.decision, decision, "{failure}");
        }
    }
}
