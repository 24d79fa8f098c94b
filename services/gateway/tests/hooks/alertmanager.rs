//! What becomes of a notification of Alertmanager.

use serde_json::{Value, json};

use crate::world::{TOKEN, World, notification, with_header};

fn alert(name: &str, status: &str, starts_at: &str) -> Value {
    let ends_at = if status == "resolved" { "2026-09-21T14:00:00Z" } else { "0001-01-01T00:00:00Z" };
    json!({
        "status": status, "labels": {"alertname": name, "namespace": "shop"}, "annotations": {"summary": "It is down."},
        "startsAt": starts_at, "endsAt": ends_at, "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
    })
}

fn group(alerts: &[Value], truncated: u64) -> Vec<u8> {
    json!({
        "version": "4", "groupKey": "{}:{}", "truncatedAlerts": truncated, "status": "firing", "receiver": "signalbox",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alertmanager:9093",
        "notification_reason": "first notification", "alerts": alerts,
    })
    .to_string()
    .into_bytes()
}

fn three() -> Vec<u8> {
    group(
        &[
            alert("PodCrashLooping", "firing", "2026-09-21T13:00:00.123Z"),
            alert("DiskFull", "firing", "2026-09-21T13:05:00Z"),
            alert("NodeDown", "resolved", "2026-09-21T12:00:00Z"),
        ],
        0,
    )
}

#[tokio::test]
async fn each_alert_of_a_group_is_one_event() {
    let world = World::new().await;
    let answer = world.send(notification(three())).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let stored = world.stored().await;
    let types: Vec<_> = stored.iter().map(events::Envelope::ty).collect();
    let firing = "io.prometheus.alert.firing.v1";
    assert_eq!(types, [firing, firing, "io.prometheus.alert.resolved.v1"]);
    let ids: Vec<_> = stored.iter().map(events::Envelope::id).collect();
    assert_eq!(answer.json, json!({"ids": ids, "duplicates": 0}));
    assert!(
        world.counts(r#"signalbox_gateway_requests_total{answer="accepted",source_kind="alertmanager"} 1"#)
    );
    assert!(world.counts(r#"signalbox_published_total{result="stored"} 3"#));
}

#[tokio::test]
async fn the_same_notification_again_stores_nothing() {
    let world = World::new().await;
    let first = world.send(notification(three())).await;
    let again = world.send(notification(three())).await;
    assert_eq!(again.status, 202);
    assert_eq!(again.json, json!({"ids": first.json["ids"], "duplicates": 3}));
    assert_eq!(world.stored().await.len(), 3);
    assert!(
        world.counts(r#"signalbox_gateway_requests_total{answer="duplicate",source_kind="alertmanager"} 1"#)
    );
}

#[tokio::test]
async fn a_group_that_grew_adds_what_is_new() {
    let world = World::new().await;
    let first = alert("DiskFull", "firing", "2026-09-21T13:05:00Z");
    world.send(notification(group(std::slice::from_ref(&first), 0))).await;
    let grown = group(&[first, alert("NodeDown", "firing", "2026-09-21T13:06:00Z")], 0);
    let answer = world.send(notification(grown)).await;
    assert_eq!((answer.status.as_u16(), &answer.json["duplicates"]), (202, &json!(1)));
    assert_eq!(world.stored().await.len(), 2);
}

#[tokio::test]
async fn a_large_group_is_taken_whole() {
    let world = World::new().await;
    let alerts: Vec<_> =
        (0..200).map(|n| alert(&format!("Alert{n}"), "firing", "2026-09-21T13:05:00Z")).collect();
    let answer = world.send(notification(group(&alerts, 0))).await;
    assert_eq!(answer.json["ids"].as_array().map(Vec::len), Some(200), "{answer:?}");
    assert_eq!(world.stored().await.len(), 200);
}

#[tokio::test]
async fn alerts_that_alertmanager_left_out_are_counted() {
    let world = World::new().await;
    let cut = group(&[alert("DiskFull", "firing", "2026-09-21T13:05:00Z")], 17);
    assert_eq!(world.send(notification(cut)).await.status, 202);
    assert!(world.counts("signalbox_gateway_truncated_alerts_total 17"), "{}", world.metrics());
}

#[tokio::test]
async fn an_empty_group_is_accepted_and_stores_nothing() {
    let world = World::new().await;
    let answer = world.send(notification(group(&[], 0))).await;
    assert_eq!((answer.status.as_u16(), answer.json), (202, json!({"ids": [], "duplicates": 0})));
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn a_rotated_token_counts_from_the_next_request_on() {
    let world = World::new().await;
    world.rotate("token", "another token");
    world.send(notification(three())).await.assert_refused(401, "none of the tokens");
    let request = with_header(notification(three()), "Authorization", Some("Bearer another token"));
    assert_eq!(world.send(request).await.status, 202);
    world.lose("token");
    world.send(notification(three())).await.assert_come_again("cannot be read");
}

#[tokio::test]
async fn what_is_wrong_with_a_notification_is_said_and_nothing_is_stored() {
    let world = World::new().await;
    let good = || notification(three());
    let authorization = |value: Option<&str>| with_header(good(), "Authorization", value);
    let odd = alert("DiskFull", "smouldering", "2026-09-21T13:05:00Z");
    let half_good = group(&[alert("DiskFull", "firing", "2026-09-21T13:05:00Z"), odd], 0);
    let text = three();
    let cases = [
        (authorization(None), 401, "Authorization is missing"),
        (authorization(Some("")), 401, "not `Bearer` and a token"),
        (authorization(Some(TOKEN)), 401, "not `Bearer` and a token"),
        (authorization(Some("Basic dGhlOnRva2Vu")), 401, "not `Bearer` and a token"),
        (authorization(Some("Bearer t0ken-hus")), 401, "none of the tokens"),
        (authorization(Some("Bearer t0ken-hush2")), 401, "none of the tokens"),
        (notification(&b""[..]), 400, "line 1 column 0"),
        (notification(text[..40].to_vec()), 400, "line 1 column 40"),
        (notification(&b"[]"[..]), 400, "not a notification of Alertmanager"),
        (notification(&br#"{"version":"3"}"#[..]), 400, "version \"3\""),
        (notification(half_good), 400, "alerts[1].status"),
        (with_header(good(), "Content-Type", Some("text/plain")), 415, "not application/json"),
    ];
    for (request, status, about) in cases {
        world.send(request).await.assert_refused(status, about);
    }
    assert!(world.stored().await.is_empty());
}

#[tokio::test]
async fn a_401_asks_for_a_bearer_token_and_tells_none() {
    let world = World::new().await;
    let answer = world.send(with_header(notification(three()), "Authorization", Some("Bearer wrong"))).await;
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    assert!(!answer.json.to_string().contains(TOKEN), "{answer:?}");
}

#[tokio::test]
async fn the_notification_of_every_version_is_taken_and_doubles_nothing() {
    let world = World::new().await;
    for (n, (version, body)) in events::alertmanager::SAMPLES.iter().enumerate() {
        let answer = world.send(notification(*body)).await;
        assert_eq!(answer.status, 202, "{version}: {answer:?}");
        assert_eq!(answer.json["duplicates"], if n == 0 { 0 } else { 2 }, "{version}: {answer:?}");
    }
    assert_eq!(world.stored().await.len(), 2);
}
