//! Against a stand-in that answers as GitHub's documentation says.

mod app;
mod asking;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use chassis::{Intended, ManualClock};
use chrono::{DateTime, Utc};
use resources::SecretRef;
use tempfile::TempDir;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::{App, Auth, Base, Github};

const NOW: &str = "2026-11-24T10:00:00Z";

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// A stand-in, and a client of it.
struct World {
    server: MockServer,
    clock: Arc<ManualClock>,
    github: Github,
    folder: TempDir,
}

impl World {
    async fn of(auth: impl FnOnce(&TempDir) -> Auth) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
        let clock = Arc::new(ManualClock::at(at(NOW)));
        let base: Base = format!("{}/api/v3", server.uri()).parse().unwrap();
        let github = Github::new(base, auth(&folder), clock.clone()).unwrap();
        Self { server, clock, github, folder }
    }

    async fn with_token() -> Self {
        Self::of(|folder| Auth::Token(secret(folder, "token", "ghp_secret\n"))).await
    }

    async fn with_app(key: &str, installation: Option<u64>) -> Self {
        Self::of(|folder| {
            Auth::App(App { id: "Iv23abc".to_owned(), installation, key: secret(folder, "key", key) })
        })
        .await
    }

    /// Answers every request like this from now on.
    async fn answers(&self, answer: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static) {
        self.server.reset().await;
        Mock::given(any()).respond_with(answer).mount(&self.server).await;
    }

    async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn secret(folder: &TempDir, name: &str, text: &str) -> SecretRef {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    SecretRef::File(path)
}

/// These tests are about HTTP, without a ledger.
#[expect(clippy::disallowed_methods, reason = "a test of what acts")]
fn intended() -> Intended {
    Intended::in_a_test()
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).map_or("", |value| value.to_str().unwrap())
}
