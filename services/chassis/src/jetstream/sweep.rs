//! Deletes large bodies that nothing refers to any more, once a day.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use rand::Rng as _;

use super::blobs::{Blobs, MARGIN};
use super::ground::Ground;
use super::store;
use crate::store::Bucket;

const DAY: Duration = Duration::from_hours(24);
/// The first sweep after a start is within this time: not all processes at once, and none that starts anew each day
/// never.
const FIRST: Duration = Duration::from_hours(1);

/// Sweeps, for ever.
pub async fn keep(ground: Arc<Ground>) {
    let first = FIRST.mul_f64(rand::rng().random_range(0.1..1.0));
    tokio::time::sleep(first).await;
    loop {
        match sweep(&ground, MARGIN).await {
            Ok(0) => {}
            Ok(swept) => tracing::info!(swept, "large bodies that nothing refers to any more were deleted"),
            // A service that may not read the dead letters leaves it to one that may.
            Err(error) => tracing::info!(error = format!("{error:#}"), "the large bodies were not swept"),
        }
        tokio::time::sleep(DAY).await;
    }
}

/// Sweeps once, what is older than the log by that; returns how many were deleted.
pub async fn sweep(ground: &Ground, margin: TimeDelta) -> anyhow::Result<usize> {
    let assets = ground.assets().await?;
    let letters = store::all(ground, assets.bucket(Bucket::DeadLetters)?).await?;
    let letters: Vec<Vec<u8>> = letters.into_values().map(|stored| stored.payload.to_vec()).collect();
    Blobs { assets: &assets, context: &ground.context }.sweep(&letters, margin).await
}
