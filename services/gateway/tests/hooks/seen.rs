//! What is known of each Source, and how often it may be sent to.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use chassis::{Bus, BusUrl, Engine, ManualClock, Metrics};
use gateway::{Gateway, Limits};
use resources::{Catalog, Current};
use tower::ServiceExt as _;

use crate::world::{NOW, PUSH, SECRET, TOKEN, World, delivery, notification, with_header};

const ACCEPTED: &str = "signalbox_gateway_source_last_accepted_timestamp_seconds";
const REFUSED: &str = "signalbox_gateway_source_last_refused_timestamp_seconds";

fn source(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
    )
}

fn builds(id: u32) -> Request<Body> {
    Request::post("/hooks/builds")
        .header("Content-Type", "application/json")
        .header("Authorization", format!("Bearer {SECRET}"))
        .body(Body::from(format!(r#"{{"id":{id}}}"#)))
        .unwrap()
}

#[tokio::test]
async fn each_source_says_when_it_was_last_accepted_and_why_it_was_last_refused() {
    let world = World::new().await;
    assert!(!world.metrics().contains(ACCEPTED), "nothing came yet");
    world.send(delivery("d-1", PUSH)).await;
    world.send(with_header(delivery("d-2", PUSH), "X-Hub-Signature-256", None)).await.assert_refused(401, "");
    world.send(notification("[]")).await.assert_refused(400, "");
    world.send(Request::post("/hooks/nobody").body(Body::empty()).unwrap()).await.assert_refused(404, "");
    let at = NOW.timestamp();
    for line in [
        format!(r#"{ACCEPTED}{{source="github",source_kind="github"}} {at}"#),
        format!(r#"{REFUSED}{{answer="unproven",source="github",source_kind="github"}} {at}"#),
        format!(r#"{REFUSED}{{answer="bad_body",source="alertmanager",source_kind="alertmanager"}} {at}"#),
    ] {
        assert!(world.counts(&line), "{line} should be in {}", world.metrics());
    }
    assert!(!world.metrics().contains("nobody"), "a stranger makes no label");
}

#[tokio::test]
async fn a_source_that_is_gone_is_forgotten_and_one_that_takes_its_name_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.unwrap();
    std::fs::write(folder.path().join("token"), TOKEN).unwrap();
    let secret = format!("{{file: {}}}", folder.path().join("token").display());
    let declared = |spec: &str| resources::load_text("test.yaml", &source("a", spec)).unwrap().catalog;
    let generic = declared(&format!("generic: {{tokens: [{secret}], type: '\"x\"'}}"));
    let (sender, current) = Current::channel(generic);
    let (metrics, bus): (_, Arc<dyn Bus>) = (Metrics::new(), engine.bus.clone());
    let gateway =
        Gateway::new(bus, current, Arc::new(ManualClock::at(NOW)), metrics.clone(), Limits::default());
    let router = Arc::new(gateway).router();
    let post =
        || Request::post("/hooks/a").header("Content-Type", "application/json").body(Body::empty()).unwrap();
    let _ = router.clone().oneshot(post()).await.unwrap();
    assert!(metrics.render().contains(r#"source="a",source_kind="generic""#), "{}", metrics.render());
    sender.send(Arc::new(declared(&format!("argocd: {{tokens: [{secret}]}}")))).unwrap();
    assert!(!metrics.render().contains(REFUSED), "{}", metrics.render());
    let _ = router.oneshot(post()).await.unwrap();
    assert!(metrics.render().contains(r#"source="a",source_kind="argocd""#), "{}", metrics.render());
    sender.send(Arc::new(Catalog::default())).unwrap();
    assert!(!metrics.render().contains(REFUSED), "{}", metrics.render());
}

#[tokio::test]
async fn the_metrics_that_the_alert_rules_of_the_readme_name_are_there() {
    let world = World::new().await;
    world.send(delivery("d-1", PUSH)).await;
    world.send(notification("[]")).await;
    let readme = include_str!("../../README.md");
    let rules = readme.split("```yaml\n").find(|block| block.starts_with("groups:")).unwrap();
    let rules = rules.split("```").next().unwrap();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let names: Vec<_> = rules.split(|c| !is_word(c)).filter(|word| word.starts_with("signalbox_")).collect();
    assert!(names.len() >= 3, "{names:?}");
    let metrics = world.metrics();
    for name in names {
        assert!(metrics.contains(&format!("# TYPE {name} gauge\n")), "{name}");
    }
}

#[tokio::test]
async fn any_source_can_have_a_rate_and_only_proven_requests_count() {
    let world = World::declaring(&source(
        "builds",
        "generic: {tokens: [{env: A}], type: '\"com.example.x\"'}, rate: 2/m",
    ))
    .await;
    for _ in 0..5 {
        world
            .send(with_header(builds(1), "Authorization", Some("Bearer wrong")))
            .await
            .assert_refused(401, "");
    }
    for id in 0..2 {
        assert_eq!(world.send(builds(id)).await.status, 202);
    }
    let answer = world.send(builds(2)).await;
    answer.assert_refused(429, "more often");
    let after: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&after), "{after}");
    assert_eq!(world.stored().await.len(), 2);
}
