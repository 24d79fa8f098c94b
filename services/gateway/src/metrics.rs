//! What the gateway counts. Labels come from enums only.

use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use resources::SourceKind;
use strum::{EnumIter, IntoStaticStr};

/// Upper bounds for the time to an answer, in seconds: a refusal takes microseconds, a durable publish milliseconds, and
/// GitHub gives up at 10 s.
const SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];

/// Upper bounds for the size of a body, in bytes, each four times the one before: 1 KiB to 16 MiB.
const BYTES: &[f64] =
    &[1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0];

/// Which protocol the addressed source speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum SourceLabel {
    /// GitHub.
    Github,
    /// Alertmanager.
    Alertmanager,
    /// CloudEvents.
    Cloudevents,
    /// Gitea or Forgejo.
    Gitea,
    /// GitLab.
    Gitlab,
    /// An image registry.
    Registry,
    /// Argo CD's notifications.
    Argocd,
    /// Any webhook, by configuration.
    Generic,
    /// The request named no source that there is.
    None,
}

impl SourceLabel {
    /// The label of the metric.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

impl From<&SourceKind> for SourceLabel {
    fn from(kind: &SourceKind) -> Self {
        match kind {
            SourceKind::Github(_) => Self::Github,
            SourceKind::Alertmanager(_) => Self::Alertmanager,
            SourceKind::CloudEvents(_) => Self::Cloudevents,
            SourceKind::Gitea(_) => Self::Gitea,
            SourceKind::Gitlab(_) => Self::Gitlab,
            SourceKind::Registry(_) => Self::Registry,
            SourceKind::Argocd(_) => Self::Argocd,
            SourceKind::Generic(_) => Self::Generic,
            SourceKind::Schedule(_) => Self::None,
        }
    }
}

chassis::metric_set! {
    /// What the gateway counts.
    pub(crate) struct GatewayMetrics {
        /// Requests to the public listener, by the kind of source that they addressed and how they were answered.
        pub(crate) requests: IntCounterVec = counters("signalbox_gateway_requests_total", &["source_kind", "answer"]),
        /// Seconds from the headers of a request to its answer.
        pub(crate) seconds: HistogramVec = histograms("signalbox_gateway_request_seconds", &["source_kind"], SECONDS),
        /// When a request was last accepted, in Unix seconds.
        pub(crate) last_accepted: IntGaugeVec = gauges("signalbox_gateway_last_accepted_timestamp_seconds", &["source_kind"]),
        /// When a request was last refused or failed, in Unix seconds.
        pub(crate) last_refused: IntGaugeVec = gauges("signalbox_gateway_last_refused_timestamp_seconds", &["source_kind"]),
        /// Bytes of the bodies that were read to their end.
        pub(crate) body_bytes: HistogramVec = histograms("signalbox_gateway_body_bytes", &["source_kind"], BYTES),
        /// Bytes of memory that bodies hold at the moment.
        pub(crate) bodies_held: IntGauge = gauge("signalbox_gateway_bodies_held_bytes"),
        /// Events that were accepted although their own time is far from our clock, by direction.
        pub(crate) clock_off: IntCounterVec = counters("signalbox_gateway_clock_off_total", &["source_kind", "direction"]),
        /// Alerts that Alertmanager left out of its notifications because of `max_alerts`.
        pub(crate) truncated_alerts: IntCounter = counter("signalbox_gateway_truncated_alerts_total"),
        /// Requests that an expression of a `generic` source made no event of, by the expression.
        pub(crate) expression_errors: IntCounterVec = counters("signalbox_gateway_expression_errors_total", &["field"]),
        /// Secrets of sources that could not be read when a request needed them.
        pub(crate) unreadable_secrets: IntCounterVec = counters("signalbox_gateway_unreadable_secrets_total", &["source_kind"]),
    }
}
