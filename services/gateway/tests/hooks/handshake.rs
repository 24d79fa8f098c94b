//! The webhook specification of CloudEvents: permission to send, how often, and no longer.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::bus_trouble::{self, Trouble};
use crate::world::{
    ALERTMANAGER, Answer, EVENTS, GITHUB, NARROW, ORDER, RETIRED, World, structured, with_header,
};

const ORIGIN: &str = "WebHook-Request-Origin";
const RATE: &str = "WebHook-Request-Rate";

fn options(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let request = Request::builder().method(Method::OPTIONS).uri(path);
    headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value))
        .body(Body::empty())
        .unwrap()
}

#[track_caller]
fn assert_no_permission(answer: &Answer) {
    for header in ["webhook-allowed-origin", "webhook-allowed-rate"] {
        assert!(!answer.headers.contains_key(header), "{answer:?}");
    }
}

#[tokio::test]
async fn an_origin_on_the_list_gets_permission_and_the_rate_of_the_source() {
    let world = World::new().await;
    for origin in ["events.example.com", "a.b.example.org", "Events.Example.Com"] {
        for rate in [None, Some("1"), Some("100000")] {
            let headers = [(ORIGIN, origin), (RATE, rate.unwrap_or_default())];
            let answer = world.send(options(NARROW, &headers[..=usize::from(rate.is_some())])).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let header = |name: &str| answer.headers[name].to_str().unwrap();
            assert_eq!(header("webhook-allowed-origin"), origin);
            assert_eq!(header("webhook-allowed-rate"), "2");
            assert_eq!(header("allow"), "POST");
            assert_eq!(answer.json, json!({"origin": origin, "rate": 2}));
        }
    }
    assert!(
        world.counts(r#"signalbox_gateway_requests_total{answer="permitted",source_kind="cloudevents"} 9"#)
    );
}

#[tokio::test]
async fn any_other_origin_gets_none_whatever_it_says() {
    let world = World::new().await;
    let call_back = ("WebHook-Request-Callback", "http://169.254.169.254/confirm?key=x");
    for origin in ["evil.example", "events.example.com.evil.example", "example.org"] {
        for headers in [vec![(ORIGIN, origin)], vec![(ORIGIN, origin), call_back, (RATE, "1")]] {
            let answer = world.send(options(NARROW, &headers)).await;
            answer.assert_refused(403, origin);
            assert_no_permission(&answer);
        }
    }
}

#[tokio::test]
async fn a_handshake_that_is_malformed_gets_no_permission() {
    let world = World::new().await;
    let good = (ORIGIN, "events.example.com");
    for (headers, about) in [
        (vec![], "WebHook-Request-Origin is missing"),
        (vec![good, good], "WebHook-Request-Origin is there more than once"),
        (vec![(ORIGIN, "")], "WebHook-Request-Origin is empty"),
        (vec![(ORIGIN, "*")], "WebHook-Request-Origin has a character"),
        (vec![(ORIGIN, "https://events.example.com")], "WebHook-Request-Origin has a character"),
        (vec![good, (RATE, "0")], "WebHook-Request-Rate is not a number greater than zero"),
        (vec![good, (RATE, "-1")], "WebHook-Request-Rate has a character"),
        (vec![good, (RATE, "many")], "WebHook-Request-Rate has a character"),
    ] {
        let answer = world.send(options(NARROW, &headers)).await;
        answer.assert_refused(400, about);
        assert_no_permission(&answer);
    }
}

#[tokio::test]
async fn a_source_that_lists_no_origin_knows_no_handshake() {
    let world = World::new().await;
    for path in [EVENTS, GITHUB, ALERTMANAGER] {
        let answer = world.send(options(path, &[(ORIGIN, "events.example.com")])).await;
        answer.assert_refused(405, "POST alone");
        assert_eq!(answer.headers["allow"], "POST");
        assert_no_permission(&answer);
    }
}

#[tokio::test]
async fn a_delivery_that_names_another_origin_is_refused() {
    let world = World::new().await;
    let from = |origin| with_header(structured(NARROW, ORDER), ORIGIN, Some(origin));
    assert_eq!(world.send(from("Events.example.com")).await.status, 202);
    world.send(from("evil.example")).await.assert_refused(403, "the origin evil.example");
    // Where there is no list, the name says nothing.
    assert_eq!(
        world.send(with_header(structured(EVENTS, ORDER), ORIGIN, Some("evil.example"))).await.status,
        202
    );
}

#[tokio::test]
async fn a_retired_source_tells_its_senders_to_stop() {
    let world = World::new().await;
    for method in [Method::POST, Method::OPTIONS, Method::GET] {
        let request = Request::builder().method(method).uri(RETIRED).body(Body::empty()).unwrap();
        let answer = world.send(request).await;
        answer.assert_refused(410, "retired");
        assert_no_permission(&answer);
    }
    assert!(world.counts(r#"signalbox_gateway_requests_total{answer="retired",source_kind="github"} 3"#));
}

#[tokio::test]
async fn a_caller_that_sends_too_often_is_told_when_to_come_again_and_others_are_not_held_up() {
    let world = World::new().await;
    let from = |origin: Option<&str>| with_header(structured(NARROW, ORDER), ORIGIN, origin);
    for _ in 0..2 {
        assert_eq!(world.send(from(None)).await.status, 202);
    }
    let answer = world.send(from(None)).await;
    answer.assert_refused(429, "more often than it may");
    let again: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&again), "{again}");
    assert!(
        world.counts(r#"signalbox_gateway_requests_total{answer="too_often",source_kind="cloudevents"} 1"#)
    );
    assert_eq!(world.send(from(Some("events.example.com"))).await.status, 202, "another caller");
    assert_eq!(world.send(structured(EVENTS, ORDER)).await.status, 202, "another source");
    // Only now: time that stands still would run ahead while the disk is waited for.
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(again)).await;
    tokio::time::resume();
    assert_eq!(world.send(from(None)).await.status, 202);
}

#[tokio::test]
async fn a_stranger_does_not_use_up_the_rate_of_a_caller() {
    let world = World::new().await;
    for _ in 0..5 {
        let stranger = with_header(structured(NARROW, ORDER), "Authorization", Some("Bearer wrong"));
        world.send(stranger).await.assert_refused(401, "none of the tokens");
    }
    assert_eq!(world.send(structured(NARROW, ORDER)).await.status, 202);
}

#[tokio::test]
async fn our_own_trouble_is_never_a_429_and_does_not_count() {
    let world = bus_trouble::world(Trouble::Unavailable).await;
    for _ in 0..5 {
        world.send(structured(NARROW, ORDER)).await.assert_come_again("could not be stored");
    }
}
