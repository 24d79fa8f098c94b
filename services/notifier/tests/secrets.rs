//! What may be seen of a message that fails. A test program of its own: whether a log line is wanted is decided once for
//! the whole program, and tests that run beside this one, without a log, could decide it otherwise.

#[expect(dead_code, reason = "the other test programs use the rest of it")]
mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::{Failure, Handler as _, Outcome};
use notifier::Notifier;
use resources::Delivery;
use wiremock::ResponseTemplate;

use support::{SECRET, Stage, client, message};

fn ok() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string("ok")
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// All that an outcome would show to anybody.
fn said_of(outcome: &Result<Outcome, Failure>) -> String {
    format!("{outcome:?}\n")
}

/// Everything that can be seen of a message that fails, at the finest level of the log.
#[tokio::test]
async fn no_secret_is_in_a_log_line_an_error_or_an_event() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let stage = Stage::with(Delivery::AtLeastOnce, client(Duration::from_millis(300))).await;
    let mut seen = String::new();
    let answers = [
        ok(),
        ResponseTemplate::new(302).insert_header("location", format!("/{SECRET}")),
        ResponseTemplate::new(404).set_body_string(format!("Cannot POST /team/{SECRET}")),
        ResponseTemplate::new(500),
        ok().set_delay(Duration::from_secs(5)),
    ];
    for (index, answer) in answers.into_iter().enumerate() {
        stage.answers(answer).await;
        for channel in ["team", "ops"] {
            let outcome =
                stage.handle(&message(&format!("{index}-{channel}"), channel), Notifier::ATTEMPTS).await;
            seen.push_str(&said_of(&outcome));
        }
    }
    stage.answers(ResponseTemplate::new(401).set_body_string("t0ken-secret is not valid")).await;
    let outcome = stage.handle(&message("token", "ops"), Notifier::ATTEMPTS).await;
    seen.push_str(&said_of(&outcome));
    for base in [
        "http://127.0.0.1:1",
        "http://nowhere.invalid",
        "ftp://127.0.0.1",
        "http://user:pass-Secret@127.0.0.1:1",
    ] {
        stage.point("team", base);
        let outcome = stage.handle(&message(base, "team"), Notifier::ATTEMPTS).await;
        seen.push_str(&said_of(&outcome));
    }
    // The address to ask is a secret, too.
    stage.answers(ResponseTemplate::new(500).set_body_string(SECRET)).await;
    for attempt in [1, Notifier::ATTEMPTS] {
        let outcome = stage.handle(&message("asked", "log"), attempt).await;
        seen.push_str(&said_of(&outcome));
    }
    for event in stage.said().await {
        seen += &String::from_utf8_lossy(event.body());
    }
    seen += &String::from_utf8_lossy(&log.0.lock().expect("nobody panicked"));
    assert!(
        seen.contains("tried to send")
            && seen.contains("the channel answered 404")
            && seen.contains("asked whether the message arrived, answered 500"),
        "something was seen: {seen}"
    );
    for line in seen.lines() {
        let lower = line.to_lowercase();
        for secret in ["t00secret", "b00secret", "xyzzysecret", "t0ken-secret", "pass-secret"] {
            assert!(!lower.contains(secret), "{line}");
        }
    }
}
