//! What the notifier counts. Labels come from enums only.

use prometheus::{HistogramVec, IntCounterVec};
use resources::ChannelKind;
use strum::{EnumIter, IntoStaticStr};

/// Upper bounds for the time to an answer, in seconds: Slack takes some 0.2, the client gives up at 20.
const SECONDS: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];

/// Which kind of channel a message was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum KindLabel {
    /// A Slack incoming webhook.
    Slack,
    /// A plain endpoint.
    Webhook,
    /// The message named no channel that there is.
    None,
}

impl From<&ChannelKind> for KindLabel {
    fn from(kind: &ChannelKind) -> Self {
        match kind {
            ChannelKind::Slack { .. } => Self::Slack,
            ChannelKind::Webhook { .. } => Self::Webhook,
        }
    }
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumIter)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Answer {
    /// The channel took it.
    Sent,
    /// Slack answered 2xx, but not `ok`.
    NotOk,
    /// 3xx.
    Redirected,
    /// 408 or 425.
    NotNow,
    /// 429.
    RateLimited,
    /// Any other 4xx.
    Refused,
    /// 5xx.
    ServerError,
    /// There was no connection.
    NotConnected,
    /// There was no answer in time.
    TimedOut,
    /// The connection broke before there was an answer.
    BrokenOff,
    /// It was not known whether an earlier attempt arrived, and the channel is at-most-once: not sent again.
    Unconfirmed,
    /// It was not known whether an earlier attempt arrived; the endpoint was asked and has the message.
    HadArrived,
    /// It was not known whether an earlier attempt arrived; the endpoint was asked and does not have the message.
    HadNotArrived,
    /// It was not known whether an earlier attempt arrived, and the endpoint could not be asked now.
    NotAsked,
    /// Nothing was sent: no such channel, no secret, no URL, no text.
    Unsendable,
}

chassis::metric_set! {
    /// What the notifier counts.
    pub(crate) struct NotifierMetrics {
        /// Attempts to send a message, by the kind of channel and what became of them.
        pub(crate) sends: IntCounterVec = counters("signalbox_notifier_sends_total", &["channel_kind", "answer"]),
        /// Seconds from the start of an attempt to its answer, or to giving up on one.
        pub(crate) seconds: HistogramVec = histograms("signalbox_notifier_send_seconds", &["channel_kind"], SECONDS),
    }
}

impl NotifierMetrics {
    /// An attempt came to this.
    pub(crate) fn count(&self, kind: KindLabel, answer: Answer) {
        let labels: [&'static str; 2] = [kind.into(), answer.into()];
        self.sends.with_label_values(&labels).inc();
    }
}
