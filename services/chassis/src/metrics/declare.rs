//! Metrics as a struct whose doc comments are the HELP texts.

/// Declares a set of metrics as a struct: the doc comment of a field is the metric's HELP text.
///
/// The makers are those of [`metrics::make`](crate::metrics::make).
///
/// ```
/// use prometheus::{Histogram, IntCounterVec, IntGauge};
///
/// chassis::metric_set! {
///     /// What the doorman counts.
///     pub struct DoormanMetrics {
///         /// People let in, by door.
///         pub admitted: IntCounterVec = counters("doorman_admitted_total", &["door"]),
///         /// People inside.
///         pub inside: IntGauge = gauge("doorman_inside"),
///         /// Seconds that somebody waited.
///         pub waited: Histogram = histogram("doorman_wait_seconds", &[0.1, 1.0, 10.0]),
///     }
/// }
///
/// let metrics = chassis::Metrics::new();
/// let doorman = DoormanMetrics::register(metrics.registry())?;
/// doorman.admitted.with_label_values(&["front"]).inc();
/// assert!(metrics.render().contains("# HELP doorman_admitted_total People let in, by door."));
/// # Ok::<(), prometheus::Error>(())
/// ```
#[macro_export]
macro_rules! metric_set {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $set:ident {
            $(
                $(#[doc = $help:literal])+
                $field_visibility:vis $field:ident: $type:ty = $maker:ident($name:literal $(, $argument:expr)*)
            ),+ $(,)?
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone)]
        $visibility struct $set {
            $($(#[doc = $help])+ $field_visibility $field: $type,)+
        }

        impl $set {
            /// Makes the metrics and registers them.
            ///
            /// # Errors
            /// When the registry has a metric of one of these names already.
            $visibility fn register(
                registry: &$crate::metrics::Registry,
            ) -> ::std::result::Result<Self, $crate::metrics::Error> {
                $(
                    let $field: $type = $crate::metrics::make::$maker(
                        $name,
                        &$crate::metrics::make::help(&[$($help),+]),
                        $($argument,)*
                    )?;
                    registry.register(::std::boxed::Box::new($field.clone()))?;
                )+
                Ok(Self { $($field),+ })
            }
        }
    };
}

/// The makers of [`metric_set!`](crate::metric_set): one metric, or (plural) one per combination of labels.
#[expect(missing_docs, reason = "described together: each makes the metric that its name says")]
pub mod make {
    use prometheus::{
        Error, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    };

    /// One line of HELP from the lines of a doc comment.
    pub fn help(lines: &[&str]) -> String {
        lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    }

    pub fn counter(name: &str, help: &str) -> Result<IntCounter, Error> {
        IntCounter::new(name, help)
    }

    pub fn counters(name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        IntCounterVec::new(Opts::new(name, help), labels)
    }

    pub fn gauge(name: &str, help: &str) -> Result<IntGauge, Error> {
        IntGauge::new(name, help)
    }

    pub fn gauges(name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        IntGaugeVec::new(Opts::new(name, help), labels)
    }

    pub fn histogram(name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, Error> {
        Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))
    }

    pub fn histograms(
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, Error> {
        HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)
    }
}
