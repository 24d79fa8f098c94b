//! Dead letters.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use chassis::dead::{DeadLetters, Death};
use chassis::{ConsumerSpec, Position};
use serde_json::json;

use super::stage::{Stage, event};
use crate::api::DeadPage;

#[tokio::test]
async fn dead_letters_are_listed_shown_driven_again_and_dropped() {
    let stage = Stage::new().await;
    let (one, other) = (event("one", "com.example.a"), event("other", "com.example.b"));
    stage.publish(&one).await;
    stage.publish(&other).await;
    let (first, second) = (stage.bury(&one, "no space").await, stage.bury(&other, "no such thing").await);
    let (status, body) = stage.get("/api/v1/dead?limit=1").await;
    let page: DeadPage = serde_json::from_value(body).expect("a page");
    assert_eq!((status, page.dead_letters.len(), page.total), (StatusCode::OK, 1, 2));
    let (status, letter) = stage.get(&format!("/api/v1/dead/{first}")).await;
    assert_eq!((status, &letter["event"]["data"]), (StatusCode::OK, &json!({"id": "one"})));
    assert_eq!((&letter["reasons"], &letter["attempts"]), (&json!(["no space"]), &json!(3)));

    let (status, _) = stage.ask(Method::POST, &format!("/api/v1/dead/{first}/redrive")).await;
    assert_eq!(status, StatusCode::OK);
    let spec = ConsumerSpec {
        name: "deployer".to_owned(),
        types: vec!["nothing".to_owned()],
        start: chassis::Start::Beginning,
        max_in_flight: 1,
        ack_wait: Duration::from_secs(30),
    };
    let mut deliveries = stage.engine.bus.consume(spec).await.expect("a consumer");
    let delivery = tokio::time::timeout(Duration::from_secs(10), deliveries.next()).await;
    let delivery = delivery.expect("it is delivered within ten seconds").expect("a delivery");
    assert_eq!(delivery.event.expect("an event").id(), "one");
    assert_eq!(
        stage.ask(Method::POST, &format!("/api/v1/dead/{first}/redrive")).await.0,
        StatusCode::NOT_FOUND
    );

    let (status, dropped) = stage.ask(Method::DELETE, &format!("/api/v1/dead/{second}")).await;
    assert_eq!((status, &dropped["id"]), (StatusCode::OK, &second.as_str().into()));
    assert_eq!(stage.get("/api/v1/dead").await.1, json!({"dead_letters": [], "total": 0}));
}

#[tokio::test]
async fn a_dead_letter_that_is_no_event_cannot_be_driven_again() {
    let stage = Stage::new().await;
    let message = chassis::bus::Undecodable {
        subject: "signalbox.events.x".to_owned(),
        headers: Vec::new(),
        payload: b"?".to_vec(),
        reason: "no ce-id".to_owned(),
    };
    let dead = DeadLetters::new(stage.engine.store.clone());
    let now = "2026-09-01T10:00:00Z".parse().expect("a time");
    let letter = dead
        .bury(Death {
            handler: "deployer",
            event: Err(&message),
            position: Position(1),
            reasons: vec!["no ce-id".to_owned()],
            attempts: 1,
            failures: Vec::new(),
            now,
        })
        .await
        .expect("kept");
    let (status, body) = stage.ask(Method::POST, &format!("/api/v1/dead/{}/redrive", letter.id)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    assert_eq!(stage.get("/api/v1/dead").await.1["total"], 1, "it is still there");
}
