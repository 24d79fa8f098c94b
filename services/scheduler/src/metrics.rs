//! What the scheduler counts.

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};
use strum::IntoStaticStr;

/// Upper bounds for how late a tick is, in seconds: a write takes milliseconds, a fail-over seconds, and what is later
/// than a minute was missed.
const SECONDS: &[f64] = &[0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, 600.0, 3_600.0, 86_400.0];

/// What became of a tick.
#[derive(Debug, Clone, Copy, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Outcome {
    /// It came in time.
    Due,
    /// It was missed, and came late.
    CatchUp,
    /// It was missed, and left out.
    Skipped,
    /// The bus had it already: it was said before a crash, or before the clock was set back.
    Duplicate,
}

chassis::metric_set! {
    /// What the scheduler counts.
    pub struct SchedulerMetrics {
        /// Ticks by what became of them: due, catch-up, skipped, duplicate.
        pub ticks: IntCounterVec = counters("signalbox_scheduler_ticks_total", &["outcome"]),
        /// Seconds from the time at which a tick was due (with its jitter) to the bus having it.
        pub lateness: Histogram = histogram("signalbox_scheduler_lateness_seconds", SECONDS),
        /// Unix time of the last tick, in seconds.
        pub last: IntGauge = gauge("signalbox_scheduler_last_tick_timestamp_seconds"),
        /// Schedules in force, those that are suspended included.
        pub schedules: IntGauge = gauge("signalbox_scheduler_schedules"),
        /// Times that the clock was found set back by more than a minute, by schedule.
        pub steps: IntCounter = counter("signalbox_scheduler_clock_steps_total"),
    }
}

impl SchedulerMetrics {
    /// Counts what became of so many ticks.
    pub fn count(&self, outcome: Outcome, ticks: u32) {
        self.ticks.with_label_values(&[<&str>::from(outcome)]).inc_by(u64::from(ticks));
    }
}
