//! An endpoint that can be asked whether it has a message.

#[expect(dead_code, reason = "the other test programs use the rest of it")]
mod support;

use chassis::Handler as _;
use events::Kind;
use notifier::Notifier;
use resources::Delivery;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use support::{SECRET, Stage, announced, message, rejected, retried};

/// The endpoint answers a POST with `post`, and with `ask` the question whether it has the message `1`.
async fn endpoint(stage: &Stage, post: u16, ask: u16) {
    stage.server.reset().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(post)).mount(&stage.server).await;
    Mock::given(method("GET"))
        .and(path(format!("/ask/1/{SECRET}")))
        .respond_with(ResponseTemplate::new(ask))
        .mount(&stage.server)
        .await;
}

async fn asked(stage: &Stage) -> (usize, usize) {
    let requests = stage.server.received_requests().await.expect("requests are recorded");
    let asks = requests.iter().filter(|request| request.method.as_str() == "GET").count();
    (requests.len() - asks, asks)
}

#[tokio::test]
async fn what_it_has_is_not_sent_again_and_what_it_has_not_is() {
    for (ask, posts, answer) in [(200, 0, "had_arrived"), (404, 1, "had_not_arrived")] {
        let stage = Stage::new(Delivery::AtLeastOnce).await;
        endpoint(&stage, 500, 200).await;
        assert!(retried(&stage.handle(&message("1", "log"), 1).await));
        assert_eq!(asked(&stage).await, (1, 0), "a first attempt asks nobody");
        endpoint(&stage, 200, ask).await;
        let said = announced(stage.handle(&message("1", "log"), 2).await);
        assert_eq!((said.kind, asked(&stage).await), (Kind::NotificationSent, (posts, 1)), "{ask}");
        assert_eq!(stage.sends("webhook", answer), 1);
        // Whatever it was, it stays so, and nobody is asked again.
        assert_eq!(announced(stage.handle(&message("1", "log"), 3).await), said);
        assert_eq!(asked(&stage).await, (posts, 1));
    }
}

#[tokio::test]
async fn while_it_cannot_be_asked_nothing_is_sent_and_at_last_that_is_told() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    endpoint(&stage, 500, 200).await;
    assert!(retried(&stage.handle(&message("1", "log"), 1).await));
    for status in [503, 401, 302] {
        endpoint(&stage, 200, status).await;
        assert!(retried(&stage.handle(&message("1", "log"), 2).await), "{status}");
        assert_eq!(asked(&stage).await, (0, 1), "{status}");
    }
    assert_eq!(stage.sends("webhook", "not_asked"), 3);
    assert!(retried(&stage.handle(&message("1", "log"), Notifier::ATTEMPTS).await));
    assert_eq!(
        stage.failed().await,
        "the endpoint, asked whether the message arrived, answered 302, and redirects are not followed"
    );
}

#[tokio::test]
async fn a_refusal_needs_no_question() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    endpoint(&stage, 400, 200).await;
    assert!(rejected(&stage.handle(&message("1", "log"), 1).await));
    // Mended, and driven again: it surely did not arrive.
    endpoint(&stage, 200, 500).await;
    assert_eq!(announced(stage.handle(&message("1", "log"), 1).await).kind, Kind::NotificationSent);
    assert_eq!(asked(&stage).await, (1, 0));
}

#[tokio::test]
async fn the_question_carries_the_key_and_the_token_of_no_other() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    endpoint(&stage, 500, 200).await;
    assert!(retried(&stage.handle(&message("1", "log"), 1).await));
    announced(stage.handle(&message("1", "log"), 2).await);
    let requests = stage.server.received_requests().await.expect("requests are recorded");
    let question = requests.iter().find(|request| request.method.as_str() == "GET").expect("it was asked");
    assert_eq!(question.headers["idempotency-key"], "1");
    assert!(question.body.is_empty() && !question.headers.contains_key("content-type"));
}
