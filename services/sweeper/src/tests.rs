//! Tests of the whole: the decision by itself, and what comes of it against a stand-in of GitHub.

mod alerts;
mod deciding;
mod gaps;
mod hub;
mod serving;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use chassis::lease::Fence;
use chassis::{BusUrl, Engine, ManualClock, Metrics, Position};
use chrono::{DateTime, TimeDelta, Utc};
use events::Envelope;
use events::payload::source::{Gap, SweepFailed};
use resources::source::{Deliveries, Github, Hook, Sweep};
use resources::{SecretRef, github};
use tempfile::TempDir;

use crate::deliveries::round::{Round, Swept};
use crate::keep::Ports;
use crate::metrics::SweeperMetrics;
use crate::pulse::Pulse;
use hub::Hub;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("a time of the test").to_utc()
}

/// So many seconds after the beginning of the tests.
fn after(seconds: i64) -> DateTime<Utc> {
    at("2026-11-24T10:00:00Z") + TimeDelta::seconds(seconds)
}

/// A sweeper of one webhook of the stand-in, on a real bus.
struct Stage {
    hub: Hub,
    engine: Engine,
    clock: Arc<ManualClock>,
    metrics: Arc<Metrics>,
    round: Round,
    etag: Option<String>,
    folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        Self::with(Deliveries::Failed, Hook::Repository { name: "acme/shop".to_owned(), id: 7 }).await
    }

    async fn with(deliveries: Deliveries, hook: Hook) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (hub, folder) = (Hub::start().await, tempfile::tempdir().expect("a folder can be made"));
        let engine =
            Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.expect("a bus can be made");
        let token = folder.path().join("token");
        std::fs::write(&token, "ghp_secret").expect("it can be written");
        let access =
            github::Access { api: Some(hub.api()), auth: github::Auth::Token(SecretRef::File(token)) };
        let sweep = Sweep { access, hook, every: Duration::from_mins(5), deliveries };
        let clock = Arc::new(ManualClock::at(after(0)));
        let (round, metrics) = round(&engine, &clock, &sweep);
        Self { hub, engine, clock, metrics, round, etag: None, folder }
    }

    /// The process ends, and another begins.
    fn restart(&mut self) {
        (self.round, self.metrics) = round(&self.engine, &self.clock, &self.round.sweep.clone());
        self.etag = None;
    }

    /// Sweeps at this time.
    async fn sweep(&mut self, seconds: i64) -> Swept {
        self.clock.set(after(seconds));
        let mut kept = self.round.load().await.expect("the record can be read");
        if let Some(kept) = &mut kept {
            self.round.finish(kept).await.expect("nobody else writes");
        }
        let swept = self.round.once(kept, &mut self.etag, &mut 0).await;
        swept.expect("nobody else writes").1
    }

    async fn log(&self) -> Vec<Envelope> {
        let recorded = self.engine.bus.read(Position(1), 1000).await.expect("the log can be read");
        recorded.into_iter().map(|recorded| recorded.event.expect("it is an event")).collect()
    }

    /// The deliveries of GitHub in the log, by what they say their number is.
    async fn pushes(&self) -> Vec<u64> {
        let of = |event: &Envelope| {
            let body: serde_json::Value = serde_json::from_slice(event.body()).expect("it is JSON");
            body["number"].as_u64().expect("each of the tests has one")
        };
        self.log().await.iter().filter(|event| event.ty() == "com.github.push").map(of).collect()
    }

    async fn gaps(&self) -> Vec<Gap> {
        let log = self.log().await;
        let gaps = log.iter().filter(|event| event.ty().starts_with("io.signalbox.source.gap-"));
        gaps.map(|event| event.payload().expect("it is a gap")).collect()
    }

    async fn failures(&self) -> Vec<SweepFailed> {
        let log = self.log().await;
        let failed = log.iter().filter(|event| event.ty() == "io.signalbox.source.sweep-failed.v1");
        failed.map(|event| event.payload().expect("it is a failure")).collect()
    }

    fn counted(&self, metric: &str) -> bool {
        self.metrics.render().lines().any(|line| line == metric)
    }
}

fn round(engine: &Engine, clock: &Arc<ManualClock>, sweep: &Sweep) -> (Round, Arc<Metrics>) {
    let metrics = Metrics::new();
    let ports = Ports {
        bus: engine.bus.clone(),
        store: engine.store.clone(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        counts: SweeperMetrics::register(metrics.registry()).expect("a new registry"),
        pulse: Arc::<Pulse>::default(),
    };
    let source =
        Github { secrets: Vec::new(), repositories: vec!["acme/*".to_owned()], sweep: Some(sweep.clone()) };
    let github = ::github::Github::of(&sweep.access, clock.clone()).expect("TLS is there");
    let (sweep, fence) = (sweep.clone(), Fence::none());
    (Round { ports, name: "shop".to_owned(), source, sweep, github, fence }, metrics)
}
