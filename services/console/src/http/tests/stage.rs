//! The API on an embedded bus.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, Response, StatusCode, header};
use chassis::dead::{DeadLetters, Death};
use chassis::replay::Replayable;
use chassis::{Bus, BusUrl, Clock, Engine, Hears, ManualClock, Metrics, Position, Shutdown};
use chrono::{DateTime, Utc};
use events::Envelope;
use futures::StreamExt as _;
use resources::Secret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::api::Entry;
use crate::http::{Auth, Console};

const TOKEN: &str = "t0ken";

const LISTENER: &[Replayable] = &[
    Replayable { name: "listener", hears: &[Hears::Glob("com.example.*")] },
    Replayable { name: "deployer", hears: &[] },
];

pub(super) struct Stage {
    _folder: TempDir,
    pub(super) engine: Engine,
    pub(super) metrics: Arc<Metrics>,
    pub(super) shutdown: Shutdown,
    pub(super) router: Router,
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(|bus| bus).await
    }

    /// With a console that has this clock.
    pub(super) async fn at(clock: Arc<dyn Clock>) -> Self {
        Self::made(|bus| bus, clock).await
    }

    /// With something between the bus and the console.
    pub(super) async fn with(between: impl FnOnce(Arc<dyn Bus>) -> Arc<dyn Bus>) -> Self {
        Self::made(between, Arc::new(chassis::SystemClock)).await
    }

    async fn made(between: impl FnOnce(Arc<dyn Bus>) -> Arc<dyn Bus>, clock: Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.expect("the bus opens");
        let (metrics, shutdown) = (Metrics::new(), Shutdown::new());
        let console = Console::new(
            between(engine.bus.clone()),
            engine.store.clone(),
            clock,
            &metrics,
            Auth::fixed(Secret::new(TOKEN)),
        );
        let router = Arc::new(console.until(shutdown.clone()).replaying(LISTENER)).router();
        Self { _folder: folder, engine, metrics, shutdown, router }
    }

    pub(super) async fn publish(&self, event: &Envelope) {
        self.engine.bus.publish(event).await.expect("published");
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("a router never fails")
    }

    pub(super) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path).await
    }

    pub(super) async fn ask(&self, method: Method, path: &str) -> (StatusCode, Value) {
        let response = self.send(request(method, path).body(Body::empty()).expect("a request")).await;
        let status = response.status();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json", "{path}");
        (status, serde_json::from_str(&text(response).await).expect("every answer is JSON"))
    }

    pub(super) async fn bury(&self, event: &Envelope, reason: &str) -> String {
        self.bury_at(event, reason, died()).await
    }

    pub(super) async fn bury_at(&self, event: &Envelope, reason: &str, at: DateTime<Utc>) -> String {
        let dead = DeadLetters::new(self.engine.store.clone());
        let clock = ManualClock::at(at);
        let reasons = vec![reason.to_owned()];
        let letter = dead
            .bury(Death {
                handler: "deployer",
                event: Ok(event),
                position: Position(1),
                reasons,
                attempts: 3,
                failures: Vec::new(),
                first_tried: None,
                now: clock.now(),
            })
            .await;
        letter.expect("it is kept").id
    }

    pub(super) async fn tail(&self, path: &str, accept: &str) -> Lines {
        let request = request(Method::GET, path).header(header::ACCEPT, accept).body(Body::empty());
        let response = self.send(request.expect("a request")).await;
        assert_eq!(response.status(), StatusCode::OK);
        Lines::of(response)
    }
}

/// When a dead letter died, if a test does not say otherwise.
pub(super) fn died() -> DateTime<Utc> {
    "2026-09-01T10:00:00Z".parse().expect("a time")
}

/// The lines of a stream.
pub(super) struct Lines {
    stream: BodyDataStream,
    rest: String,
}

impl Lines {
    pub(super) fn of(response: Response<Body>) -> Self {
        Self { stream: response.into_body().into_data_stream(), rest: String::new() }
    }

    /// The next line; `None` when the stream has ended.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.rest.split_once('\n') {
                let line = line.to_owned();
                self.rest = rest.to_owned();
                return Some(line);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.stream.next()).await;
            let chunk =
                chunk.expect("the stream goes on within ten seconds")?.expect("it does not break off");
            self.rest.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    pub(super) async fn id(&mut self) -> String {
        let line = self.next().await.expect("there is one more");
        let entry: Entry = serde_json::from_str(&line).expect("an entry");
        entry.envelope().expect("an event").expect("it can be read").id().to_owned()
    }
}

pub(super) fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
}

pub(super) async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 64 << 20).await.expect("the body is in memory");
    String::from_utf8(bytes.to_vec()).expect("all answers are text")
}

pub(super) fn event(id: &str, ty: &str) -> Envelope {
    Envelope::builder(id, "/test", ty).json(&json!({"id": id})).build().expect("the event is valid")
}
