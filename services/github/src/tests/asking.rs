//! Questions and changes that go well.

use reqwest::Method;
use serde_json::json;
use wiremock::ResponseTemplate;

use super::{World, header, intended, secret};
use crate::{Error, Fresh};

#[tokio::test]
async fn a_question_has_the_headers_that_github_wants() {
    let world = World::with_token().await;
    world
        .answers(|_| ResponseTemplate::new(200).set_body_json(json!([{"id": 9_007_199_254_740_993_u64}])))
        .await;
    let answer =
        world.github.get("/repos/acme/shop/hooks?per_page=100", None).await.unwrap().into_new().unwrap();
    let hooks: serde_json::Value = answer.json().unwrap();
    assert_eq!(hooks[0]["id"], 9_007_199_254_740_993_u64, "an id above 2^53 keeps its digits");
    let [request] = &world.requests().await[..] else { panic!("one request") };
    assert_eq!(request.url.path(), "/api/v3/repos/acme/shop/hooks");
    assert_eq!(request.url.query(), Some("per_page=100"));
    assert_eq!(header(request, "authorization"), "Bearer ghp_secret");
    assert_eq!(header(request, "accept"), "application/vnd.github+json");
    assert_eq!(header(request, "x-github-api-version"), "2022-11-28");
    assert!(header(request, "user-agent").starts_with("signalbox/"));
}

#[tokio::test]
async fn a_token_is_read_for_each_request() {
    let world = World::with_token().await;
    world.answers(|_| ResponseTemplate::new(200)).await;
    world.github.get("/user", None).await.unwrap();
    let _rotated = secret(&world.folder, "token", "ghp_other");
    world.github.get("/user", None).await.unwrap();
    assert_eq!(header(&world.requests().await[1], "authorization"), "Bearer ghp_other");
}

#[tokio::test]
async fn pages_are_followed_by_their_links_within_the_api_alone() {
    let world = World::with_token().await;
    let root = world.server.uri();
    world
        .answers(move |request| {
            let link = match request.url.query() {
                None => format!("<{root}/api/v3/deliveries?cursor=v1_9007199254740993>; rel=\"next\""),
                Some("cursor=v1_9007199254740993") => {
                    "<https://evil.example/api/v3/x>; rel=\"next\"".to_owned()
                }
                Some(_) => String::new(),
            };
            ResponseTemplate::new(200).insert_header("link", link.as_str())
        })
        .await;
    let first = world.github.get("/deliveries", None).await.unwrap().into_new().unwrap();
    let second = world.github.get(&first.next.unwrap(), None).await.unwrap().into_new().unwrap();
    let error = world.github.get(&second.next.unwrap(), None).await.unwrap_err();
    assert!(matches!(error, Error::Elsewhere(_)), "{error}");
    assert_eq!(world.requests().await.len(), 2, "the token went nowhere else");
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let world = World::with_token().await;
    world
        .answers(|request| match header(request, "if-none-match") {
            "W/\"a1\"" => ResponseTemplate::new(304),
            _ => ResponseTemplate::new(200).insert_header("etag", "W/\"a1\""),
        })
        .await;
    let first = world.github.get("/x", None).await.unwrap().into_new().unwrap();
    assert_eq!(first.etag.as_deref(), Some("W/\"a1\""));
    assert!(matches!(world.github.get("/x", first.etag.as_deref()).await.unwrap(), Fresh::Known));
    assert!(matches!(world.github.get("/x", Some("W/\"b2\"")).await.unwrap(), Fresh::New(_)));
}

#[tokio::test]
async fn a_renamed_repository_is_found_and_a_redirect_elsewhere_is_not_followed() {
    let world = World::with_token().await;
    let root = world.server.uri();
    world
        .answers(move |request| match request.url.path() {
            "/api/v3/repos/acme/old" => ResponseTemplate::new(301)
                .insert_header("location", format!("{root}/api/v3/repositories/7").as_str()),
            "/api/v3/away" => {
                ResponseTemplate::new(302).insert_header("location", "https://evil.example/api/v3/x")
            }
            "/api/v3/round" => ResponseTemplate::new(307).insert_header("location", "/api/v3/round"),
            _ => ResponseTemplate::new(200).set_body_json(json!({"id": 7})),
        })
        .await;
    assert!(world.github.get("/repos/acme/old", None).await.is_ok());
    assert!(matches!(world.github.get("/away", None).await, Err(Error::Elsewhere(_))));
    let error = world.github.get("/round", None).await.unwrap_err().to_string();
    assert!(error.contains("without end"), "{error}");
}

#[tokio::test]
async fn a_change_is_sent_once_and_its_redirect_is_an_error() {
    let world = World::with_token().await;
    world
        .answers(|request| match request.url.path() {
            "/api/v3/moved" => ResponseTemplate::new(307).insert_header("location", "/api/v3/there"),
            _ => ResponseTemplate::new(202),
        })
        .await;
    let (body, intended) = (json!({"state": "success"}), intended());
    let answer = world.github.send(Method::POST, "/statuses/1", Some(&body), &intended).await.unwrap();
    assert_eq!(answer.status, 202);
    let error = world.github.send(Method::PATCH, "/moved", None, &intended).await.unwrap_err();
    assert!(matches!(error, Error::Refused { status: 307, .. }), "{error}");
    let requests = world.requests().await;
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].body_json::<serde_json::Value>().unwrap(), body);
    assert_eq!(requests[1].method.as_str(), "PATCH");
}
