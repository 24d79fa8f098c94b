//! What becomes of a delivery of GitHub.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::world::{
    GITHUB, OLD_SECRET, PUSH, SECRET, World, delivery, delivery_signed_with, sign, with_header,
};

#[tokio::test]
async fn a_signed_delivery_is_accepted_and_kept_byte_for_byte() {
    let world = World::new().await;
    let answer = world.send(delivery("d-1", PUSH)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(answer.json, json!({"id": "d-1", "type": "com.github.push", "duplicate": false}));
    let stored = world.stored().await;
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].id(), stored[0].ty()), ("d-1", "com.github.push"));
    assert_eq!(stored[0].source(), "https://github.com/acme/shop");
    assert_eq!(stored[0].body(), PUSH.as_bytes());
    assert!(world.counts(r#"signalbox_gateway_requests_total{answer="accepted",source_kind="github"} 1"#));
    assert!(world.counts(r#"signalbox_published_total{result="stored"} 1"#), "{}", world.metrics());
}

#[tokio::test]
async fn a_delivery_that_is_sent_twice_is_stored_once_and_answered_202_twice() {
    let world = World::new().await;
    world.send(delivery("d-1", PUSH)).await;
    let again = world.send(delivery("d-1", PUSH)).await;
    assert_eq!(again.status, 202);
    assert_eq!(again.json, json!({"id": "d-1", "type": "com.github.push", "duplicate": true}));
    assert_eq!(world.stored().await.len(), 1);
    assert!(world.counts(r#"signalbox_gateway_requests_total{answer="duplicate",source_kind="github"} 1"#));
}

#[tokio::test]
async fn of_many_deliveries_at_the_same_moment_one_is_new() {
    let world = World::new().await;
    let answers = futures::future::join_all((0..20).map(|_| world.send(delivery("d-1", PUSH)))).await;
    assert!(answers.iter().all(|answer| answer.status == 202), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.json["duplicate"] == false).count(), 1);
    assert_eq!(world.stored().await.len(), 1);
}

#[tokio::test]
async fn two_deliveries_of_the_same_body_are_two_events() {
    let world = World::new().await;
    for id in ["d-1", "d-2"] {
        assert_eq!(world.send(delivery(id, PUSH)).await.json["duplicate"], false);
    }
    assert_eq!(world.stored().await.len(), 2);
}

#[tokio::test]
async fn a_ping_is_an_event_like_any_other() {
    let world = World::new().await;
    let body = r#"{"zen":"Design for failure.","hook_id":1,"repository":{"full_name":"acme/shop","url":"https://api.github.com/repos/acme/shop"}}"#;
    let answer = world.send(with_header(delivery("d-1", body), "X-GitHub-Event", Some("ping"))).await;
    assert_eq!((answer.status.as_u16(), &answer.json["type"]), (202, &json!("com.github.ping")));
}

#[tokio::test]
async fn an_event_that_nobody_here_knows_is_accepted() {
    let world = World::new().await;
    let body = r#"{"action":"invented","repository":{"full_name":"acme/shop","url":"https://github.com/acme/shop"}}"#;
    let answer = world.send(with_header(delivery("d-1", body), "X-GitHub-Event", Some("a_new_event"))).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json["type"]),
        (202, &json!("com.github.a_new_event.invented"))
    );
    assert_eq!(world.stored().await.len(), 1);
}

#[tokio::test]
async fn either_live_secret_signs() {
    let world = World::new().await;
    for (id, secret) in [("d-1", SECRET), ("d-2", OLD_SECRET)] {
        assert_eq!(world.send(delivery_signed_with(secret, id, PUSH)).await.status, 202, "{secret}");
    }
}

#[tokio::test]
async fn a_rotated_secret_counts_from_the_next_request_on() {
    let world = World::new().await;
    let newest = || delivery_signed_with("the newest secret", "d-1", PUSH);
    world.send(newest()).await.assert_refused(401, "fits none of the secrets");
    world.rotate("new", "the newest secret\n");
    assert_eq!(world.send(newest()).await.status, 202);
    world
        .send(delivery_signed_with(SECRET, "d-2", PUSH))
        .await
        .assert_refused(401, "fits none of the secrets");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_our_own_trouble() {
    let world = World::new().await;
    world.lose("new");
    let answer = world.send(delivery("d-1", PUSH)).await;
    answer.assert_come_again("cannot be read");
    let folder = world.folder.path().to_str().unwrap();
    assert!(
        !answer.json.to_string().contains(folder),
        "the sender should not learn where secrets are: {answer:?}"
    );
    assert!(world.counts(r#"signalbox_gateway_unreadable_secrets_total{source_kind="github"} 1"#));
    let old = world.send(delivery_signed_with(OLD_SECRET, "d-1", PUSH)).await;
    assert_eq!(old.status, 202, "the other secret still counts");
    assert_eq!(world.stored().await.len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_delivery_is_said_and_nothing_is_stored() {
    let world = World::new().await;
    let push = || delivery("d-1", PUSH);
    let signature = |value: &str| with_header(push(), "X-Hub-Signature-256", Some(value));
    let digits = &sign(SECRET, PUSH.as_bytes())["sha256=".len()..];
    let foreign = PUSH.replace("acme/shop", "umbrella/shop");
    let half = PUSH.len() / 2;
    let position = format!("line 1, column {half}");
    #[rustfmt::skip]
    let cases = [
        (with_header(push(), "X-Hub-Signature-256", None), 401, "X-Hub-Signature-256 is missing"),
        (signature(&sign("a wrong secret", PUSH.as_bytes())), 401, "fits none of the secrets"),
        (signature(&sign(SECRET, b"another body")), 401, "fits none of the secrets"),
        (signature(""), 401, "not `sha256=` and 64"),
        (signature(digits), 401, "not `sha256=` and 64"),
        (signature(&format!("sha1={digits}")), 401, "not `sha256=` and 64"),
        (signature(&format!("sha512={digits}")), 401, "not `sha256=` and 64"),
        (signature(&format!("sha256={}", &digits[1..])), 401, "not `sha256=` and 64"),
        (signature(&format!("sha256={digits}ab")), 401, "not `sha256=` and 64"),
        (signature(&format!("sha256=zz{}", &digits[2..])), 401, "not `sha256=` and 64"),
        (with_header(push(), "X-GitHub-Event", None), 400, "X-GitHub-Event is missing"),
        (with_header(push(), "X-GitHub-Event", Some("")), 400, "X-GitHub-Event is empty"),
        (with_header(push(), "X-GitHub-Event", Some("push; drop")), 400, "X-GitHub-Event has a character"),
        (with_header(push(), "X-GitHub-Event", Some(&"a".repeat(65))), 400, "X-GitHub-Event is too long"),
        (with_header(push(), "X-GitHub-Delivery", None), 400, "X-GitHub-Delivery is missing"),
        (with_header(push(), "X-GitHub-Delivery", Some("a b")), 400, "X-GitHub-Delivery has a character"),
        (with_header(push(), "X-GitHub-Delivery", Some(&"a".repeat(129))), 400, "X-GitHub-Delivery is too long"),
        (delivery("d-1", &PUSH[..half]), 400, &position),
        (delivery("d-1", ""), 400, "line 1, column 0"),
        (delivery("d-1", "[]"), 400, "expected a JSON object"),
        (delivery("d-1", "payload=%7B%7D"), 400, "line 1, column 1"),
        (delivery("d-1", &b"{\"ref\":\"\xff\"}"[..]), 400, "line 1, column"),
        (delivery("d-1", foreign), 403, "the repository umbrella/shop"),
        (delivery("d-1", r#"{"organization":{"login":"umbrella"}}"#), 403, "the organisation umbrella"),
        (delivery("d-1", "{}"), 403, "neither a repository nor an organisation"),
        (with_header(push(), "Content-Type", None), 415, "Content-Type is missing"),
        (with_header(push(), "Content-Type", Some("text/plain")), 415, "not application/json"),
        (with_header(push(), "Content-Type", Some("application/x-www-form-urlencoded")), 415, "HTML form"),
        (with_header(push(), "Content-Encoding", Some("gzip")), 415, "compressed"),
        (with_header(push(), "Content-Length", Some("many")), 400, "Content-Length is not a number"),
    ];
    for (request, status, about) in cases {
        world.send(request).await.assert_refused(status, about);
    }
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn a_form_is_answered_with_the_setting_to_change() {
    let world = World::new().await;
    let form = with_header(delivery("d-1", PUSH), "Content-Type", Some("application/x-www-form-urlencoded"));
    let answer = world.send(form).await;
    let hint = answer.json["hint"].as_str().unwrap();
    assert!(hint.contains("choose the content type application/json"), "{hint}");
}

#[tokio::test]
async fn the_signature_is_checked_before_anything_is_parsed() {
    let world = World::new().await;
    let forged = || delivery_signed_with("a wrong secret", "d-1", "{ this is no JSON");
    world.send(forged()).await.assert_refused(401, "fits none");
    world.send(with_header(forged(), "X-GitHub-Event", None)).await.assert_refused(401, "fits none");
}

#[tokio::test]
async fn two_signatures_are_no_signature() {
    let world = World::new().await;
    let mut request = delivery("d-1", PUSH);
    let other = sign("a wrong secret", PUSH.as_bytes()).parse().unwrap();
    request.headers_mut().append("X-Hub-Signature-256", other);
    world.send(request).await.assert_refused(401, "not `sha256=` and 64");
}

#[tokio::test]
async fn a_401_says_how_to_prove_oneself_and_no_secret() {
    let world = World::new().await;
    let answer = world.send(delivery_signed_with("a wrong secret", "d-1", PUSH)).await;
    assert_eq!(answer.headers["www-authenticate"], "X-Hub-Signature-256");
    let right = sign(SECRET, PUSH.as_bytes());
    for secret in [SECRET, OLD_SECRET, &right["sha256=".len()..]] {
        assert!(!answer.json.to_string().contains(secret), "{answer:?}");
    }
}

#[tokio::test]
async fn an_event_of_a_whole_organisation_is_taken_from_its_organisation() {
    let world = World::new().await;
    let body = r#"{"action":"member_added","organization":{"login":"ACME","url":"https://api.github.com/orgs/acme"}}"#;
    let answer = world.send(with_header(delivery("d-1", body), "X-GitHub-Event", Some("organization"))).await;
    assert_eq!(answer.json["type"], "com.github.organization.member_added", "{answer:?}");
}

#[tokio::test]
async fn repositories_are_compared_without_case() {
    let world = World::new().await;
    assert_eq!(world.send(delivery("d-1", PUSH.replace("acme/shop", "Acme/Shop"))).await.status, 202);
}

#[tokio::test]
async fn a_body_larger_than_a_message_of_the_bus_arrives_whole() {
    let world = World::new().await;
    let padding = "x".repeat(5 << 20);
    let body = PUSH.replace("{\"ref\"", &format!("{{\"padding\":\"{padding}\",\"ref\""));
    assert_eq!(world.send(delivery("d-1", body.clone())).await.status, 202);
    let stored = world.stored().await;
    assert!(stored[0].body() == body.as_bytes(), "the body should come back whole");
    assert!(world.counts("signalbox_gateway_bodies_held_bytes 0"), "{}", world.metrics());
}

#[tokio::test]
async fn a_body_without_content_length_is_taken_too() {
    let world = World::new().await;
    let signature = sign(SECRET, PUSH.as_bytes());
    let chunks = PUSH.as_bytes().chunks(7).map(Ok::<_, std::convert::Infallible>);
    let request = Request::post(GITHUB)
        .header("Content-Type", "application/json; charset=utf-8")
        .header("X-GitHub-Event", "push")
        .header("X-GitHub-Delivery", "d-1")
        .header("X-Hub-Signature-256", signature)
        .body(Body::from_stream(futures::stream::iter(chunks)))
        .unwrap();
    assert_eq!(world.send(request).await.status, 202);
    assert_eq!(world.stored().await[0].body(), PUSH.as_bytes());
}

#[tokio::test]
async fn a_push_that_two_webhooks_tell_is_stored_once_and_one_that_is_made_again_is_another() {
    let world = World::new().await;
    let push = |at: i64, more: &str| {
        format!(
            r#"{{"ref":"refs/heads/main","before":"a1","after":"b2","repository":{{"id":7,"full_name":"acme/shop","url":"https://github.com/acme/shop","pushed_at":{at}}}{more}}}"#
        )
    };
    let app = r#","installation":{"id":12},"organization":{"login":"acme"}"#;
    let send = async |id: &str, hook: Option<&'static str>, target: &'static str, body: String| {
        let request = with_header(delivery(id, body), "X-GitHub-Hook-ID", hook);
        let request = with_header(request, "X-GitHub-Hook-Installation-Target-Type", Some(target));
        let answer = world.send(request).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json["duplicate"] == true
    };
    assert!(!send("d-1", Some("101"), "repository", push(1, "")).await);
    assert!(send("d-2", Some("202"), "integration", push(1, app)).await, "the App's");
    assert!(send("d-1", Some("101"), "repository", push(1, "")).await, "by hand again");
    assert!(!send("d-3", Some("101"), "repository", push(2, "")).await, "forced to and fro");
    assert!(send("d-4", Some("202"), "integration", push(2, app)).await);
    assert!(!send("d-5", None, "repository", push(2, "")).await, "not from a webhook");
    let stored = world.stored().await;
    let deliveries: Vec<_> =
        stored.iter().map(|event| event.extension("githubdelivery").map(|id| id.to_string())).collect();
    assert_eq!(deliveries, [Some("d-1".to_owned()), Some("d-3".to_owned()), None]);
    assert_eq!(stored[2].id(), "d-5");
}
