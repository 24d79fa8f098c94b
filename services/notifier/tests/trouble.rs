//! What goes wrong on our side: channels, secrets, the bus; and what may be seen of it.

mod support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chassis::failure::Decision;
use chassis::{
    Bus, BusError, ConsumerSpec, Deliveries, Handler as _, Position, PublishError, Published, Recorded,
    Shutdown, SystemClock,
};
use events::{Envelope, Kind};
use notifier::Notifier;
use resources::Delivery;
use wiremock::matchers::path_regex;
use wiremock::{Mock, ResponseTemplate};

use support::{Stage, announced, message, rejected, retried};

fn ok() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string("ok")
}

#[tokio::test]
async fn a_channel_that_nobody_declared_is_a_dead_letter_and_is_announced() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    let outcome = stage.handle(&message("1", "taem"), 1).await;
    assert!(rejected(&outcome));
    assert_eq!(stage.failed().await, "there is no Channel `taem`: there are log, ops, team");
    assert_eq!(stage.sends("none", "unsendable"), 1);
}

#[tokio::test]
async fn a_body_that_is_no_message_is_a_dead_letter() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    for body in ["{}", "[]", "not JSON", r#"{"channel": 7, "text": "x"}"#] {
        let event =
            message("1", "team").to_builder().body("application/json", body).build().expect("an event");
        let outcome = stage.handle(&event, 1).await;
        assert!(rejected(&outcome), "{body}");
        let reason = outcome.expect_err("rejected").to_string();
        assert!(reason.starts_with("the body is not that of a notification.requested: "), "{reason}");
    }
}

#[tokio::test]
async fn a_secret_that_appears_later_is_read_then() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    stage.answers(ok()).await;
    std::fs::remove_file(stage.folder.path().join("team-url")).expect("the file is there");
    assert!(retried(&stage.handle(&message("1", "team"), 1).await));
    assert_eq!(stage.posts().await, 0);
    stage.point("team", &stage.server.uri());
    assert_eq!(announced(stage.handle(&message("1", "team"), 2).await).kind, Kind::NotificationSent);
}

#[tokio::test]
async fn a_rotated_token_counts_from_the_next_message_on() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    stage.answers(ok()).await;
    for (id, token) in [("1", "first"), ("2", "second")] {
        std::fs::write(stage.folder.path().join("ops-token"), token).expect("it can be written");
        announced(stage.handle(&message(id, "ops"), 1).await);
    }
    let posts = stage.server.received_requests().await.expect("requests are recorded");
    let tokens: Vec<_> =
        posts.iter().map(|post| post.headers["authorization"].to_str().expect("ASCII").to_owned()).collect();
    assert_eq!(tokens, ["Bearer first", "Bearer second"]);
}

#[tokio::test]
async fn the_last_attempt_is_announced_as_failed() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    stage.answers(ResponseTemplate::new(502)).await;
    assert!(retried(&stage.handle(&message("1", "team"), Notifier::ATTEMPTS - 1).await));
    assert!(stage.said().await.is_empty());
    assert!(retried(&stage.handle(&message("1", "team"), Notifier::ATTEMPTS).await), "the runner buries it");
    assert_eq!(stage.failed().await, "the channel answered 502");
}

/// A bus that takes nothing.
struct Deaf(Arc<dyn Bus>);

#[async_trait]
impl Bus for Deaf {
    async fn publish(&self, _: &Envelope) -> Result<Published, PublishError> {
        Err(PublishError::Busy)
    }
    async fn redeliver(&self, _: &str, _: &Envelope, _: &str) -> Result<Published, PublishError> {
        Err(PublishError::Busy)
    }
    async fn consume(&self, spec: ConsumerSpec) -> Result<Box<dyn Deliveries>, BusError> {
        self.0.consume(spec).await
    }
    async fn read(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, BusError> {
        self.0.read(from, limit).await
    }
    async fn last(&self) -> Result<Position, BusError> {
        self.0.last().await
    }
    async fn changed(&self, position: Position) -> Result<(), BusError> {
        self.0.changed(position).await
    }
    async fn check(&self) -> Result<(), BusError> {
        self.0.check().await
    }
}

#[tokio::test]
async fn a_failure_that_cannot_be_announced_is_tried_again_and_announced_then() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    stage.answers(ResponseTemplate::new(404).set_body_string("no_service")).await;
    let deaf: Arc<dyn Bus> = Arc::new(Deaf(stage.engine.bus.clone()));
    let failure = stage.handle_on(deaf, &message("1", "team"), 1).await.unwrap_err();
    assert_eq!(failure.decision, Decision::Postpone, "the trouble is the bus's own");
    assert!(stage.said().await.is_empty());
    assert!(rejected(&stage.handle(&message("1", "team"), 2).await));
    assert_eq!(stage.failed().await, "the channel answered 404: no_service");
}

/// A slow channel holds up nobody but itself.
#[tokio::test]
async fn a_slow_channel_does_not_hold_up_the_others() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    let slow = ok().set_delay(Duration::from_mins(1));
    Mock::given(path_regex("^/team/")).respond_with(slow).mount(&stage.server).await;
    Mock::given(path_regex("^/ops/")).respond_with(ok()).mount(&stage.server).await;
    for id in 0..30 {
        stage.engine.bus.publish(&message(&format!("slow-{id}"), "team")).await.expect("published");
    }
    stage.engine.bus.publish(&message("quick", "ops")).await.expect("published");
    let ports = chassis::runner::Ports {
        bus: stage.engine.bus.clone(),
        store: stage.engine.store.clone(),
        clock: Arc::new(SystemClock),
        metrics: stage.metrics.clone(),
    };
    let shutdown = Shutdown::new();
    let running = tokio::spawn(chassis::runner::run(stage.notifier.clone(), ports, shutdown.clone()));
    let sent = tokio::time::timeout(Duration::from_secs(20), async {
        let mut from = Position(1);
        loop {
            let page = stage.engine.bus.read(from, 100).await.expect("the log can be read");
            for recorded in page {
                from = Position(recorded.position.0 + 1);
                let event = recorded.event.expect("an event");
                if event.ty() == Kind::NotificationSent.name() {
                    return event;
                }
            }
            stage.engine.bus.changed(Position(from.0 - 1)).await.expect("the log can be watched");
        }
    });
    let sent = sent.await.expect("the quick channel's message is sent while the slow one waits");
    assert_eq!(sent.causation_id().as_deref(), Some("quick"));
    running.abort();
}
