//! The handler: gather, send, announce.

use std::fmt;

use anyhow::Context as _;
use chassis::failure::Decision;
use chassis::{Context, Failure, FailureExt as _, Handler, Hears, Metrics, Outcome};
use events::payload::notification::Requested;
use events::{Envelope, Kind};
use resources::{Channel, ChannelKind};

use crate::attempt::{self, Receipt};
use crate::metrics::{Answer, KindLabel, NotifierMetrics};
use crate::pace::Pace;
use crate::settings::Settings;
use crate::{announce, gather};

/// Tells people what an Automation asked to tell them.
pub struct Notifier {
    catalog: resources::Current,
    http: reqwest::Client,
    metrics: NotifierMetrics,
    slack: Pace,
    settings: Settings,
}

impl Notifier {
    /// A notifier of these ports; `http` is best made by [`crate::http_client`].
    ///
    /// # Panics
    /// When `metrics` has a notifier already: one process has one.
    pub fn new(
        catalog: resources::Current,
        http: reqwest::Client,
        metrics: &Metrics,
        settings: Settings,
    ) -> Self {
        let metrics = NotifierMetrics::register(metrics.registry()).expect("one process has one notifier");
        Self { catalog, http, metrics, slack: Pace::new(settings.slack_spacing), settings }
    }

    /// Sends it; what is announced says whether it is known to have arrived.
    async fn send(
        &self,
        channel: &Channel,
        request: &Requested,
        event: &Envelope,
        cx: &Context,
    ) -> Result<Outcome, Failure> {
        let letter = gather::letter(channel, request, event)
            .inspect_err(|_| self.unsendable(KindLabel::from(&channel.kind)))?;
        match &channel.kind {
            // Before the effect begins: a crash while it waits leaves nothing in doubt.
            ChannelKind::Slack { .. } => self.slack.turn(&channel.name).await,
            ChannelKind::Webhook { .. } => {}
        }
        let Settings { slack_spacing: _, longest_wait } = self.settings;
        let receipt = cx.effect(
            "send",
            || attempt::reconcile(&self.http, &letter, &self.metrics),
            |intended| attempt::send(&self.http, &letter, &self.metrics, cx.now(), longest_wait, intended),
        );
        Ok(Outcome::Done(vec![match receipt.await? {
            Receipt::Confirmed { status } => announce::sent(request, &channel.kind, status),
            Receipt::Unconfirmed => announce::failed(
                request,
                Some(&channel.kind),
                "it is not known whether the message arrived; the channel is at-most-once, so it is not sent again",
            ),
        }]))
    }

    fn unsendable(&self, kind: KindLabel) {
        self.metrics.count(kind, Answer::Unsendable);
    }
}

impl Handler for Notifier {
    const NAME: &'static str = "notifier";
    const HEARS: &'static [Hears] = &[Hears::Kind(Kind::NotificationRequested)];
    /// One per channel at most (the partition key is the channel), and a slow one only waits for its answer.
    const CONCURRENCY: usize = 16;
    /// About an hour of back-off: longer than most troubles of a chat service.
    const ATTEMPTS: u32 = 20;

    async fn handle(&self, event: &Envelope, cx: &Context) -> Result<Outcome, Failure> {
        let request: Requested =
            event.payload().context("the body is not that of a notification.requested").or_reject()?;
        let catalog = self.catalog.get();
        let (kind, result) = match gather::channel(&catalog, &request) {
            Ok(channel) => (Some(&channel.kind), self.send(channel, &request, event, cx).await),
            Err(why) => {
                self.unsendable(KindLabel::None);
                (None, Err(Failure::from(why)))
            }
        };
        match result {
            Ok(outcome) => Ok(outcome),
            Err(failure) if is_final(&failure, cx.attempt()) => {
                let announcement = announce::failed(&request, kind, failure.to_string());
                match cx.announce("failed", &announcement).await {
                    // It must not fail in silence: announced at the next attempt, which ends the same.
                    Err(unannounced) if !is_final(&unannounced, cx.attempt()) => Err(unannounced),
                    Err(_) | Ok(()) => Err(failure),
                }
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Whether a failure makes a dead letter of the message.
fn is_final(failure: &Failure, attempt: u32) -> bool {
    match failure.decision {
        Decision::Reject => true,
        Decision::Rehearsed | Decision::Postpone => false,
        Decision::Retry(_) => attempt >= Notifier::ATTEMPTS,
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").field("settings", &self.settings).finish_non_exhaustive()
    }
}
