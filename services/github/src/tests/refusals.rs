//! What goes wrong: each error says what, and what would be right.

use chassis::failure::Decision;
use reqwest::Method;
use resources::SecretRef;
use serde_json::json;
use wiremock::ResponseTemplate;

use super::{World, at, intended, secret};
use crate::{Again, Auth, Error, Github, Limit};

async fn refused(world: &World, answer: ResponseTemplate) -> Error {
    world.answers(move |_| answer.clone()).await;
    world.github.get("/repos/acme/shop/hooks/1/deliveries", None).await.expect_err("it is refused")
}

#[tokio::test]
async fn each_refusal_says_what_would_be_right() {
    for (status, headers, body, wanted) in [
        (
            401,
            &[][..],
            json!({"message": "Bad credentials"}),
            "GitHub does not take the token (401): Bad credentials; is it expired, revoked, or cut off?",
        ),
        (
            403,
            &[("x-accepted-github-permissions", "repository_hooks=read,metadata=read; administration=read")],
            json!({"message": "Resource not accessible by personal access token"}),
            "GitHub forbids GET /repos/acme/shop/hooks/1/deliveries (403): Resource not accessible by personal access token; it needs the permission repository_hooks=read and metadata=read, or administration=read",
        ),
        (
            404,
            &[("x-accepted-oauth-scopes", "admin:repo_hook, read:repo_hook, repo")],
            json!({"message": "Not Found"}),
            "GitHub has nothing at GET /repos/acme/shop/hooks/1/deliveries (404): Not Found: it is gone, or the token may not see it; it needs one of the scopes admin:repo_hook, read:repo_hook, repo of a classic token",
        ),
        (
            422,
            &[],
            json!({"message": "Validation Failed", "errors": [{"resource": "Hook", "field": "url", "code": "missing_field"}, "twice", {"message": "no"}]}),
            "GitHub refuses GET /repos/acme/shop/hooks/1/deliveries (422): Validation Failed (url: missing_field; twice; no)",
        ),
        (502, &[], json!("<html>"), "GitHub is unwell (502)"),
    ] {
        let world = World::with_token().await;
        let answer = headers
            .iter()
            .fold(ResponseTemplate::new(status), |answer, (name, value)| answer.insert_header(*name, *value));
        let error = refused(&world, answer.set_body_json(body)).await;
        assert_eq!(error.to_string(), wanted);
        let again = if status == 502 { Again::Soon } else { Again::Never };
        assert_eq!(error.again(), again, "{error}");
        assert_eq!(error.did_nothing(), status < 500, "{error}");
    }
}

#[tokio::test]
async fn a_limit_is_kept_to_by_all_who_share_the_client() {
    let world = World::with_token().await;
    // 10:20:00
    let answer = ResponseTemplate::new(403)
        .insert_header("x-ratelimit-remaining", "0")
        .insert_header("x-ratelimit-reset", "1795515600")
        .insert_header("date", "Tue, 24 Nov 2026 10:00:00 GMT")
        .set_body_json(json!({"message": "API rate limit exceeded for installation ID 5."}));
    let error = refused(&world, answer).await;
    let until = at("2026-11-24T10:20:01Z");
    assert!(
        matches!(&error, Error::RateLimited { limit: Limit::Primary, until: at, .. } if *at == until),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "GitHub's rate limit is reached; it may be asked again at 2026-11-24T10:20:01Z: API rate limit exceeded for \
         installation ID 5."
    );
    world.answers(|_| ResponseTemplate::new(200)).await;
    world.later(1200);
    let intended = intended();
    for early in [
        world.github.get("/x", None).await.map(drop),
        world.github.send(Method::POST, "/x", None, &intended).await.map(drop),
    ] {
        let error = early.expect_err("it is a second too early");
        assert_eq!(error.again(), Again::At(until));
        assert!(error.did_nothing());
    }
    assert!(world.requests().await.is_empty());
    world.later(1);
    world.github.get("/x", None).await.expect("the time is over");
}

#[tokio::test]
async fn a_secondary_limit_names_its_time_or_is_a_minute() {
    let world = World::with_token().await;
    let said =
        json!({"message": "You have exceeded a secondary rate limit and have been temporarily blocked."});
    let answer = ResponseTemplate::new(429).insert_header("retry-after", "7").set_body_json(said.clone());
    let failure = refused(&world, answer).await.failure(at(super::NOW));
    assert_eq!(failure.decision, Decision::Retry(Some(std::time::Duration::from_secs(7))));
    assert!(failure.effect_absent);
    world.later(7);
    let error = refused(&world, ResponseTemplate::new(403).set_body_json(said)).await;
    assert_eq!(error.again(), Again::At(at("2026-11-24T10:01:07Z")));
}

#[tokio::test]
async fn a_server_that_is_away_is_no_connection() {
    let world = World::with_token().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let auth = Auth::Token(secret(&world.folder, "token", "ghp_secret"));
    let github = Github::new(nobody.parse().unwrap(), auth, world.clock.clone()).unwrap();
    let error = github.get("/x", None).await.expect_err("nobody answers");
    assert!(matches!(error, Error::NoConnection(_)), "{error}");
    assert!(error.did_nothing());
    assert_eq!(error.again(), Again::Soon);
}

#[tokio::test]
async fn secrets_that_cannot_be_used_are_named_and_never_shown() {
    let world = World::of(|_| Auth::Token(SecretRef::File("nowhere/token".into()))).await;
    let error = world.github.get("/x", None).await.unwrap_err();
    assert_eq!(error.again(), Again::Soon);
    assert!(matches!(error, Error::Secret(_)), "{error}");

    let world = World::of(|folder| Auth::Token(secret(folder, "token", "ghp_one\nghp_two"))).await;
    let error = world.github.get("/x", None).await.unwrap_err();
    assert!(error.to_string().contains("is there a line break in it?"), "{error}");
    let shown = format!("{error:?} {:?}", world.github);
    assert!(!shown.contains("ghp_"), "{shown}");
}

#[tokio::test]
async fn an_answer_that_is_no_json_or_too_large_is_an_error() {
    let world = World::with_token().await;
    world.answers(|_| ResponseTemplate::new(200).set_body_string("<html>")).await;
    let answer = world.github.get("/x", None).await.unwrap().into_new().unwrap();
    assert!(matches!(answer.json::<serde_json::Value>(), Err(Error::Unreadable(_))));
    world.answers(|_| ResponseTemplate::new(200).set_body_bytes(vec![b' '; crate::http::LARGEST + 1])).await;
    assert!(matches!(world.github.get("/x", None).await, Err(Error::TooLarge { .. })));
}
