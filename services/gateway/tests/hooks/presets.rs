//! The ready-made Sources: each with what its product sends.

use std::collections::BTreeSet;
use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use chrono::SecondsFormat;

use crate::world::{NOW, SECRET, World, sign};

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("presets").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Sends a sample with headers, and says what the event is.
async fn event_of(preset: &str, body: &str, headers: &[(&str, String)]) -> String {
    let world = World::declaring(&read(&format!("{preset}.yaml"))).await;
    for duplicate in [false, true] {
        let mut request = Request::post(format!("/hooks/{preset}"))
            .header("Content-Type", "application/json; charset=utf-8");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = world.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        assert_eq!(answer.status, 202, "{preset}: {answer:?}");
        assert_eq!(answer.json["duplicate"], duplicate, "{preset}: sent again, it is the same event");
    }
    let event = world.stored().await.remove(0);
    assert_eq!(event.body(), body.as_bytes());
    let time = event.time().map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    format!(
        "{} {} {} {} {}",
        event.ty(),
        event.id(),
        event.subject().unwrap_or("-"),
        time.unwrap_or("-".to_owned()),
        event.extension("partitionkey").unwrap_or("-".into())
    )
}

fn hex_of(signature: &str) -> String {
    signature.trim_start_matches("sha256=").to_owned()
}

#[tokio::test]
async fn every_preset_makes_an_event_of_what_its_product_sends() {
    let bearer = || vec![("Authorization", format!("Bearer {SECRET}"))];
    let time = NOW.timestamp().to_string();
    let (grafana, sentry, updates) =
        (read("samples/grafana.json"), read("samples/sentry.json"), read("samples/dependency-updates.json"));
    let over_time = sign(SECRET, format!("{time}:{grafana}").as_bytes());
    let cases = [
        (
            "dependency-updates",
            vec![
                ("X-GitHub-Event", "pull_request".to_owned()),
                ("X-GitHub-Delivery", "72d3162e".to_owned()),
                ("X-Hub-Signature-256", sign(SECRET, updates.as_bytes())),
            ],
            "dev.renovatebot.pull_request.opened 72d3162e 212 2026-09-21T14:12:41Z acme/shop",
        ),
        (
            "grafana",
            vec![
                ("X-Grafana-Alerting-Signature", hex_of(&over_time)),
                ("X-Grafana-Alerting-Timestamp", time.clone()),
            ],
            "com.grafana.alert.firing e6b8e516285837d90b47252a6c8469e1 High memory usage 2026-09-21T14:12:49.123Z {}:{alertname=\"High memory usage\"}",
        ),
        (
            "harbor-scan",
            bearer(),
            "io.goharbor.scan.completed SCANNING_COMPLETED/1789999875/sha256:954b378c375d852eb3c63ab88978f640b4348b01c1b3456a024a81536dafbbf4 acme/shop@sha256:954b378c375d852eb3c63ab88978f640b4348b01c1b3456a024a81536dafbbf4 2026-09-21T14:11:15Z acme/shop",
        ),
        (
            "healthchecks",
            bearer(),
            "io.healthchecks.check.down 0c8983c9-9d73-446f-adb5-0641fdacc9d4/down/2026-09-21T14:12:49+00:00 Nightly backup 2026-09-21T14:12:49Z 0c8983c9-9d73-446f-adb5-0641fdacc9d4",
        ),
        (
            "sentry",
            vec![
                ("Request-ID", "5f8b2c".to_owned()),
                ("Sentry-Hook-Resource", "issue".to_owned()),
                ("Sentry-Hook-Timestamp", time),
                ("Sentry-Hook-Signature", hex_of(&sign(SECRET, sentry.as_bytes()))),
            ],
            "io.sentry.issue.created 5f8b2c 1170820242 2026-09-21T14:13:20Z -",
        ),
        (
            "uptime-kuma",
            bearer(),
            "com.uptimekuma.monitor.down 29/2026-09-21 14:12:35.527/0 Shop 2026-09-21T14:12:35.527Z 29",
        ),
    ];
    let mut tried = BTreeSet::new();
    for (preset, headers, expected) in cases {
        let body = read(&format!("samples/{preset}.json"));
        assert_eq!(event_of(preset, &body, &headers).await, expected, "{preset}");
        tried.insert(format!("{preset}.yaml"));
    }
    let folder = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("presets")).unwrap();
    let there: BTreeSet<_> = folder
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    assert_eq!(tried, there, "every preset is tried, and named in the README beside it");
    for name in &there {
        assert!(read("README.md").contains(&format!("`{name}`")), "{name}");
    }
}

/// The examples of Sentry's documentation (Integration Platform, Webhooks: Comments, Metric Alerts, Issue Alerts,
/// Installation), cut down.
#[tokio::test]
async fn what_else_sentry_documents_comes_out_with_its_issue_or_alert() {
    for (resource, body, expected) in [
        (
            "comment",
            r#"{"action":"created","data":{"comment":"adding a comment","project_slug":"sentry","comment_id":1234,"issue_id":100,"timestamp":"2022-03-02T21:51:44.118160Z"},"installation":{"uuid":"eac5a0ae"},"actor":{"type":"user","id":1,"name":"colleen"}}"#,
            "io.sentry.comment.created 5f8b2c 100 2026-09-21T14:13:20Z -",
        ),
        (
            "metric_alert",
            r#"{"action":"resolved","actor":{"id":"sentry","name":"Sentry","type":"application"},"data":{"description_title":"Resolved: Too many errors","metric_alert":{"id":"7","identifier":"1","title":"Too many errors"},"web_url":"https://sentry.io/alerts/1"},"installation":{"uuid":"a8e5d37a"}}"#,
            "io.sentry.metric_alert.resolved 5f8b2c 7 2026-09-21T14:13:20Z -",
        ),
        (
            "event_alert",
            r#"{"action":"triggered","data":{"event":{"event_id":"e4874d664c3540c1a32eab185f12c5ab","issue_id":"1117540176","title":"ReferenceError"},"triggered_rule":"Very Important Alert Rule!"}}"#,
            "io.sentry.event_alert.triggered 5f8b2c 1117540176 2026-09-21T14:13:20Z -",
        ),
        (
            "installation",
            r#"{"action":"created","data":{"installation":{"status":"pending","uuid":"a8e5d37a"}},"installation":{"uuid":"a8e5d37a"}}"#,
            "io.sentry.installation.created 5f8b2c - 2026-09-21T14:13:20Z -",
        ),
    ] {
        let headers = [
            ("Request-ID", "5f8b2c".to_owned()),
            ("Sentry-Hook-Resource", resource.to_owned()),
            ("Sentry-Hook-Timestamp", NOW.timestamp().to_string()),
            ("Sentry-Hook-Signature", hex_of(&sign(SECRET, body.as_bytes()))),
        ];
        assert_eq!(event_of("sentry", body, &headers).await, expected, "{resource}");
    }
}

/// The example of `dependabot_alert` of `@octokit/webhooks-examples`, cut down, and pull requests of Dependabot and of a person.
#[tokio::test]
async fn dependabot_has_alerts_and_pull_requests_and_people_are_people() {
    let repository = r#""repository":{"full_name":"Codertocat/Hello-World"}"#;
    let alert = r#""alert":{"number":2,"state":"open","updated_at":"2022-06-15T07:43:03Z","dependency":{"package":{"ecosystem":"pip","name":"django"}}}"#;
    let pull = |login: &str| {
        format!(
            r#"{{"action":"opened","pull_request":{{"number":7,"user":{{"login":"{login}"}},"updated_at":"2022-06-15T07:43:03Z"}},{repository}}}"#
        )
    };
    for (event, body, ty, subject) in [
        (
            "dependabot_alert",
            format!(r#"{{"action":"created",{alert},{repository}}}"#),
            "dev.dependabot.alert.created",
            2,
        ),
        ("pull_request", pull("dependabot[bot]"), "dev.dependabot.pull_request.opened", 7),
        ("pull_request", pull("renovate-bot"), "dev.renovatebot.pull_request.opened", 7),
        ("pull_request", pull("ada"), "dev.people.pull_request.opened", 7),
    ] {
        let headers = [
            ("X-GitHub-Event", event.to_owned()),
            ("X-GitHub-Delivery", "1".to_owned()),
            ("X-Hub-Signature-256", sign(SECRET, body.as_bytes())),
        ];
        let expected = format!("{ty} 1 {subject} 2022-06-15T07:43:03Z Codertocat/Hello-World");
        assert_eq!(event_of("dependency-updates", &body, &headers).await, expected);
    }
}

#[tokio::test]
async fn the_signature_of_grafana_covers_its_time_and_another_one_is_refused() {
    let world = World::declaring(&read("grafana.yaml")).await;
    let body = read("samples/grafana.json");
    let post = async |signed: &str, sent: i64| {
        let request = Request::post("/hooks/grafana")
            .header("Content-Type", "application/json")
            .header("X-Grafana-Alerting-Timestamp", sent.to_string())
            .header("X-Grafana-Alerting-Signature", hex_of(&sign(SECRET, signed.as_bytes())));
        world.send(request.body(Body::from(body.clone())).unwrap()).await
    };
    let now = NOW.timestamp();
    post(&body, now).await.assert_refused(401, "fits none of the secrets");
    post(&format!("{now}:{body}"), now + 1).await.assert_refused(401, "fits none of the secrets");
    let old = now - 301;
    post(&format!("{old}:{body}"), old).await.assert_refused(401, "too far from now");
    assert_eq!(post(&format!("{now}:{body}"), now).await.status, 202);
}

#[tokio::test]
async fn the_test_button_of_uptime_kuma_and_the_ping_of_github_are_events_too() {
    let headers = [("Authorization", format!("Bearer {SECRET}"))];
    let body = r#"{"heartbeat":null,"monitor":null,"msg":"Signalbox Testing"}"#;
    assert!(event_of("uptime-kuma", body, &headers).await.starts_with("com.uptimekuma.message "));
    let body = r#"{"zen":"Speak like a human.","hook_id":1}"#;
    let headers = [
        ("X-GitHub-Event", "ping".to_owned()),
        ("X-GitHub-Delivery", "1".to_owned()),
        ("X-Hub-Signature-256", sign(SECRET, body.as_bytes())),
    ];
    assert_eq!(event_of("dependency-updates", body, &headers).await, "dev.github.ping 1 - - -");
}
