//! A gateway on the embedded engine in a folder of its own, with one source of each kind.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bytes::Bytes;
use chassis::{Bus, BusUrl, Engine, ManualClock, Metrics, Position};
use chrono::{DateTime, Utc};
use events::Envelope;
use gateway::{Gateway, Limits};
use hmac::{Hmac, KeyInit as _, Mac as _};
use resources::source::{Alertmanager, CloudEvents, Github, Guard, Proof, Rate};
use resources::{Catalog, Current, SecretRef, Source, SourceKind};
use serde_json::Value;
use sha2::Sha256;
use tempfile::TempDir;
use tower::ServiceExt as _;

/// What the clock says.
pub const NOW: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).expect("within chrono's range");
/// The secret of the source `github`.
pub const SECRET: &str = "n3w-hush";
/// Its other live secret.
pub const OLD_SECRET: &str = "0ld-hush";
/// The token of the source `alertmanager`.
pub const TOKEN: &str = "t0ken-hush";
/// A delivery of GitHub, cut down to what is looked at.
pub const PUSH: &str = r#"{"ref":"refs/heads/main","after":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","repository":{"full_name":"acme/shop","url":"https://github.com/acme/shop","pushed_at":1790000000}}"#;
/// Where a delivery of GitHub goes.
pub const GITHUB: &str = "/hooks/github";
/// Where a notification of Alertmanager goes.
pub const ALERTMANAGER: &str = "/hooks/alertmanager";

/// Where CloudEvents go, with a token; any that is not ours.
pub const EVENTS: &str = "/hooks/events";
/// Where CloudEvents go, signed.
pub const SIGNED: &str = "/hooks/signed";
/// Where CloudEvents of two types and one source go, from origins that shook hands, two a minute.
pub const NARROW: &str = "/hooks/narrow";
/// Where nothing goes any more.
pub const RETIRED: &str = "/hooks/retired";
/// An event in structured mode.
pub const ORDER: &str = r#"{"specversion":"1.0","id":"o-1","source":"https://shop.example/orders","type":"com.example.order.placed","data":{"total":12}}"#;

/// A gateway and what stands behind it.
pub struct World {
    /// The public listener's.
    pub router: Router,
    /// Where the secrets and the log are.
    pub folder: TempDir,
    metrics: Arc<Metrics>,
    engine: Engine,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub json: Value,
}

impl World {
    /// With the bus as it is, and the limits of a normal run.
    pub async fn new() -> Self {
        Self::with(Limits::default(), |bus| bus, catalog).await
    }

    /// With other limits.
    pub async fn limited(limits: Limits) -> Self {
        Self::with(limits, |bus| bus, catalog).await
    }

    /// With a bus in front of the bus.
    pub async fn behind(bus: impl FnOnce(Arc<dyn Bus>) -> Arc<dyn Bus>) -> Self {
        Self::with(Limits::default(), bus, catalog).await
    }

    /// With what a text declares. Its secrets, `{env: …}` there, are [`SECRET`].
    pub async fn declaring(text: &str) -> Self {
        Self::with(Limits::default(), |bus| bus, |folder| declared(folder, text)).await
    }

    async fn with(
        limits: Limits,
        bus: impl FnOnce(Arc<dyn Bus>) -> Arc<dyn Bus>,
        catalog: impl FnOnce(&Path) -> Catalog,
    ) -> Self {
        crate::logs::begin();
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.unwrap();
        for (name, secret) in [("new", SECRET), ("old", OLD_SECRET), ("token", TOKEN)] {
            std::fs::write(folder.path().join(name), format!("{secret}\n")).unwrap();
        }
        let metrics = Metrics::new();
        let catalog = Current::fixed(catalog(folder.path()));
        let clock = Arc::new(ManualClock::at(NOW));
        let gateway = Gateway::new(bus(engine.bus.clone()), catalog, clock, metrics.clone(), limits);
        Self { router: Arc::new(gateway).router(), folder, metrics, engine }
    }

    /// What the gateway answers.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let json =
            serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: not JSON: {bytes:?}"));
        Answer { status: parts.status, headers: parts.headers, json }
    }

    /// All events on the bus.
    pub async fn stored(&self) -> Vec<Envelope> {
        let page = self.engine.bus.read(Position(1), 10_000).await.unwrap();
        let mut events = Vec::with_capacity(page.len());
        for recorded in page {
            // The bus reads them without their large bodies.
            events
                .push(chassis::claim::check_out(&*self.engine.store, recorded.event.unwrap()).await.unwrap());
        }
        events
    }

    /// Waits until so many events are on the bus.
    pub async fn wait_for(&self, events: usize, patience: Duration) -> Vec<Envelope> {
        let arrived = async {
            loop {
                let last = self.engine.bus.last().await.unwrap();
                let stored = self.stored().await;
                if stored.len() >= events {
                    return stored;
                }
                self.engine.bus.changed(last).await.unwrap();
            }
        };
        let arrived = tokio::time::timeout(patience, arrived).await;
        arrived.unwrap_or_else(|_| panic!("no {events} events within {patience:?}: {}", self.metrics()))
    }

    /// Whether the metrics hold this line.
    pub fn counts(&self, line: &str) -> bool {
        self.metrics.render().lines().any(|found| found == line)
    }

    /// All metrics.
    pub fn metrics(&self) -> String {
        self.metrics.render()
    }

    /// Writes a secret to its file.
    pub fn rotate(&self, name: &str, secret: &str) {
        std::fs::write(self.folder.path().join(name), secret).unwrap();
    }

    /// Takes the file of a secret away.
    pub fn lose(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(name)).unwrap();
    }
}

impl Answer {
    /// Asserts a refusal: its status, JSON with an error that says `about` and a hint.
    #[track_caller]
    pub fn assert_refused(&self, status: u16, about: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        let text = |member: &str| self.json[member].as_str().unwrap_or_default().to_owned();
        assert!(text("error").contains(about), "{about:?} should be in {self:?}");
        assert!(!text("hint").is_empty(), "{self:?}");
    }

    /// Asserts a refusal that makes the sender come again.
    #[track_caller]
    pub fn assert_come_again(&self, about: &str) {
        self.assert_refused(503, about);
        assert_eq!(self.headers["retry-after"], "5", "{self:?}");
    }
}

fn catalog(folder: &Path) -> Catalog {
    let file = |name: &str| SecretRef::File(folder.join(name));
    let github = Github {
        secrets: vec![file("new"), file("old")],
        repositories: vec!["acme/*".to_owned()],
        sweep: None,
    };
    let alertmanager = Alertmanager { tokens: vec![file("token")], api: None };
    let any = |proof| CloudEvents { proof, sources: vec![], types: vec![], origins: vec![], rate: None };
    let tokens = || Proof::Tokens(vec![file("token"), file("new")]);
    let narrow = CloudEvents {
        sources: vec!["https://shop.example/*".to_owned()],
        types: vec!["com.example.*".to_owned(), "io.signalbox.deploy.requested.v1".to_owned()],
        origins: vec!["events.example.com".to_owned(), "*.example.org".to_owned()],
        rate: Some(Rate { requests: 2, per: Duration::from_mins(1) }),
        ..any(tokens())
    };
    let sources = [
        ("github", SourceKind::Github(github.clone())),
        ("retired", SourceKind::Github(github)),
        ("alertmanager", SourceKind::Alertmanager(alertmanager)),
        ("events", SourceKind::CloudEvents(any(tokens()))),
        ("signed", SourceKind::CloudEvents(any(Proof::Secrets(vec![file("new"), file("old")])))),
        ("narrow", SourceKind::CloudEvents(narrow)),
    ];
    let source = |(name, kind): (&str, SourceKind)| {
        (
            name.to_owned(),
            Source { name: name.to_owned(), kind, retired: name == "retired", guard: Guard::default() },
        )
    };
    Catalog { sources: sources.map(source).into(), ..Catalog::default() }
}

/// The catalog of a text, its secrets in the file `new` of the folder.
fn declared(folder: &Path, text: &str) -> Catalog {
    let file = format!("{{file: {}}}", folder.join("new").display());
    let parts = text.split("{env: ").enumerate();
    let parts = parts.map(|(n, part)| match part.split_once('}') {
        Some((_, rest)) if n > 0 => format!("{file}{rest}"),
        Some(_) | None => part.to_owned(),
    });
    let text: String = parts.collect();
    resources::load_text("test.yaml", &text).unwrap_or_else(|problems| panic!("{problems}")).catalog
}

/// The signature of GitHub.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A push as GitHub delivers it, signed with the new secret; the builder can be changed before it is sent.
pub fn delivery(id: &str, body: impl Into<Bytes>) -> Request<Body> {
    delivery_signed_with(SECRET, id, body)
}

/// The same, signed with another secret.
pub fn delivery_signed_with(secret: &str, id: &str, body: impl Into<Bytes>) -> Request<Body> {
    let body = body.into();
    Request::post(GITHUB)
        .header("Content-Type", "application/json")
        .header("Content-Length", body.len())
        .header("X-GitHub-Event", "push")
        .header("X-GitHub-Delivery", id)
        .header("X-Hub-Signature-256", sign(secret, &body))
        .body(Body::from(body))
        .unwrap()
}

/// A notification as Alertmanager sends it.
pub fn notification(body: impl Into<Bytes>) -> Request<Body> {
    Request::post(ALERTMANAGER)
        .header("Content-Type", "application/json")
        .header("Authorization", format!("Bearer {TOKEN}"))
        .body(Body::from(body.into()))
        .unwrap()
}

/// One event in structured mode, or a batch of them, with the token.
pub fn structured(path: &str, body: impl Into<Bytes>) -> Request<Body> {
    let body = body.into();
    let media_type = if body.starts_with(b"[") { "cloudevents-batch" } else { "cloudevents" };
    Request::post(path)
        .header("Content-Type", format!("application/{media_type}+json; charset=utf-8"))
        .header("Authorization", format!("Bearer {TOKEN}"))
        .body(Body::from(body))
        .unwrap()
}

/// One event in binary mode, with the token: type and source of [`ORDER`].
pub fn binary(path: &str, id: &str, body: impl Into<Bytes>) -> Request<Body> {
    Request::post(path)
        .header("Content-Type", "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-id", id)
        .header("ce-source", "https://shop.example/orders")
        .header("ce-type", "com.example.order.placed")
        .header("Authorization", format!("Bearer {TOKEN}"))
        .body(Body::from(body.into()))
        .unwrap()
}

/// The same request with a header set, or taken away.
pub fn with_header(mut request: Request<Body>, name: &'static str, value: Option<&str>) -> Request<Body> {
    match value {
        Some(value) => request.headers_mut().insert(name, value.parse().unwrap()),
        None => request.headers_mut().remove(name),
    };
    request
}
