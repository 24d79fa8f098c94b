//! How long to wait before the next attempt.

use std::time::Duration;

use rand::Rng as _;

/// The first wait.
const FIRST: Duration = Duration::from_secs(1);
/// No wait is longer.
const LONGEST: Duration = Duration::from_mins(5);

/// The wait before attempt `attempt + 1`: 1 s, 2 s, 4 s, … up to 5 min, of which a random half is taken off, so that
/// those who failed together do not come back together.
pub fn after(attempt: u32) -> Duration {
    jitter(exponential(attempt))
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
    fn jitter_takes_off_at_most_a_half() {
        for _ in 0..1000 {
            let wait = jitter(Duration::from_secs(8));
            assert!((Duration::from_secs(4)..=Duration::from_secs(8)).contains(&wait), "{wait:?}");
        }
    }
}
