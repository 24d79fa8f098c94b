//! What was put off, as it is written down.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::message::PublishMessage;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::VERSION;
use crate::jetstream::ground::Ground;
use crate::jetstream::history;
use crate::jetstream::stream::Assets;

/// Put-off deliveries that are looked at.
const MAX_PUT_OFF: usize = 20_000;

/// A delivery that was put off.
#[derive(Debug, Serialize, Deserialize)]
struct PutOff {
    v: u8,
    /// The partition key of its event; absent for what is no event.
    key: Option<String>,
    millis: u64,
}

impl PutOff {
    /// How much of it is left, where both times are by the clock of the server; never more than the whole.
    fn left(&self, written: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
        let passed = (now - written).to_std().unwrap_or_default();
        Duration::from_millis(self.millis).saturating_sub(passed)
    }
}

/// Writes down that a delivery was put off.
pub async fn put_off(
    ground: &Ground,
    name: &str,
    position: u64,
    key: Option<String>,
    delay: Duration,
) -> anyhow::Result<()> {
    let assets = ground.assets().await?;
    let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    let value = serde_json::to_vec(&PutOff { v: VERSION, key, millis }).context("cannot write")?;
    // Whole seconds: it may say so for a moment too long.
    let ttl = Duration::from_secs(millis.div_ceil(1000).max(1));
    let message = PublishMessage::build().payload(value.into()).ttl(ttl);
    let subject = format!("{}p.{name}.{position}", assets.places.prefix);
    let sent = ground.context.send_publish(subject, message).await.context("cannot write")?;
    sent.await.map(|_| ()).context("cannot write that a delivery was put off")
}

/// What is put off: positions, with the key of their events, and until when.
pub async fn all_put_off(
    ground: &Ground,
    assets: &Assets,
    name: &str,
) -> anyhow::Result<BTreeMap<u64, (Option<String>, Instant)>> {
    let prefix = format!("{}p.{name}.", assets.places.prefix);
    let subject = format!("{prefix}*");
    let stream = &assets.places.stream_name;
    let mut found = history::page(ground, stream, &subject, 1, MAX_PUT_OFF).await?;
    found.retain(|stored| !stored.payload.is_empty());
    if found.is_empty() {
        return Ok(BTreeMap::new());
    }
    // By the server's clock, which also says when it was written down: ours may differ by any amount.
    let (now, here) = (history::now(ground, stream).await?, Instant::now());
    let found = found.into_iter().filter_map(|stored| {
        let position = stored.subject.strip_prefix(&prefix)?.parse().ok()?;
        let put_off: PutOff = serde_json::from_slice(&stored.payload).ok()?;
        let left = put_off.left(stored.recorded, now);
        Some((position, (put_off.key, here + left)))
    });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn what_is_left_of_a_put_off_is_a_difference_of_two_times_of_one_clock() {
        let put_off = PutOff { v: VERSION, key: None, millis: 10_000 };
        let written = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
        for (passed, left) in [(0, 10), (4, 6), (10, 0), (60, 0), (-3, 10)] {
            let now = written + TimeDelta::seconds(passed);
            assert_eq!(put_off.left(written, now), Duration::from_secs(left), "after {passed} s");
        }
    }
}
