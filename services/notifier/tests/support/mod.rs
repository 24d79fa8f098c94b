//! A notifier on an embedded bus, and a channel that it posts to.
#![expect(clippy::panic, reason = "these are parts of tests")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chassis::failure::Decision;
use chassis::{Bus, BusUrl, Context, Engine, Failure, Handler as _, Metrics, Outcome, Position, SystemClock};
use events::payload::notification::{Requested, Severity};
use events::{Announcement, Envelope, Kind};
use notifier::{Notifier, Settings};
use resources::{Catalog, Channel, ChannelKind, Current, Delivery, SecretRef};
use tempfile::TempDir;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The secret part of each address.
pub const SECRET: &str = "T00Secret/B00Secret/XyzzySecret";

/// What a test needs of the world.
pub struct Stage {
    pub folder: TempDir,
    pub server: MockServer,
    pub engine: Engine,
    pub metrics: Arc<Metrics>,
    pub notifier: Arc<Notifier>,
}

impl Stage {
    /// A Slack channel `team`, an endpoint `ops`, and an endpoint `log` that can be asked, on one server.
    pub async fn new(delivery: Delivery) -> Self {
        Self::with(delivery, client(Duration::from_secs(10))).await
    }

    pub async fn with(delivery: Delivery, http: reqwest::Client) -> Self {
        let server = MockServer::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.expect("the bus opens");
        let metrics = Metrics::new();
        let catalog = catalog(folder.path(), &server.uri(), delivery);
        let settings = Settings { slack_spacing: Duration::from_millis(1), ..Settings::default() };
        let notifier = Arc::new(Notifier::new(Current::fixed(catalog), http, &metrics, settings));
        Self { folder, server, engine, metrics, notifier }
    }

    /// From now on the server answers this.
    pub async fn answers(&self, answer: ResponseTemplate) {
        self.server.reset().await;
        Mock::given(any()).respond_with(answer).mount(&self.server).await;
    }

    /// How many messages came since the last [`Self::answers`].
    pub async fn posts(&self) -> usize {
        self.server.received_requests().await.expect("requests are recorded").len()
    }

    /// Points a channel's URL elsewhere, as a rotated secret does.
    pub fn point(&self, channel: &str, base: &str) {
        point(self.folder.path(), channel, base);
    }

    pub async fn handle(&self, event: &Envelope, attempt: u32) -> Result<Outcome, Failure> {
        self.handle_on(self.engine.bus.clone(), event, attempt).await
    }

    pub async fn handle_on(
        &self,
        bus: Arc<dyn Bus>,
        event: &Envelope,
        attempt: u32,
    ) -> Result<Outcome, Failure> {
        let event = Arc::new(event.clone());
        let store = self.engine.store.clone();
        let cx = Context::new(Notifier::NAME, event.clone(), attempt, bus, store, Arc::new(SystemClock));
        self.notifier.handle(&event, &cx).await
    }

    /// What was announced before the end.
    pub async fn said(&self) -> Vec<Envelope> {
        let log = self.engine.bus.read(Position(1), 100).await.expect("the log can be read");
        log.into_iter().map(|recorded| recorded.event.expect("an event")).collect()
    }

    /// The reason of the one `notification.failed` that was announced.
    pub async fn failed(&self) -> String {
        let said = self.said().await;
        let [event] = &said[..] else { panic!("one event was announced, not {said:?}") };
        assert_eq!(event.ty(), Kind::NotificationFailed.name());
        event.json().expect("a body")["reason"].as_str().expect("a reason").to_owned()
    }

    pub fn sends(&self, kind: &str, answer: &str) -> u64 {
        let line = format!("signalbox_notifier_sends_total{{answer=\"{answer}\",channel_kind=\"{kind}\"}} ");
        let text = self.metrics.render();
        text.lines().find_map(|l| l.strip_prefix(&line)).map_or(0, |count| count.parse().expect("a number"))
    }
}

/// A client as [`notifier::http_client`] makes it, but with this patience.
pub fn client(patience: Duration) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(patience)
        .build()
        .expect("a client")
}

fn catalog(folder: &Path, base: &str, delivery: Delivery) -> Catalog {
    let file = |name: &str| SecretRef::File(folder.join(name));
    std::fs::write(folder.join("ops-token"), "t0ken-Secret\n").expect("the folder can be written");
    std::fs::write(folder.join("log-ask"), format!("{base}/ask/{{id}}/{SECRET}")).expect("it can be written");
    let mut catalog = Catalog::default();
    for (name, kind) in [
        ("team", ChannelKind::Slack { url: file("team-url") }),
        ("ops", ChannelKind::Webhook { url: file("ops-url"), token: Some(file("ops-token")), ask: None }),
        ("log", ChannelKind::Webhook { url: file("log-url"), token: None, ask: Some(file("log-ask")) }),
    ] {
        point(folder, name, base);
        catalog.channels.insert(name.to_owned(), Channel { name: name.to_owned(), kind, delivery });
    }
    catalog
}

fn point(folder: &Path, channel: &str, base: &str) {
    std::fs::write(folder.join(format!("{channel}-url")), format!("{base}/{channel}/{SECRET}\n"))
        .expect("it can be written");
}

/// A message for a channel; `id` tells messages apart.
pub fn message(id: &str, channel: &str) -> Envelope {
    let request = Requested {
        channel: channel.to_owned(),
        text: "shop is <broken>".to_owned(),
        title: Some("Alert".to_owned()),
        severity: Severity::Warning,
        automation: Some("tell".to_owned()),
    };
    Envelope::builder(id, "/signalbox/automator", Kind::NotificationRequested.name())
        .partition_key(channel)
        .json(&Announcement::of(&request).data)
        .build()
        .expect("the event is valid")
}

/// The one announcement of a handler that is done.
pub fn announced(outcome: Result<Outcome, Failure>) -> Announcement {
    let Ok(Outcome::Done(mut announcements)) = outcome else { panic!("done, not {outcome:?}") };
    assert_eq!(announcements.len(), 1);
    announcements.remove(0)
}

pub fn rejected(outcome: &Result<Outcome, Failure>) -> bool {
    matches!(outcome, Err(failure) if failure.decision == Decision::Reject)
}

pub fn retried(outcome: &Result<Outcome, Failure>) -> bool {
    matches!(outcome, Err(failure) if matches!(failure.decision, Decision::Retry(_)))
}
