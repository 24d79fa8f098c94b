//! Replays.

use axum::http::{Method, StatusCode};
use chassis::replay::Run;
use serde_json::json;

use super::stage::{Stage, event};
use crate::api::ReplayShown;

#[tokio::test]
async fn a_range_is_replayed_to_one_handler_and_goes_on_when_it_is_asked_for_again() {
    let stage = Stage::new().await;
    for n in 1..=6 {
        let ty = if n % 2 == 0 { "com.example.a" } else { "com.example.b" };
        stage.publish(&event(&format!("e{n}"), ty)).await;
    }
    let path = "/api/v1/replays?run=try&handler=listener&from=2&types=*.a";
    let (status, run) = stage.ask(Method::POST, path).await;
    let run: Run = serde_json::from_value(run).expect("a run");
    assert_eq!((status, run.delivered, run.request.effects), (StatusCode::OK, 3, false));
    assert_eq!((run.request.from.0, run.request.to.0, run.next.0), (2, 6, 7));

    // The end of the log is elsewhere by now; the range is the one that was begun.
    stage.publish(&event("e7", "com.example.a")).await;
    let (status, again) = stage.ask(Method::POST, path).await;
    let again: Run = serde_json::from_value(again).expect("a run");
    assert_eq!((status, again), (StatusCode::OK, run.clone()), "nothing is delivered twice");
    let (status, body) = stage.ask(Method::POST, &format!("{path}&to=3")).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");

    let (status, all) = stage.get("/api/v1/replays").await;
    assert_eq!((status, &all["replays"][0]["request"]["run"]), (StatusCode::OK, &json!("try")));
    let (status, shown) = stage.get("/api/v1/replays/try").await;
    let shown: ReplayShown = serde_json::from_value(shown).expect("a replay");
    assert_eq!((status, shown.replay, shown.events.len()), (StatusCode::OK, run, 0));
    assert_eq!(stage.get("/api/v1/replays/other").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_replay_of_nothing_or_to_nobody_is_refused_with_what_there_is() {
    let stage = Stage::new().await;
    stage.publish(&event("e1", "com.example.a")).await;
    for (query, words) in [
        ("handler=listener&from=1", "`run` is missing"),
        ("run=x&from=1", "`handler` is missing"),
        ("run=x&handler=nobody&from=1", "there is listener"),
        ("run=X%2FY&handler=listener&from=1", "is no name for a replay"),
        ("run=x&handler=listener&from=5", "the log has 1 to 1"),
        ("run=x&handler=listener&since=2999-01-01T00:00:00Z", "the log has 1 to 1"),
        ("run=x&handler=listener&from=1&since=1h", "exclude each other"),
        ("run=x&handler=listener&from=1&effects=yes", "`effects` is `yes`"),
        ("run=x&handler=listener&from=1&limit=3", "there is no parameter `limit` here"),
    ] {
        let (status, body) = stage.ask(Method::POST, &format!("/api/v1/replays?{query}")).await;
        let error = body["error"].as_str().expect("an error");
        assert!(status == StatusCode::BAD_REQUEST && error.contains(words), "{query}: {status} {error}");
    }
    assert_eq!(stage.get("/api/v1/replays").await.1, json!({"replays": []}), "none was begun");
}
