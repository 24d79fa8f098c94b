//! How long to wait before the next attempt.

use std::time::Duration;

use rand::Rng as _;

/// The first wait.
const FIRST: Duration = Duration::from_secs(1);
/// No wait is longer.
const LONGEST: Duration = Duration::from_mins(5);
/// No wait for our own bus or store is longer: when they are well again, what waits should not be late for much longer.
const LONGEST_FOR_OURS: Duration = Duration::from_secs(30);

/// The wait before attempt `attempt + 1`: 1 s, 2 s, 4 s, … up to 5 min, of which a random half is taken off, so that
/// those who failed together do not come back together.
pub fn after(attempt: u32) -> Duration {
    jitter(exponential(attempt))
}

/// The wait when our own bus or store was in trouble so many times in a row: 1 s, 2 s, 4 s, … up to 30 s, less a random half.
pub fn after_trouble(times: u32) -> Duration {
    jitter(exponential(times).min(LONGEST_FOR_OURS))
}

fn exponential(attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    FIRST.saturating_mul(1 << doublings).min(LONGEST)
}

/// Takes a random half off.
pub fn jitter(full: Duration) -> Duration {
    full.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let seconds: Vec<u64> = (1..=11).map(|attempt| exponential(attempt).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(exponential(u32::MAX), LONGEST);
    }

    #[test]
    fn the_bus_is_asked_again_soon_however_long_it_was_away() {
        for times in [1, 5, 50, u32::MAX] {
            let wait = after_trouble(times);
            assert!(wait >= FIRST / 2 && wait <= LONGEST_FOR_OURS, "{times}: {wait:?}");
        }
        assert!(after_trouble(50) >= LONGEST_FOR_OURS / 2);
    }

    #[test]
    fn jitter_takes_off_at_most_a_half() {
        for _ in 0..1000 {
            let wait = jitter(Duration::from_secs(8));
            assert!((Duration::from_secs(4)..=Duration::from_secs(8)).contains(&wait), "{wait:?}");
        }
    }
}
