//! What the watcher counts.

use prometheus::{IntCounter, IntCounterVec, IntGauge};

chassis::metric_set! {
    /// What the watcher counts.
    pub struct WatcherMetrics {
        /// Transitions that were published, by transition.
        pub transitions: IntCounterVec = counters("signalbox_watcher_transitions_total", &["transition"]),
        /// Objects whose state is kept.
        pub objects: IntGauge = gauge("signalbox_watcher_objects"),
        /// Full lists of the objects of a kind: one at the start, then one at each interval and after each broken or expired watch.
        pub relists: IntCounter = counter("signalbox_watcher_relists_total"),
        /// Watches that ended with an error.
        pub broken: IntCounter = counter("signalbox_watcher_broken_total"),
        /// Sights of an object that could not be read; nothing is announced of them.
        pub unreadable: IntCounter = counter("signalbox_watcher_unreadable_total"),
        /// Unix time of the last sign of an object, in seconds.
        pub last_event: IntGauge = gauge("signalbox_watcher_last_event_timestamp_seconds"),
    }
}
