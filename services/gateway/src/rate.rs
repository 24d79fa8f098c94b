//! How often a caller may still send. Pure but for the lock: the time is an argument.
//!
//! A caller is what a request proves and says: the Source, and the origin that it names if that one is allowed there.
//! Callers that share a secret and name no origin are one caller.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resources::source::Rate;
use tokio::time::Instant;

/// How many callers are remembered. Origins come out of a list, but a list may say `*`: beyond this, those that name an
/// origin share the place of those that name none.
const MOST_CALLERS: usize = 4096;

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Caller {
    /// The name of the Source.
    pub(crate) source: String,
    /// The origin, in lower case.
    pub(crate) origin: Option<String>,
}

/// What all callers have left.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<Caller, Bucket>>);

/// One request of a caller, counted.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    rates: &'a Rates,
    caller: Caller,
}

/// Requests that a caller may send at once, when that was so, and after which silence it is as good as new.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
    per: Duration,
}

impl Rates {
    /// Counts a request, or says after which time there will be room for it.
    pub(crate) fn take(&self, mut caller: Caller, rate: Rate, now: Instant) -> Result<Turn<'_>, Duration> {
        let mut buckets = self.lock();
        if buckets.len() >= MOST_CALLERS && !buckets.contains_key(&caller) {
            // Whoever was silent for as long as it takes to fill up is as good as new.
            buckets.retain(|_, bucket| now.duration_since(bucket.at) < bucket.per);
            if buckets.len() >= MOST_CALLERS {
                caller.origin = None;
            }
        }
        let full = Bucket { left: f64::from(rate.requests), at: now, per: rate.per };
        buckets.entry(caller.clone()).or_insert(full).take(rate, now)?;
        drop(buckets);
        Ok(Turn { rates: self, caller })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Caller, Bucket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// The request was not taken, and that was our own trouble: it does not count.
    pub(crate) fn give_back(self) {
        if let Some(bucket) = self.rates.lock().get_mut(&self.caller) {
            // Never more than there was: the next look cuts it off at the rate.
            bucket.left += 1.0;
        }
    }
}

impl Bucket {
    fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let most = f64::from(rate.requests);
        let each = rate.per.as_secs_f64() / most;
        let refilled = now.duration_since(self.at).as_secs_f64() / each;
        *self = Self { left: (self.left + refilled).min(most), at: now, per: rate.per };
        if self.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.left) * each));
        }
        self.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { requests: 3, per: Duration::from_mins(1) };

    fn caller(origin: Option<&str>) -> Caller {
        Caller { source: "shop".to_owned(), origin: origin.map(str::to_owned) }
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_as_the_rate_says_may_come_at_once_and_then_one_after_another() {
        let (rates, start) = (Rates::default(), Instant::now());
        let take = |seconds| rates.take(caller(None), RATE, start + Duration::from_secs(seconds)).map(drop);
        for _ in 0..3 {
            assert_eq!(take(0), Ok(()));
        }
        assert_eq!(take(0), Err(Duration::from_secs(20)));
        assert_eq!(take(15), Err(Duration::from_secs(5)));
        assert_eq!(take(20), Ok(()));
        assert_eq!(take(20), Err(Duration::from_secs(20)));
        // After a long silence it is as many as at the beginning, and no more.
        for _ in 0..3 {
            assert_eq!(take(3600), Ok(()));
        }
        assert!(take(3600).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_do_not_use_each_others_turns() {
        let (rates, now) = (Rates::default(), Instant::now());
        for caller in [caller(None), caller(Some("a.example")), caller(Some("b.example"))] {
            for _ in 0..3 {
                assert!(rates.take(caller.clone(), RATE, now).is_ok());
            }
            assert!(rates.take(caller, RATE, now).is_err());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_is_given_back_can_be_taken_again_but_adds_none() {
        let (rates, now) = (Rates::default(), Instant::now());
        for _ in 0..10 {
            rates.take(caller(None), RATE, now).unwrap().give_back();
        }
        for _ in 0..3 {
            assert!(rates.take(caller(None), RATE, now).is_ok());
        }
        assert!(rates.take(caller(None), RATE, now).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_lower_rate_counts_at_once() {
        let (rates, now) = (Rates::default(), Instant::now());
        let _ = rates.take(caller(None), Rate { requests: 1000, ..RATE }, now);
        for _ in 0..3 {
            assert!(rates.take(caller(None), RATE, now).is_ok());
        }
        assert!(rates.take(caller(None), RATE, now).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn callers_without_number_do_not_take_memory_without_end_and_do_not_get_around_the_rate() {
        let (rates, now) = (Rates::default(), Instant::now());
        let taken =
            (0..10_000).filter(|n| rates.take(caller(Some(&format!("{n}.example"))), RATE, now).is_ok());
        assert_eq!(taken.count(), MOST_CALLERS + 3, "all others share one place");
        assert!(rates.lock().len() <= MOST_CALLERS + 1);
        // Those that were silent for a minute make room.
        assert!(rates.take(caller(Some("new.example")), RATE, now + RATE.per).is_ok());
        assert_eq!(rates.lock().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_with_a_shorter_rate_does_not_give_another_its_turns_back() {
        const HOURLY: Rate = Rate { requests: 1, per: Duration::from_hours(1) };
        let (rates, now) = (Rates::default(), Instant::now());
        let slow = Caller { source: "nightly".to_owned(), origin: None };
        assert!(rates.take(slow.clone(), HOURLY, now).is_ok());
        for n in 0..MOST_CALLERS {
            let _ = rates.take(caller(Some(&format!("{n}.example"))), RATE, now);
        }
        // It is full, and makes room.
        let later = now + 2 * RATE.per;
        assert!(rates.take(caller(Some("new.example")), RATE, later).is_ok());
        assert!(rates.lock().len() < MOST_CALLERS);
        assert!(rates.take(slow, HOURLY, later).is_err());
    }
}
