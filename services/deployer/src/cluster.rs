//! The cluster: what the deployer asks it and what it asks of it.

mod application;
mod error;
#[cfg(test)]
pub mod fake;
mod nudge;
mod pods;
mod workloads;

use std::time::Duration;

use kube::Client;

pub use error::ClusterError;

/// An answer that takes longer is none: the API server is asked again a moment later.
const PATIENCE: Duration = Duration::from_secs(10);

/// The cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl Cluster {
    /// The cluster that this client talks to.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

/// Waits for an answer, but not for ever.
async fn answer<T>(
    doing: &'static str,
    request: impl Future<Output = Result<T, kube::Error>> + Send,
) -> Result<T, ClusterError> {
    match tokio::time::timeout(PATIENCE, request).await {
        Ok(answer) => answer.map_err(|source| ClusterError::Api { doing, source: Box::new(source) }),
        Err(_) => Err(ClusterError::TimedOut { doing, after: PATIENCE }),
    }
}
