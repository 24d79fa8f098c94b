//! What a channel answers, and what becomes of the message.

mod support;

use std::time::Duration;

use chassis::failure::Decision;
use events::Kind;
use resources::Delivery;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wiremock::ResponseTemplate;

use support::{SECRET, Stage, announced, client, message, rejected, retried};

fn ok() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string("ok")
}

#[tokio::test]
async fn a_message_is_posted_to_slack_and_said_to_be_sent() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    stage.answers(ok()).await;
    let said = announced(stage.handle(&message("1", "team"), 1).await);
    assert_eq!(said.kind, Kind::NotificationSent);
    assert_eq!(said.data, json!({"channel": "team", "channel_kind": "slack", "status": 200}));
    let posts = stage.server.received_requests().await.expect("requests are recorded");
    assert_eq!((posts.len(), posts[0].url.path()), (1, format!("/team/{SECRET}").as_str()));
    assert_eq!(posts[0].headers["content-type"], "application/json");
    let body: Value = posts[0].body_json().expect("JSON");
    assert_eq!(body["text"], "⚠️ Alert: shop is &lt;broken&gt;");
    assert_eq!(body["blocks"][0]["text"]["text"], "⚠️ Alert");
    assert_eq!(stage.sends("slack", "sent"), 1);
}

#[tokio::test]
async fn a_message_is_posted_to_an_endpoint_with_its_headers() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    stage.answers(ResponseTemplate::new(202)).await;
    let said = announced(stage.handle(&message("id-1", "ops"), 1).await);
    assert_eq!(said.data, json!({"channel": "ops", "channel_kind": "webhook", "status": 202}));
    let posts = stage.server.received_requests().await.expect("requests are recorded");
    let headers = &posts[0].headers;
    assert_eq!(headers["authorization"], "Bearer t0ken-Secret");
    assert_eq!(
        (&headers["idempotency-key"], &headers["ce-id"]),
        (&"id-1".parse().unwrap(), &"id-1".parse().unwrap())
    );
    assert_eq!(headers["ce-type"], Kind::NotificationRequested.name());
    let body: Value = posts[0].body_json().expect("JSON");
    assert_eq!(
        (&body["id"], &body["text"], &body["severity"]),
        (&"id-1".into(), &"shop is <broken>".into(), &"warning".into())
    );
}

#[tokio::test]
async fn a_message_that_is_delivered_again_is_not_posted_again() {
    for (delivery, channel) in [(Delivery::AtLeastOnce, "team"), (Delivery::AtMostOnce, "ops")] {
        let stage = Stage::new(delivery).await;
        stage.answers(ok()).await;
        let first = announced(stage.handle(&message("1", channel), 1).await);
        let second = announced(stage.handle(&message("1", channel), 2).await);
        assert_eq!(first, second);
        assert_eq!(stage.posts().await, 1);
    }
}

#[tokio::test]
async fn a_refusal_is_a_dead_letter_and_is_announced_with_slacks_own_word() {
    for (status, word) in [
        (400, "invalid_payload"),
        (400, "no_text"),
        (403, "action_prohibited"),
        (404, "channel_not_found"),
        (404, "no_service"),
        (410, "channel_is_archived"),
    ] {
        let stage = Stage::new(Delivery::AtMostOnce).await;
        stage.answers(ResponseTemplate::new(status).set_body_string(word)).await;
        assert!(rejected(&stage.handle(&message("1", "team"), 1).await), "{word}");
        assert_eq!(stage.failed().await, format!("the channel answered {status}: {word}"));
        // A person has mended it and drives the dead letter again: it surely did not arrive, so it is sent.
        stage.answers(ok()).await;
        assert_eq!(announced(stage.handle(&message("1", "team"), 1).await).kind, Kind::NotificationSent);
        assert_eq!(stage.posts().await, 1);
    }
}

#[tokio::test]
async fn a_channel_that_asks_for_patience_gets_it() {
    let stage = Stage::new(Delivery::AtMostOnce).await;
    stage
        .answers(
            ResponseTemplate::new(429).insert_header("retry-after", "30").set_body_string("rate_limited"),
        )
        .await;
    let failure = stage.handle(&message("1", "team"), 1).await.expect_err("not now");
    assert_eq!(failure.decision, Decision::Retry(Some(Duration::from_secs(30))));
    assert!(failure.effect_absent);
    assert!(stage.said().await.is_empty(), "nothing has failed yet");
    stage.answers(ok()).await;
    assert_eq!(announced(stage.handle(&message("1", "team"), 2).await).kind, Kind::NotificationSent);
    assert_eq!((stage.sends("slack", "rate_limited"), stage.sends("slack", "sent")), (1, 1));
}

#[tokio::test]
async fn after_an_error_of_the_server_the_channels_delivery_decides() {
    for (delivery, posts, kind) in [
        (Delivery::AtLeastOnce, 1, Kind::NotificationSent),
        (Delivery::AtMostOnce, 0, Kind::NotificationFailed),
    ] {
        let stage = Stage::new(delivery).await;
        stage.answers(ResponseTemplate::new(500).set_body_string("rollup_error")).await;
        assert!(retried(&stage.handle(&message("1", "team"), 1).await));
        stage.answers(ok()).await;
        let said = announced(stage.handle(&message("1", "team"), 2).await);
        assert_eq!((said.kind, stage.posts().await), (kind, posts), "{delivery:?}");
        // Whatever it was, it stays so.
        assert_eq!(announced(stage.handle(&message("1", "team"), 3).await), said);
        assert_eq!(stage.posts().await, posts);
        assert_eq!(stage.sends("slack", "unconfirmed"), u64::from(delivery == Delivery::AtMostOnce));
    }
}

#[tokio::test]
async fn a_200_that_is_not_slacks_is_not_taken_for_success() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    stage.answers(ResponseTemplate::new(200).set_body_string("<html>Please log in</html>")).await;
    assert!(rejected(&stage.handle(&message("1", "team"), 1).await));
    assert_eq!(stage.failed().await, "the channel answered 200: <html>Please log in</html>");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    let elsewhere = format!("{}/elsewhere", stage.server.uri());
    for status in [301, 302, 307, 308] {
        stage.answers(ResponseTemplate::new(status).insert_header("location", elsewhere.as_str())).await;
        assert!(rejected(&stage.handle(&message(&status.to_string(), "ops"), 1).await), "{status}");
        assert_eq!(stage.posts().await, 1, "nobody was posted to at the other address");
    }
    let reasons: Vec<_> =
        stage.said().await.iter().map(|event| event.json().expect("a body")["reason"].clone()).collect();
    assert_eq!(reasons[0], "the channel answered 301, and redirects are not followed");
    assert_eq!(stage.sends("webhook", "redirected"), 4);
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent_whatever_the_delivery() {
    let stage = Stage::new(Delivery::AtMostOnce).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    stage.point("team", &format!("http://{closed}"));
    let failure = stage.handle(&message("1", "team"), 1).await.expect_err("nobody is there");
    assert_eq!((failure.decision, failure.effect_absent), (Decision::Retry(None), true));
    assert!(failure.to_string().starts_with("no connection to the channel: "), "{failure}");
    stage.point("team", &stage.server.uri());
    stage.answers(ok()).await;
    assert_eq!(announced(stage.handle(&message("1", "team"), 2).await).kind, Kind::NotificationSent);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_leaves_it_open_whether_it_arrived() {
    let stage = Stage::with(Delivery::AtMostOnce, client(Duration::from_millis(200))).await;
    stage.answers(ok().set_delay(Duration::from_secs(5))).await;
    let failure = stage.handle(&message("1", "team"), 1).await.expect_err("too late");
    assert_eq!((failure.decision, failure.effect_absent), (Decision::Retry(None), false));
    assert!(failure.to_string().starts_with("the channel did not answer in time"), "{failure}");
    assert_eq!(announced(stage.handle(&message("1", "team"), 2).await).kind, Kind::NotificationFailed);
    assert_eq!((stage.sends("slack", "timed_out"), stage.sends("slack", "unconfirmed")), (1, 1));
}

#[tokio::test]
async fn a_connection_that_breaks_off_leaves_it_open_whether_it_arrived() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    stage.point("team", &format!("http://{}", listener.local_addr().expect("an address")));
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        socket.read_exact(&mut [0; 64]).await.expect("the beginning of a request");
        socket.write_all(b"HTTP/1.1 2").await.expect("the beginning of an answer");
    });
    let failure = stage.handle(&message("1", "team"), 1).await.expect_err("no answer");
    server.await.expect("the server ends");
    assert_eq!((failure.decision, failure.effect_absent), (Decision::Retry(None), false));
    assert_eq!(stage.sends("slack", "broken_off"), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let stage = Stage::new(Delivery::AtLeastOnce).await;
    stage.answers(ResponseTemplate::new(400).set_body_string("no ".repeat(5_000_000))).await;
    assert!(rejected(&stage.handle(&message("1", "ops"), 1).await));
    let reason = stage.failed().await;
    assert!(reason.chars().count() < 300, "{} characters", reason.len());
}
