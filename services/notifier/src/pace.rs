//! Keeps the distance between two messages to one channel.
//!
//! The runner handles the messages of one channel one after the other, so one process needs no more than this. What comes
//! too fast all the same (two processes, somebody else's messages) is answered with 429, and comes again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// When each channel may be used next.
#[derive(Debug)]
pub(crate) struct Pace {
    spacing: Duration,
    next: Mutex<HashMap<String, Instant>>,
}

impl Pace {
    /// At most one message in `spacing`.
    pub(crate) fn new(spacing: Duration) -> Self {
        Self { spacing, next: Mutex::default() }
    }

    /// Returns when it is this message's turn.
    pub(crate) async fn turn(&self, channel: &str) {
        sleep_until(self.reserve(channel, Instant::now())).await;
    }

    fn reserve(&self, channel: &str, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever's time has come needs no entry: so there are never more than are waited for.
        next.retain(|_, at| *at > now);
        let turn = next.get(channel).copied().unwrap_or(now);
        next.insert(channel.to_owned(), turn + self.spacing);
        turn
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Pace;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn messages_to_one_channel_keep_their_distance() {
        let (pace, start) = (Pace::new(SECOND), Instant::now());
        for wanted in 0..4 {
            pace.turn("team").await;
            assert_eq!(start.elapsed().as_secs(), wanted);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn channels_do_not_wait_for_each_other() {
        let (pace, start) = (Pace::new(SECOND), Instant::now());
        for channel in ["a", "b", "c"] {
            pace.turn(channel).await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_channel_that_rested_is_used_at_once_and_is_not_remembered() {
        let pace = Pace::new(SECOND);
        pace.turn("a").await;
        tokio::time::advance(SECOND * 2).await;
        let start = Instant::now();
        pace.turn("b").await;
        assert_eq!(pace.next.lock().unwrap().len(), 1, "`a` is forgotten");
        pace.turn("a").await;
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
