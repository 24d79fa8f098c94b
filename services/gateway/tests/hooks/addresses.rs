//! What is not at the public address.

use axum::body::Body;
use axum::http::{Method, Request};

use crate::world::{ALERTMANAGER, GITHUB, World, delivery};

#[tokio::test]
async fn an_unknown_source_is_not_found() {
    let world = World::new().await;
    let mut request = delivery("d-1", "{}");
    for path in ["/hooks/gitlab", "/hooks/GitHub", "/hooks/github%20", "/hooks/%ff", "/hooks/github/"] {
        *request.uri_mut() = path.parse().unwrap();
        let post = Request::post(path).body(Body::empty()).unwrap();
        let answer = world.send(post).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.json["hint"].is_string(), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn there_is_nothing_else_at_the_public_address() {
    let world = World::new().await;
    for path in [
        "/",
        "/hooks",
        "/hooks/",
        "/hooks/github/more",
        "/metrics",
        "/healthz",
        "/api/v1/events",
        "//hooks/github",
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            world.send(request).await.assert_refused(404, "nothing at this address");
        }
    }
    assert!(
        world.counts(r#"signalbox_gateway_requests_total{answer="no_such_address",source_kind="none"} 24"#)
    );
}

#[tokio::test]
async fn other_methods_are_not_allowed_and_are_told_which_is() {
    let world = World::new().await;
    for path in [GITHUB, ALERTMANAGER] {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let answer = world.send(request).await;
            answer.assert_refused(405, "POST alone");
            assert_eq!(answer.headers["allow"], "POST");
        }
    }
}

#[tokio::test]
async fn names_that_strangers_make_up_do_not_become_labels() {
    let world = World::new().await;
    for name in ["a", "b", "c"] {
        world.send(Request::post(format!("/hooks/{name}")).body(Body::empty()).unwrap()).await;
    }
    let metrics = world.metrics();
    let lines = metrics.lines().filter(|line| line.starts_with("signalbox_gateway_requests_total{"));
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [r#"signalbox_gateway_requests_total{answer="no_such_source",source_kind="none"} 3"#]
    );
}
