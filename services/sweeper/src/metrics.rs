//! What the sweeper counts.

use events::payload::source::Became;
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec};
use strum::IntoStaticStr;

/// What is swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Kind {
    /// The deliveries of a webhook of GitHub.
    Github,
    /// The alerts of an Alertmanager.
    Alertmanager,
}

/// What a sweep came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Outcome {
    /// Nothing is missing.
    Clean,
    /// Something was missing.
    Gap,
    /// It was not finished: the other side asked to be left alone, or is unwell.
    Unfinished,
    /// It cannot be done until somebody changes something.
    Failed,
}

chassis::metric_set! {
    /// What the sweeper counts.
    pub struct SweeperMetrics {
        /// Sweeps by what they came to: clean, gap, unfinished, failed.
        pub sweeps: IntCounterVec = counters("signalbox_sweeper_sweeps_total", &["source_kind", "outcome"]),
        /// What was missing, by what became of it: published, known, redelivered, lost.
        pub missed: IntCounterVec = counters("signalbox_sweeper_missed_total", &["source_kind", "became"]),
        /// Unix time of the last sweep that was finished, in seconds.
        pub last: IntGaugeVec = gauges("signalbox_sweeper_last_sweep_timestamp_seconds", &["source_kind"]),
        /// Sources that are swept.
        pub sources: IntGauge = gauge("signalbox_sweeper_sources"),
    }
}

impl SweeperMetrics {
    /// Counts a sweep.
    pub fn swept(&self, kind: Kind, outcome: Outcome, at: i64) {
        let kind: &str = kind.into();
        self.sweeps.with_label_values(&[kind, outcome.into()]).inc();
        if matches!(outcome, Outcome::Clean | Outcome::Gap) {
            self.last.with_label_values(&[kind]).set(at);
        }
    }

    /// Counts one thing that was missing.
    pub fn missed(&self, kind: Kind, became: Became) {
        let became = match became {
            Became::Published => "published",
            Became::Known => "known",
            Became::Redelivered => "redelivered",
            Became::Lost => "lost",
        };
        self.missed.with_label_values(&[kind.into(), became]).inc();
    }
}
