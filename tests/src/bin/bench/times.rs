//! Times and counts, as people read them.

use std::time::Duration;

/// The value below which so many of a thousand are; sorts them.
pub fn at(times: &mut [Duration], of_thousand: usize) -> Duration {
    times.sort_unstable();
    let index = times.len() * of_thousand / 1000;
    times.get(index.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// The one in the middle; sorts them.
pub fn middle(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// Milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[expect(clippy::cast_precision_loss, reason = "sizes and counts here are far below 2^52")]
pub fn precise(count: u64) -> f64 {
    count as f64
}

/// So many in a second.
pub fn per_second(count: usize, took: Duration) -> f64 {
    precise(u64::try_from(count).unwrap_or(u64::MAX)) / took.as_secs_f64()
}

/// Memory in MiB, from KiB.
pub fn mib(kib: u64) -> String {
    format!("{:.0} MiB", precise(kib) / 1024.0)
}
