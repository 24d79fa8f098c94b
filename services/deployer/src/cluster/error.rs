//! What goes wrong with the cluster, and whether it stays so.

use std::time::Duration;

use thiserror::Error;

/// Why the cluster did not answer.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// The API server said no, or is away.
    #[error("cannot {doing}")]
    Api {
        /// What was asked.
        doing: &'static str,
        /// Why.
        #[source]
        source: Box<kube::Error>,
    },
    /// No answer.
    #[error("cannot {doing}: no answer within {} s", after.as_secs())]
    TimedOut {
        /// What was asked.
        doing: &'static str,
        /// The limit.
        after: Duration,
    },
    /// The answer is no Application.
    #[error("the Application cannot be read")]
    Malformed(#[source] serde_json::Error),
}

impl ClusterError {
    /// Whether another attempt would end the same until a person has done something: a right is missing.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Api { source, .. } => {
                matches!(source.as_ref(), kube::Error::Api(status) if matches!(status.code, 401 | 403))
            }
            Self::TimedOut { .. } => false,
            Self::Malformed(_) => true,
        }
    }
}
