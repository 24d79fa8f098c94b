use std::error::Error as _;

use serde_json::{Value, json};

use super::*;
use crate::Kind;

fn alert(status: &str, changes: &Value) -> Value {
    let mut alert = json!({
        "status": status,
        "labels": {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "api-7c", "severity": "warning"},
        "annotations": {"summary": "Pod is crash looping."},
        "startsAt": "2026-09-01T10:00:00.123Z",
        "endsAt": if status == "firing" { "0001-01-01T00:00:00Z" } else { "2026-09-01T10:20:00Z" },
        "generatorURL": "http://prometheus/graph?g0.expr=up",
        "fingerprint": "8a07086b74f3ba78",
    });
    change(&mut alert, changes);
    alert
}

fn notification(alerts: &[Value], changes: &Value) -> Value {
    let mut notification = json!({
        "receiver": "signalbox", "status": "firing", "alerts": alerts, "notification_reason": "first notification",
        "groupLabels": {"alertname": "KubePodCrashLooping"}, "commonLabels": {}, "commonAnnotations": {}, "routeLabels": {},
        "externalURL": "http://am:9093", "version": "4", "groupKey": "{}:{alertname=\"KubePodCrashLooping\"}", "truncatedAlerts": 3,
    });
    change(&mut notification, changes);
    notification
}

/// Sets members; takes those away that are `null`.
fn change(object: &mut Value, changes: &Value) {
    let object = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
}

fn events(notification: &Value) -> Vec<Envelope> {
    decode(notification.to_string().as_bytes()).unwrap()
}

fn one(status: &str, of_alert: &Value, of_notification: &Value) -> Envelope {
    events(&notification(&[alert(status, of_alert)], of_notification)).remove(0)
}

fn refusal(notification: &Value) -> String {
    let error = decode(notification.to_string().as_bytes()).unwrap_err();
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

#[test]
fn every_version_from_0_25_to_0_34_tells_the_same_alerts_as_the_same_events() {
    let all = SAMPLES.map(|(version, body)| {
        let events = decode(body.as_bytes()).unwrap_or_else(|error| panic!("{version}: {error}"));
        let types: Vec<_> = events.iter().map(Envelope::ty).collect();
        assert_eq!(types, ["io.prometheus.alert.firing.v1", "io.prometheus.alert.resolved.v1"], "{version}");
        events
    });
    assert_eq!((&all[0], &all[1]), (&all[2], &all[2]), "an update of Alertmanager doubles nothing");
    let members = |n: usize| serde_json::from_str::<Value>(SAMPLES[n].1).unwrap().as_object().unwrap().len();
    assert_eq!([members(0), members(1), members(2)], [10, 11, 12]);
}

#[test]
fn a_notification_is_one_event_for_each_alert_by_its_own_status() {
    let other = json!({"fingerprint": "0000000000000001"});
    let events = events(&notification(&[alert("firing", &json!({})), alert("resolved", &other)], &json!({})));
    let types: Vec<_> = events.iter().map(Envelope::ty).collect();
    assert_eq!(types, [Kind::AlertFiring.name(), Kind::AlertResolved.name()]);
    assert!(self::events(&notification(&[], &json!({}))).is_empty());
}

#[test]
fn a_firing_alert_begins_a_story() {
    let event = one("firing", &json!({}), &json!({}));
    assert_eq!(event.source(), "http://am:9093");
    assert_eq!(event.subject(), Some("KubePodCrashLooping/8a07086b74f3ba78"));
    assert_eq!(event.partition_key(), "8a07086b74f3ba78");
    assert_eq!(event.time(), Some("2026-09-01T10:00:00.123Z".parse().unwrap()));
    assert_eq!((event.correlation_id().as_ref(), event.causation_id()), (event.id(), None));
    let body: Alert = event.payload().unwrap();
    assert_eq!(
        (body.status, body.alertname.as_str(), body.ends_at),
        (Status::Firing, "KubePodCrashLooping", None)
    );
    assert_eq!((body.receiver.as_str(), body.truncated_alerts), ("signalbox", 3));
    assert_eq!(body.labels["severity"], "warning");
    assert_eq!(body.generator_url.as_deref(), Some("http://prometheus/graph?g0.expr=up"));
}

#[test]
fn a_resolved_alert_goes_on_with_the_story_of_its_firing() {
    let firing = one("firing", &json!({}), &json!({}));
    let resolved = one("resolved", &json!({}), &json!({}));
    assert_eq!(resolved.correlation_id(), firing.id());
    assert_eq!(resolved.causation_id().as_deref(), Some(firing.id()));
    assert_ne!(resolved.id(), firing.id());
    assert_eq!(resolved.time(), Some("2026-09-01T10:20:00Z".parse().unwrap()));
    assert_eq!(resolved.payload::<Alert>().unwrap().ends_at, resolved.time());
    assert_eq!(resolved.partition_key(), firing.partition_key());
    let (firing, resolved) = (firing.traceparent().unwrap(), resolved.traceparent().unwrap());
    assert_eq!(firing[..36], resolved[..36], "one trace");
    assert_ne!(firing, resolved, "two spans");
}

#[test]
fn repeats_and_replicas_are_the_same_event() {
    let once = one("firing", &json!({}), &json!({}));
    for (why, of_alert, of_notification) in [
        ("a repeat", json!({}), json!({"notification_reason": "repeat interval elapsed"})),
        ("another group", json!({}), json!({"groupKey": "{}:{}", "truncatedAlerts": 0})),
        ("another writing of the time", json!({"startsAt": "2026-09-01T12:00:00.123000+02:00"}), json!({})),
        ("changed annotations", json!({"annotations": {"summary": "15 restarts"}}), json!({})),
    ] {
        let again = one("firing", &of_alert, &of_notification);
        assert_eq!((again.source(), again.id()), (once.source(), once.id()), "{why}");
    }
    for (why, of_alert) in [
        ("it fires again", json!({"startsAt": "2026-09-01T11:00:00Z"})),
        ("another alert", json!({"fingerprint": "8a07086b74f3ba79"})),
    ] {
        assert_ne!(one("firing", &of_alert, &json!({})).id(), once.id(), "{why}");
    }
}

/// These ids are on disks: when this test fails, every alert becomes new to the bus.
#[test]
fn the_id_never_changes() {
    let alert = json!({"fingerprint": "76dc9fb3db399abd", "startsAt": "2026-09-01T11:20:30.123Z"});
    assert_eq!(one("firing", &alert, &json!({})).id(), "c5892c47-5651-5ec2-87b9-2a80a49510ea");
    assert_eq!(one("resolved", &alert, &json!({})).id(), "c2fd6b7e-aeb2-5910-a3fc-f06e451eda84");
}

#[test]
fn the_source_is_the_address_of_alertmanager_or_else_the_receiver() {
    for (external_url, wanted) in [
        (json!("https://am.example/alertmanager"), "https://am.example/alertmanager"),
        (json!(null), "/alertmanager/team%20%2F%C3%A9"),
        (json!(""), "/alertmanager/team%20%2F%C3%A9"),
        (json!("am"), "/alertmanager/team%20%2F%C3%A9"),
        (json!("http://am 9093"), "/alertmanager/team%20%2F%C3%A9"),
    ] {
        let event = one("firing", &json!({}), &json!({"externalURL": external_url, "receiver": "team /é"}));
        assert_eq!(event.source(), wanted, "{external_url}");
    }
}

/// The number is that of the tests of `prometheus/common` (`model/signature_test.go`).
#[test]
fn a_missing_fingerprint_is_computed_as_alertmanager_does() {
    let labels = json!({"name": "garland, briggs", "fear": "love is not enough"});
    for fingerprint in [json!(null), json!(""), json!("not a fingerprint!")] {
        let event = one("firing", &json!({"labels": labels, "fingerprint": fingerprint}), &json!({}));
        assert_eq!(event.partition_key(), format!("{:016x}", 5_799_056_148_416_392_346_u64));
        assert_eq!(event.subject(), Some(event.partition_key().as_ref()), "without an alertname");
    }
}

#[test]
fn a_label_that_no_attribute_can_hold_does_not_lose_the_alert() {
    for name in ["two\nlines".to_owned(), "a".repeat(10_000)] {
        let event = one("firing", &json!({"labels": {"alertname": name}}), &json!({}));
        assert_eq!(event.subject(), Some("8a07086b74f3ba78"));
        assert_eq!(event.payload::<Alert>().unwrap().alertname, name);
    }
}

#[test]
fn a_time_that_alertmanager_does_not_know_is_none() {
    let resolved = one("resolved", &json!({"endsAt": "0001-01-01T00:00:00Z"}), &json!({}));
    assert_eq!((resolved.time(), resolved.payload::<Alert>().unwrap().ends_at), (None, None));
    let firing = one("firing", &json!({"endsAt": "2026-09-01T10:04:00Z"}), &json!({}));
    assert_eq!(firing.payload::<Alert>().unwrap().ends_at, None, "when it would be forgotten is not its end");
}

#[test]
fn members_that_may_be_absent_may_be_absent() {
    let of_alert = json!({"annotations": null, "endsAt": null, "generatorURL": "", "fingerprint": null});
    let event =
        one("firing", &of_alert, &json!({"truncatedAlerts": null, "status": null, "commonLabels": null}));
    let body: Alert = event.payload().unwrap();
    assert!(body.annotations.is_empty() && body.generator_url.is_none());
    assert_eq!(body.truncated_alerts, 0);
}

#[test]
fn what_is_not_version_4_of_the_webhook_is_refused_with_the_reason() {
    let whole = |changes: Value| notification(&[alert("firing", &json!({}))], &changes);
    let second =
        |changes: Value| notification(&[alert("firing", &json!({})), alert("firing", &changes)], &json!({}));
    for (body, wanted) in [
        (json!([]), "the body is not a notification of Alertmanager: "),
        (json!("{}"), "the body is not a notification of Alertmanager: invalid type: string"),
        (json!({}), "member `version` is missing"),
        (
            whole(json!({"version": "1"})),
            "version \"1\" of the Alertmanager webhook is not supported: Signalbox reads version \"4\"",
        ),
        (
            whole(json!({"version": 4})),
            "the body is not a notification of Alertmanager: invalid type: integer `4`",
        ),
        (whole(json!({"receiver": null})), "member `receiver` is missing"),
        (whole(json!({"groupKey": null})), "member `groupKey` is missing"),
        (whole(json!({"alerts": null})), "member `alerts` is missing"),
        (second(json!({"status": null})), "member `alerts[1].status` is missing"),
        (second(json!({"status": "pending"})), "member `alerts[1].status` is \"pending\", it should be"),
        (second(json!({"labels": null})), "member `alerts[1].labels` is missing"),
        (second(json!({"startsAt": null})), "member `alerts[1].startsAt` is missing"),
        (second(json!({"startsAt": "now"})), "the body is not a notification of Alertmanager: "),
    ] {
        let found = refusal(&body);
        assert!(found.starts_with(wanted), "{found}\nshould begin with\n{wanted}");
    }
}

#[test]
fn events_of_a_truncated_notification_are_marked() {
    let event = one("firing", &json!({}), &json!({}));
    assert_eq!(event.extension("truncatedalerts").as_deref(), Some("3"));
    let event = one("firing", &json!({}), &json!({"truncatedAlerts": 0}));
    assert_eq!(event.extension("truncatedalerts"), None);
}

/// As Alertmanager 0.28 answers `GET /api/v2/alerts`.
fn gettable(changes: &Value) -> Value {
    let mut alert = json!({
        "annotations": {"summary": "Pod is crash looping."},
        "endsAt": "2026-09-01T10:20:00.000Z",
        "fingerprint": "8a07086b74f3ba78",
        "receivers": [{"name": "signalbox"}, {"name": "pager"}],
        "startsAt": "2026-09-01T10:00:00.123Z",
        "status": {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"},
        "updatedAt": "2026-09-01T10:15:00.000Z",
        "generatorURL": "http://prometheus/graph?g0.expr=up",
        "labels": {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "api-7c", "severity": "warning"},
    });
    change(&mut alert, changes);
    alert
}

#[test]
fn an_alert_that_is_listed_is_the_event_that_its_notification_would_have_been() {
    let body = json!([gettable(&json!({}))]).to_string();
    let listed = list(body.as_bytes(), "signalbox", "http://am:9093").unwrap();
    let [Listed { alert, state: State::Active }] = &listed[..] else { panic!("{listed:?}") };
    let (asked, notified) = (event(alert).unwrap(), one("firing", &json!({}), &json!({})));
    assert_eq!((asked.id(), asked.source(), asked.ty()), (notified.id(), notified.source(), notified.ty()));
    assert_eq!((asked.subject(), asked.time()), (notified.subject(), notified.time()));
    let (mut of_asked, mut of_notified): (Alert, Alert) =
        (asked.payload().unwrap(), notified.payload().unwrap());
    // What only a notification has.
    for alert in [&mut of_asked, &mut of_notified] {
        (alert.group_key, alert.truncated_alerts) = (String::new(), 0);
    }
    assert_eq!(of_asked, of_notified);
}

#[test]
fn only_alerts_of_the_receiver_count_and_silenced_ones_are_told_apart() {
    let other = gettable(&json!({"receivers": [{"name": "pager"}]}));
    let silenced =
        gettable(&json!({"status": {"state": "suppressed", "silencedBy": ["x"], "inhibitedBy": []}}));
    let body = json!([other, silenced]).to_string();
    let listed = list(body.as_bytes(), "signalbox", "http://am:9093").unwrap();
    assert_eq!(listed.iter().map(|one| one.state).collect::<Vec<_>>(), [State::Kept]);
}

#[test]
fn a_list_that_is_none_says_what_is_missing() {
    for (body, said) in [
        (json!({"alerts": []}), "invalid type: map"),
        (json!([gettable(&json!({"startsAt": null}))]), "member `[0].startsAt` is missing"),
        (json!([gettable(&json!({"labels": null}))]), "member `[0].labels` is missing"),
        (json!([gettable(&json!({"status": null}))]), "member `[0].status` is missing"),
    ] {
        let error = list(body.to_string().as_bytes(), "signalbox", "http://am:9093").unwrap_err();
        let chain = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        assert!(chain.contains(said), "{chain}");
    }
}
