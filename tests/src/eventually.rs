//! Waiting for a condition with a stated patience, instead of sleeping for a guessed time.

use std::time::Duration;

use anyhow::Context as _;

/// How often a condition is looked at.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until `condition` is `Ok`, and returns its value. When the patience is over, the error says what was waited
/// for and what was seen last.
pub async fn eventually<T>(
    patience: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let end = tokio::time::Instant::now() + patience;
    loop {
        match condition().await {
            Ok(value) => return Ok(value),
            Err(error) if tokio::time::Instant::now() >= end => {
                return Err(error)
                    .with_context(|| format!("after {patience:?} it still does not hold that {what}"));
            }
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}
