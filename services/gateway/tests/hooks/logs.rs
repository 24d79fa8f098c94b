//! What the log says of a request, and what it never says.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use serde_json::Value;

use crate::world::{
    OLD_SECRET, PUSH, SECRET, TOKEN, World, delivery, delivery_signed_with, notification, sign, with_header,
};

thread_local! {
    /// What is logged on this thread, while a test wants to know: a test has its thread for itself.
    static KEPT: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Makes the whole test program log, down to the finest level. Before the first line of the gateway: whether a line is
/// wanted is decided once, when it is first met, on whichever thread that is.
pub fn begin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(|| Kept)
            .init();
    });
}

struct Kept;

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        KEPT.with_borrow_mut(|kept| {
            if let Some(kept) = kept {
                kept.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The log of this thread, from its beginning to its drop.
struct Log;

impl Drop for Log {
    fn drop(&mut self) {
        KEPT.set(None);
    }
}

impl Log {
    fn begin() -> Self {
        begin();
        KEPT.set(Some(Vec::new()));
        Self
    }

    #[expect(clippy::unused_self, reason = "there is a text while there is a log")]
    fn text(&self) -> String {
        String::from_utf8(KEPT.with_borrow(Clone::clone).unwrap_or_default()).unwrap()
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
    let log = Log::begin();
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
    let log = Log::begin();
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
    let log = Log::begin();
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
    let log = Log::begin();
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
