//! What is counted. Each process has one registry; every service registers its own metrics there.

mod declare;

use std::fmt;
use std::sync::Arc;

use prometheus::{Encoder as _, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, TextEncoder};
use strum::IntoStaticStr;

pub use declare::make;
pub use prometheus::{Error, Registry};

/// Media type of [`Metrics::render`].
pub const TEXT_FORMAT: &str = prometheus::TEXT_FORMAT;

/// Upper bounds, in seconds, for the time that handling one event takes: from a rule that is only looked at (under a
/// millisecond) to a deploy that waits for its pods (minutes).
pub const HANDLE_SECONDS: &[f64] =
    &[0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, strum::EnumIter)]
#[strum(serialize_all = "lowercase")]
pub enum OutcomeLabel {
    /// Handled.
    Done,
    /// Not the handler's concern.
    Ignored,
    /// To be delivered again.
    Retried,
    /// Given up: a dead letter.
    Rejected,
    /// No event: a dead letter.
    Undecodable,
}

/// What became of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
enum PublishedLabel {
    /// The log has grown.
    Stored,
    /// It was there already.
    Duplicate,
}

crate::metric_set! {
    /// What the runner of handlers counts.
    struct HandlerMetrics {
        /// Deliveries that a handler settled, by outcome.
        handled: IntCounterVec = counters("signalbox_handled_total", &["handler", "outcome"]),
        /// Seconds from a delivery to its settling.
        seconds: HistogramVec = histograms("signalbox_handle_seconds", &["handler"], HANDLE_SECONDS),
        /// Deliveries that a handler is working on.
        in_flight: IntGaugeVec = gauges("signalbox_in_flight", &["handler"]),
        /// Whether this process runs the handler: 1 if it does, 0 while it waits for another process to end.
        active: IntGaugeVec = gauges("signalbox_active", &["handler"]),
        /// Events published by this process; a duplicate was on the bus already and is not stored again.
        published: IntCounterVec = counters("signalbox_published_total", &["result"]),
        /// Deliveries that ended as a dead letter, which waits for a person.
        dead_letters: IntCounterVec = counters("signalbox_dead_letters_total", &["handler"]),
        /// Always 1; the label says which version runs.
        build_info: IntGaugeVec = gauges("signalbox_build_info", &["version"]),
    }
}

/// The metrics of this process.
pub struct Metrics {
    registry: Registry,
    handlers: HandlerMetrics,
}

impl Metrics {
    /// A registry of its own, with the metrics of the runner and, on Linux, of the process (memory, files, CPU).
    ///
    /// # Panics
    /// Never: the names are fixed, valid and different, and the registry is new.
    pub fn new() -> Arc<Self> {
        let registry = Registry::new();
        #[cfg(target_os = "linux")]
        registry
            .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
            .expect("the registry is new: it has no process collector");
        let handlers = HandlerMetrics::register(&registry).expect("the names are valid and differ");
        handlers.build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Arc::new(Self { registry, handlers })
    }

    /// Where a service registers its own.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// All metrics in the text exposition format.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot write the metrics");
                String::new()
            }
        }
    }

    /// A delivery is settled, `seconds` after it came.
    pub fn handled(&self, handler: &'static str, outcome: OutcomeLabel, seconds: f64) {
        self.handlers.handled.with_label_values(&[handler, outcome.into()]).inc();
        self.handlers.seconds.with_label_values(&[handler]).observe(seconds);
    }

    /// How many deliveries a handler is working on.
    pub fn in_flight(&self, handler: &'static str) -> IntGauge {
        self.handlers.in_flight.with_label_values(&[handler])
    }

    /// Whether this process runs a handler.
    pub fn active(&self, handler: &'static str) -> IntGauge {
        self.handlers.active.with_label_values(&[handler])
    }

    /// An event was published.
    pub fn published(&self, duplicate: bool) {
        let label = if duplicate { PublishedLabel::Duplicate } else { PublishedLabel::Stored };
        let label: &'static str = label.into();
        self.handlers.published.with_label_values(&[label]).inc();
    }

    /// How many of a handler's deliveries ended as a dead letter.
    pub fn dead_letters(&self, handler: &'static str) -> IntCounter {
        self.handlers.dead_letters.with_label_values(&[handler])
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::{Metrics, OutcomeLabel};

    #[test]
    fn doc_comments_are_the_help_text() {
        let metrics = Metrics::new();
        metrics.handled("automator", OutcomeLabel::Done, 0.01);
        let text = metrics.render();
        assert!(
            text.contains("# HELP signalbox_handled_total Deliveries that a handler settled, by outcome.\n"),
            "{text}"
        );
    }

    #[test]
    fn every_outcome_has_a_label_of_its_own() {
        let metrics = Metrics::new();
        for outcome in OutcomeLabel::iter() {
            metrics.handled("deployer", outcome, 1.5);
        }
        let text = metrics.render();
        for label in ["done", "ignored", "retried", "rejected", "undecodable"] {
            let line = format!("signalbox_handled_total{{handler=\"deployer\",outcome=\"{label}\"}} 1\n");
            assert!(text.contains(&line), "{text}");
        }
        assert!(text.contains("signalbox_handle_seconds_count{handler=\"deployer\"} 5\n"), "{text}");
    }

    #[test]
    fn duplicates_are_told_from_stored_events() {
        let metrics = Metrics::new();
        metrics.published(false);
        metrics.published(true);
        metrics.published(true);
        let text = metrics.render();
        assert!(text.contains("signalbox_published_total{result=\"stored\"} 1\n"), "{text}");
        assert!(text.contains("signalbox_published_total{result=\"duplicate\"} 2\n"), "{text}");
    }

    #[test]
    fn two_registries_do_not_share_numbers() {
        let (one, other) = (Metrics::new(), Metrics::new());
        one.in_flight("notifier").set(3);
        one.dead_letters("notifier").inc();
        assert_eq!(other.in_flight("notifier").get(), 0);
        assert_eq!(other.dead_letters("notifier").get(), 0);
        assert!(one.render().contains("signalbox_in_flight{handler=\"notifier\"} 3\n"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_is_measured() {
        assert!(Metrics::new().render().contains("process_resident_memory_bytes "));
    }
}
