//! Tails.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};

use super::stage::{Lines, Stage, event, request};
use crate::http::TAILS;

#[tokio::test]
async fn a_tail_sees_new_events_and_ends_with_the_server() {
    let stage = Stage::new().await;
    stage.publish(&event("old", "com.example.a")).await;
    let mut tail = stage.tail("/api/v1/events/tail?type=*.a", "*/*").await;
    // Whoever asks for nothing older begins with what comes after the first look.
    let publishing = async {
        for n in 0.. {
            stage.publish(&event(&format!("new-{n}"), "com.example.a")).await;
            stage.publish(&event(&format!("other-{n}"), "com.example.b")).await;
            tokio::task::yield_now().await;
        }
    };
    let id = tokio::select! { id = tail.id() => id, () = publishing => unreachable!("it goes on for ever") };
    assert!(id.starts_with("new-"), "{id}");
    stage.shutdown.trigger();
    while let Some(line) = tail.next().await {
        assert!(line.contains("\"new-"), "what was on its way comes still: {line}");
    }
}

#[tokio::test]
async fn a_tail_begins_where_it_is_told_and_goes_on() {
    let stage = Stage::new().await;
    for n in 0..5 {
        stage.publish(&event(&format!("e{n}"), "com.example.a")).await;
    }
    let mut after = stage.tail("/api/v1/events/tail?after=3", "*/*").await;
    let mut since = stage.tail("/api/v1/events/tail?since=1h", "*/*").await;
    assert_eq!((after.id().await, after.id().await), ("e3".to_owned(), "e4".to_owned()));
    for n in 0..5 {
        assert_eq!(since.id().await, format!("e{n}"));
    }
    stage.publish(&event("new", "com.example.a")).await;
    assert_eq!((after.id().await, since.id().await), ("new".to_owned(), "new".to_owned()));
}

#[tokio::test]
async fn server_sent_events_go_on_where_the_reader_was() {
    let stage = Stage::new().await;
    for n in 0..3 {
        stage.publish(&event(&format!("e{n}"), "com.example.a")).await;
    }
    let request = request(Method::GET, "/api/v1/events/tail").header(header::ACCEPT, "text/event-stream");
    let request = request.header("last-event-id", "2").body(Body::empty()).expect("a request");
    let response = stage.send(request).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut lines = Lines::of(response);
    let mut event = Vec::new();
    while let Some(line) = lines.next().await.filter(|line| !line.is_empty()) {
        event.push(line);
    }
    assert!(event.contains(&"id: 3".to_owned()) && event.contains(&"event: entry".to_owned()), "{event:?}");
    assert!(event.iter().any(|line| line.starts_with("data: {") && line.contains("\"e2\"")), "{event:?}");
}

#[tokio::test]
async fn more_tails_than_there_may_be_are_refused_until_one_is_closed() {
    let stage = Stage::new().await;
    let mut tails = Vec::new();
    for _ in 0..TAILS {
        tails.push(stage.tail("/api/v1/events/tail", "*/*").await);
    }
    let (status, body) = stage.get("/api/v1/events/tail").await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"too many tails are open".into())
    );
    tails.pop();
    stage.tail("/api/v1/events/tail", "*/*").await;
}
