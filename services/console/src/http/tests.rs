//! The API on an embedded bus, without a socket.

mod dead;
mod replays;
mod stage;
mod tails;

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use chassis::{Bus, BusError, ConsumerSpec, Deliveries, Position, PublishError, Published, Recorded};
use events::Envelope;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::Story;
use crate::api::EventPage;
use stage::{Stage, event, request, text};

fn ids(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().expect("events");
    events.iter().map(|entry| entry["event"]["id"].as_str().expect("an id")).collect()
}

#[tokio::test]
async fn nothing_is_answered_without_the_token() {
    let stage = Stage::new().await;
    for (method, path) in [
        (Method::GET, "/api/v1/events"),
        (Method::GET, "/api/v1/events/tail"),
        (Method::GET, "/api/v1/events/x"),
        (Method::GET, "/api/v1/events/x/story"),
        (Method::GET, "/api/v1/dead"),
        (Method::GET, "/api/v1/dead/x"),
        (Method::POST, "/api/v1/dead/x/redrive"),
        (Method::DELETE, "/api/v1/dead/x"),
        (Method::PUT, "/api/v1/dead/x"),
        (Method::POST, "/api/v1/dead/drop"),
        (Method::GET, "/api/v1/replays"),
        (Method::POST, "/api/v1/replays"),
        (Method::GET, "/api/v1/nothing"),
        (Method::GET, "/api/v2"),
        (Method::POST, "/api"),
    ] {
        for authorization in [None, Some("Bearer wrong"), Some("Basic dDBrZW4=")] {
            let mut request = Request::builder().method(method.clone()).uri(path);
            if let Some(authorization) = authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            let response = stage.send(request.body(Body::empty()).expect("a request")).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{method} {path} {authorization:?}");
            assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"signalbox\"");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
            let body: Value = serde_json::from_str(&text(response).await).expect("JSON");
            assert!(body["error"].is_string() && body["hint"].is_string(), "{body}");
        }
    }
    let counted = "signalbox_console_requests_total{answer=\"unauthorized\",route=\"redrive\"} 3\n";
    assert!(stage.metrics.render().contains(counted));
}

#[tokio::test]
async fn what_does_not_exist_is_json_too() {
    let stage = Stage::new().await;
    for (method, path, status) in [
        (Method::GET, "/api", StatusCode::NOT_FOUND),
        (Method::GET, "/api/", StatusCode::NOT_FOUND),
        (Method::GET, "/api/v2/events", StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/nothing", StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/events/x/y/z", StatusCode::NOT_FOUND),
        (Method::POST, "/api", StatusCode::NOT_FOUND),
        (Method::POST, "/api/v1/events", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/api/v1/dead/x/redrive", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/api/v1/events/x", StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/events/@7", StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/events/%FF", StatusCode::BAD_REQUEST),
        (Method::GET, "/api/v1/events/x/story", StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/dead/x", StatusCode::NOT_FOUND),
        (Method::POST, "/api/v1/dead/x/redrive", StatusCode::NOT_FOUND),
        (Method::DELETE, "/api/v1/dead/x", StatusCode::NOT_FOUND),
    ] {
        let (answer, body) = stage.ask(method.clone(), path).await;
        assert_eq!(answer, status, "{method} {path}: {body}");
        assert!(body["error"].is_string(), "{method} {path}: {body}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let stage = Stage::new().await;
    let response =
        stage.send(request(Method::PUT, "/api/v1/dead/x").body(Body::empty()).expect("a request")).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "GET,HEAD,DELETE");
}

#[tokio::test]
async fn other_addresses_of_the_listener_are_not_answered_here() {
    let stage = Stage::new().await;
    let others = Router::new()
        .route("/healthz", axum::routing::get(|| async { "ok" }))
        .fallback(|| async { "elsewhere" });
    let router = others.merge(stage.router.clone());
    for (path, answer) in [("/healthz", "ok"), ("/", "elsewhere"), ("/apis", "elsewhere")] {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = router.clone().oneshot(request).await.expect("a router never fails");
        assert_eq!((response.status(), text(response).await.as_str()), (StatusCode::OK, answer), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_parameter_is_named_with_what_would_be_right() {
    let stage = Stage::new().await;
    for (path, error, hint) in [
        ("/api/v1/events?limit=0", "the parameter `limit` is `0`", "it should be a number from 1 to 1000"),
        (
            "/api/v1/events?limit=1001",
            "the parameter `limit` is `1001`",
            "it should be a number from 1 to 1000",
        ),
        ("/api/v1/events?limit=-1", "the parameter `limit` is `-1`", "it should be a number from 1 to 1000"),
        (
            "/api/v1/events?after=x",
            "the parameter `after` is `x`",
            "it should be a position in the log: a whole number",
        ),
        (
            "/api/v1/events?since=soon",
            "the parameter `since` is no moment",
            "`soon` is neither a time such as 2026-09-01T10:00:00Z nor an age such as 30s, 15m, 2h or 7d",
        ),
        (
            "/api/v1/events?tpye=x",
            "there is no parameter `tpye` here",
            "there are type, source, key, correlation, since, until, order, limit, after, before",
        ),
        ("/api/v1/events?type=a&type=b", "the parameter `type` is given twice", "give it once"),
        ("/api/v1/events?order=up", "the parameter `order` is `up`", "it should be `newest` or `oldest`"),
        (
            "/api/v1/events?before=-1",
            "the parameter `before` is `-1`",
            "it should be a position in the log: a whole number",
        ),
        (
            "/api/v1/dead?after=7",
            "the parameter `after` is `7`",
            "it should be what `next` of such a list has",
        ),
        (
            "/api/v1/dead?newest=true",
            "there is no parameter `newest` here",
            "there are handler, type, since, until, limit, after",
        ),
        (
            "/api/v1/events/tail?limit=5",
            "there is no parameter `limit` here",
            "there are type, source, key, correlation, since, until, after",
        ),
        (
            "/api/v1/events/x/story?times=now",
            "the parameter `times` is `now`",
            "it should be `offset`, `absolute` or `none`",
        ),
        (
            "/api/v1/dead?limit=many",
            "the parameter `limit` is `many`",
            "it should be a number from 1 to 1000",
        ),
    ] {
        let (status, body) = stage.get(path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(body, json!({"error": error, "hint": hint}), "{path}");
    }
}

#[tokio::test]
async fn pages_lead_through_the_whole_log_once() {
    let stage = Stage::new().await;
    for n in 0..25 {
        let ty = if n % 2 == 0 { "com.example.even" } else { "com.example.odd" };
        stage.publish(&event(&format!("e{n}"), ty)).await;
    }
    let all: Vec<_> = (0..25).filter(|n| n % 2 == 0).map(|n| format!("e{n}")).collect();
    for order in ["oldest", "newest"] {
        let (mut seen, mut pages) = (Vec::new(), 0);
        let mut next = Some(format!("/api/v1/events?limit=4&type=*.even&since=1h&order={order}"));
        while let Some(address) = next {
            let (status, page) = stage.get(&address).await;
            assert_eq!(status, StatusCode::OK, "{address}");
            seen.extend(ids(&page).into_iter().map(str::to_owned));
            pages += 1;
            next = page["next"].as_str().map(str::to_owned);
            assert_eq!(next.is_some(), page["cursor"].is_u64(), "{page}");
        }
        if order == "newest" {
            seen.reverse();
        }
        assert_eq!((&seen, pages), (&all, 4), "{order}");
    }
    let (_, newest) = stage.get("/api/v1/events?limit=3").await;
    assert_eq!(ids(&newest), ["e24", "e23", "e22"], "the newest come first");
    let (_, future) = stage.get("/api/v1/events?since=2999-01-01T00:00:00Z").await;
    assert_eq!(ids(&future), Vec::<&str>::new());
    let (_, recent) = stage
        .get("/api/v1/events?since=1h&until=2999-01-01T00:00:00Z&source=/test&correlation=e7&key=/test")
        .await;
    assert_eq!(ids(&recent), ["e7"]);
}

#[tokio::test]
async fn a_page_is_read_by_the_type_that_the_command_line_uses() {
    let stage = Stage::new().await;
    let body = "{\n  \"big\": 123456789012345678901234567890,\r\n  \"z\": 1, \"a\": 2}";
    let event = Envelope::builder("1", "/test", "com.example.a")
        .body("application/json", body)
        .build()
        .expect("an event");
    stage.publish(&event).await;
    let response =
        stage.send(request(Method::GET, "/api/v1/events").body(Body::empty()).expect("a request")).await;
    let page: EventPage = serde_json::from_str(&text(response).await).expect("a page");
    let read = page.events[0].envelope().expect("an event").expect("it can be read");
    let kept = std::str::from_utf8(read.body()).expect("UTF-8");
    assert_eq!(
        kept, "{   \"big\": 123456789012345678901234567890,    \"z\": 1, \"a\": 2}",
        "nothing but line breaks is lost"
    );
}

#[tokio::test]
async fn an_event_is_found_by_its_id_the_beginning_of_it_or_its_position() {
    let stage = Stage::new().await;
    for id in ["abc", "abcdef", "abcxyz", "ä/ö ü"] {
        stage.publish(&event(id, "com.example.a")).await;
    }
    let elsewhere =
        Envelope::builder("ä/ö ü", "/elsewhere", "com.example.b").build().expect("the event is valid");
    for (asked, found) in [
        ("abc", "abc"),
        ("abcd", "abcdef"),
        ("abcdef", "abcdef"),
        ("%C3%A4%2F%C3%B6%20%C3%BC", "ä/ö ü"),
        ("@2", "abcdef"),
    ] {
        let (status, body) = stage.get(&format!("/api/v1/events/{asked}")).await;
        assert_eq!((status, &body["event"]["id"]), (StatusCode::OK, &found.into()), "{asked}");
    }
    let (status, body) = stage.get("/api/v1/events/ab").await;
    assert_eq!((status, &body["error"]), (StatusCode::CONFLICT, &"`ab` may mean 3 events".into()));
    assert_eq!(body["hint"], "give more of the id, or @<position>");
    let candidates: Vec<_> =
        body["candidates"].as_array().expect("candidates").iter().map(|one| one["id"].clone()).collect();
    assert_eq!(candidates, ["abc", "abcdef", "abcxyz"]);
    // The same id of another source: the whole id is ambiguous too.
    stage.publish(&elsewhere).await;
    let (status, body) = stage.get("/api/v1/events/%C3%A4%2F%C3%B6%20%C3%BC").await;
    assert_eq!(status, StatusCode::CONFLICT);
    let position = body["candidates"][1]["position"].as_u64().expect("a position");
    let (status, body) = stage.get(&format!("/api/v1/events/@{position}")).await;
    assert_eq!((status, &body["event"]["source"]), (StatusCode::OK, &"/elsewhere".into()));
}

#[tokio::test]
async fn a_story_is_json_or_text_with_its_dead_letters() {
    let stage = Stage::new().await;
    let root = event("root", "com.example.order.created");
    let effect = event("effect", "com.example.order.shipped").to_builder();
    let effect =
        effect.extension("correlationid", "root").extension("causationid", "root").build().expect("an event");
    stage.publish(&root).await;
    stage.publish(&event("stranger", "com.example.other")).await;
    stage.publish(&effect).await;
    stage.bury(&effect, "no space").await;
    let response = stage
        .send(request(Method::GET, "/api/v1/events/eff/story").body(Body::empty()).expect("a request"))
        .await;
    let story: Story = serde_json::from_str(&text(response).await).expect("a story");
    assert_eq!((story.correlationid.as_str(), story.focus.as_str(), story.events), ("root", "effect", 2));
    assert_eq!(story.roots[0].children[0].dead_letters[0].reasons, ["no space"]);
    let path = "/api/v1/events/root/story?ids=false&times=none&ascii=true";
    let request = request(Method::GET, path).header(header::ACCEPT, "text/plain").body(Body::empty());
    let response = stage.send(request.expect("a request")).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    insta::assert_snapshot!(text(response).await);
}

/// A bus that cannot be read.
struct Away;

#[async_trait]
impl Bus for Away {
    async fn publish(&self, _: &Envelope) -> Result<Published, PublishError> {
        Err(PublishError::Busy)
    }
    async fn redeliver(&self, _: &str, _: &Envelope, _: &str) -> Result<Published, PublishError> {
        Err(PublishError::Busy)
    }
    async fn consume(&self, _: ConsumerSpec) -> Result<Box<dyn Deliveries>, BusError> {
        Err(away())
    }
    async fn read(&self, _: Position, _: usize) -> Result<Vec<Recorded>, BusError> {
        Err(away())
    }
    async fn last(&self) -> Result<Position, BusError> {
        Err(away())
    }
    async fn changed(&self, _: Position) -> Result<(), BusError> {
        Err(away())
    }
    async fn check(&self) -> Result<(), BusError> {
        Err(away())
    }
}

fn away() -> BusError {
    BusError::new("read the log", anyhow::anyhow!("no answer from the server"))
}

#[tokio::test]
async fn a_bus_that_is_away_is_said_to_be_and_a_dead_letter_is_kept() {
    let stage = Stage::with(|_| Arc::new(Away)).await;
    let now = chassis::Clock::now(&chassis::SystemClock);
    let id = stage.bury_at(&event("one", "com.example.a"), "no space", now).await;
    for path in
        ["/api/v1/events", "/api/v1/events?order=oldest", "/api/v1/events/x", "/api/v1/events/@1/story"]
    {
        let response = stage.send(request(Method::GET, path).body(Body::empty()).expect("a request")).await;
        assert_eq!(
            (response.status(), &response.headers()[header::RETRY_AFTER]),
            (StatusCode::SERVICE_UNAVAILABLE, &"5".parse().expect("a value"))
        );
        let body: Value = serde_json::from_str(&text(response).await).expect("JSON");
        assert_eq!(
            body,
            json!({"error": "the log cannot be read: read the log: no answer from the server"}),
            "{path}"
        );
    }
    let mut tail = stage.tail("/api/v1/events/tail", "*/*").await;
    let last = tail.next().await.expect("a line");
    assert_eq!(last, r#"{"error":"read the log: no answer from the server"}"#);
    assert_eq!(tail.next().await, None);
    let (status, body) = stage.ask(Method::POST, &format!("/api/v1/dead/{id}/redrive")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(stage.get("/api/v1/dead").await.1["total"], 1);
}
