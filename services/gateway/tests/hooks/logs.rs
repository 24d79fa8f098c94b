//! What the log says of a request, and what it never says.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tracing::subscriber::DefaultGuard;

use crate::world::{
    OLD_SECRET, PUSH, SECRET, TOKEN, World, delivery, delivery_signed_with, notification, sign, with_header,
};

/// The log of this thread, in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Everything from here on, down to the finest level.
    fn begin() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap()
    }

    /// The lines that the gateway wrote.
    fn lines(&self) -> Vec<Value> {
        let lines =
            self.text().lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
        lines
            .into_iter()
            .filter(|line| line["target"].as_str().is_some_and(|target| target.starts_with("gateway")))
            .collect()
    }
}

#[tokio::test]
async fn an_accepted_delivery_is_one_line_with_what_it_was() {
    let world = World::new().await;
    let (log, _guard) = Log::begin();
    world.send(delivery("d-1", PUSH)).await;
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    let told = ["level", "event.id", "event.type", "source", "answer"]
        .map(|field| line[field].as_str().unwrap_or_default());
    assert_eq!(told, ["INFO", "d-1", "com.github.push", "github", "accepted"]);
    assert_eq!(line["bytes"], PUSH.len());
}

#[tokio::test]
async fn a_refused_delivery_is_one_line_with_the_id_that_github_shows() {
    let world = World::new().await;
    let (log, _guard) = Log::begin();
    world.send(with_header(delivery("d-1", PUSH), "X-Hub-Signature-256", None)).await;
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    let told = ["level", "event.id", "event.type", "source", "answer"]
        .map(|field| line[field].as_str().unwrap_or_default());
    assert_eq!(told, ["WARN", "d-1", "com.github.push", "github", "unproven"]);
    assert_eq!(line["error"], "the header X-Hub-Signature-256 is missing");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_an_error_that_says_which() {
    let world = World::new().await;
    world.lose("new");
    let (log, _guard) = Log::begin();
    world.send(delivery("d-1", PUSH)).await;
    let lines = log.lines();
    let line = lines
        .iter()
        .find(|line| line["message"] == "cannot read a secret of this source")
        .expect("it is told");
    assert_eq!(line["level"], "ERROR");
    // The program's log writes the causes, too; here is the error alone.
    let file = world.folder.path().join("new");
    assert_eq!(line["error"], format!("cannot read the secret file {}", file.display()));
}

#[tokio::test]
async fn no_secret_is_ever_in_the_log() {
    let world = World::new().await;
    let (log, _guard) = Log::begin();
    let alerts = r#"{"version":"4","groupKey":"{}","receiver":"r","alerts":[]}"#;
    world.send(delivery("d-1", PUSH)).await;
    world.send(delivery_signed_with(OLD_SECRET, "d-2", PUSH)).await;
    world.send(delivery_signed_with("wr0ng-hush", "d-3", PUSH)).await;
    world.send(notification(alerts)).await;
    world.send(with_header(notification(alerts), "Authorization", Some("Bearer wr0ng-hush"))).await;
    world.lose("token");
    world.send(notification(alerts)).await;
    let text = log.text();
    assert!(text.lines().count() >= 6, "{text}");
    let signature = sign(SECRET, PUSH.as_bytes());
    for secret in [SECRET, OLD_SECRET, TOKEN, "wr0ng-hush", signature.as_str()] {
        assert!(!text.contains(secret), "{secret} is in the log: {text}");
    }
}
