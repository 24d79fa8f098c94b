//! The API on an embedded bus, without a socket.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, Response, StatusCode, header};
use chassis::dead::DeadLetters;
use chassis::{BusUrl, Clock, Engine, ManualClock, Metrics, Position, Shutdown};
use events::Envelope;
use futures::StreamExt as _;
use resources::Secret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::{Auth, Console};
use crate::Story;
use crate::api::{DeadPage, Entry, EventPage};

const TOKEN: &str = "t0ken";

struct Stage {
    _folder: TempDir,
    engine: Engine,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
    router: Router,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.expect("the bus opens");
        let (metrics, shutdown) = (Metrics::new(), Shutdown::new());
        let clock: Arc<dyn Clock> = Arc::new(chassis::SystemClock);
        let console = Console::new(
            engine.bus.clone(),
            engine.store.clone(),
            clock,
            &metrics,
            Auth::fixed(Secret::new(TOKEN)),
        );
        let router = Arc::new(console.until(shutdown.clone())).router();
        Self { _folder: folder, engine, metrics, shutdown, router }
    }

    async fn publish(&self, event: &Envelope) {
        self.engine.bus.publish(event).await.expect("published");
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("a router never fails")
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path).await
    }

    async fn ask(&self, method: Method, path: &str) -> (StatusCode, Value) {
        let response = self.send(request(method, path).body(Body::empty()).expect("a request")).await;
        let status = response.status();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json", "{path}");
        (status, serde_json::from_str(&text(response).await).expect("every answer is JSON"))
    }

    async fn bury(&self, event: &Envelope, reason: &str) -> String {
        let dead = DeadLetters::new(self.engine.store.clone());
        let clock = ManualClock::at("2026-09-01T10:00:00Z".parse().expect("a time"));
        let reasons = vec![reason.to_owned()];
        let letter = dead.bury("deployer", Ok(event), Position(1), reasons, 3, clock.now()).await;
        letter.expect("it is kept").id
    }

    async fn tail(&self, path: &str, accept: &str) -> Lines {
        let request = request(Method::GET, path).header(header::ACCEPT, accept).body(Body::empty());
        let response = self.send(request.expect("a request")).await;
        assert_eq!(response.status(), StatusCode::OK);
        Lines { stream: response.into_body().into_data_stream(), rest: String::new() }
    }
}

/// The lines of a stream.
struct Lines {
    stream: BodyDataStream,
    rest: String,
}

impl Lines {
    /// The next line; `None` when the stream has ended.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.rest.split_once('\n') {
                let line = line.to_owned();
                self.rest = rest.to_owned();
                return Some(line);
            }
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.stream.next()).await;
            let chunk =
                chunk.expect("the stream goes on within ten seconds")?.expect("it does not break off");
            self.rest.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    async fn id(&mut self) -> String {
        let line = self.next().await.expect("there is one more");
        let entry: Entry = serde_json::from_str(&line).expect("an entry");
        entry.envelope().expect("an event").expect("it can be read").id().to_owned()
    }
}

fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 64 << 20).await.expect("the body is in memory");
    String::from_utf8(bytes.to_vec()).expect("all answers are text")
}

fn event(id: &str, ty: &str) -> Envelope {
    Envelope::builder(id, "/test", ty).json(&json!({"id": id})).build().expect("the event is valid")
}

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
        (Method::GET, "/api/v1", StatusCode::NOT_FOUND),
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
            "there are type, source, correlation, since, until, limit, after, newest",
        ),
        ("/api/v1/events?type=a&type=b", "the parameter `type` is given twice", "give it once"),
        ("/api/v1/events?newest=yes", "the parameter `newest` is `yes`", "it should be `true` or `false`"),
        (
            "/api/v1/events?newest=true&after=1",
            "the parameters `newest` and `after` exclude each other",
            "leave one of them away",
        ),
        (
            "/api/v1/events/tail?limit=5",
            "there is no parameter `limit` here",
            "there are type, source, correlation, since, until, after",
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
    let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let (status, page) = stage.get(&format!("/api/v1/events?limit=4&type=*.even&after={after}")).await;
        assert_eq!(status, StatusCode::OK);
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        pages += 1;
        match page["next"].as_u64() {
            Some(next) => after = next.to_string(),
            None => break,
        }
    }
    let all: Vec<_> = (0..25).filter(|n| n % 2 == 0).map(|n| format!("e{n}")).collect();
    assert_eq!((seen, pages), (all, 4));
    let (_, newest) = stage.get("/api/v1/events?newest=true&limit=3").await;
    assert_eq!((ids(&newest), &newest["next"]), (vec!["e22", "e23", "e24"], &Value::Null));
    let (_, future) = stage.get("/api/v1/events?since=2999-01-01T00:00:00Z").await;
    assert_eq!(ids(&future), Vec::<&str>::new());
    let (_, recent) =
        stage.get("/api/v1/events?since=1h&until=2999-01-01T00:00:00Z&source=/test&correlation=e7").await;
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
    let mut lines = Lines { stream: response.into_body().into_data_stream(), rest: String::new() };
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
    for _ in 0..super::TAILS {
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
    let spec = chassis::ConsumerSpec {
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
        .bury("deployer", Err(&message), Position(1), vec!["no ce-id".to_owned()], 1, now)
        .await
        .expect("kept");
    let (status, body) = stage.ask(Method::POST, &format!("/api/v1/dead/{}/redrive", letter.id)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    assert_eq!(stage.get("/api/v1/dead").await.1["total"], 1, "it is still there");
}
