//! Alerts: the decision by itself, and what comes of it against a stand-in of Alertmanager.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chassis::{BusUrl, Engine, ManualClock, Metrics, Position};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use events::Envelope;
use events::payload::alert::{Alert, Status};
use events::payload::source::{Gap, Outcome, What};
use resources::SecretRef;
use resources::source::AlertsApi;
use resources::source::alertmanager::Login;
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::after;
use crate::alerts::round::{Kept, Round};
use crate::keep::Ports;
use crate::metrics::{self, SweeperMetrics};
use crate::pulse::Pulse;

const EXTERNAL: &str = "http://alertmanager.example:9093";

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn listed(pod: &str, starts_at: DateTime<Utc>, state: &str) -> Value {
    json!({
        "labels": {"alertname": "PodDown", "pod": pod}, "annotations": {}, "startsAt": time(starts_at), "endsAt": time(after(9999)),
        "updatedAt": time(starts_at), "generatorURL": "", "fingerprint": format!("{pod:0>16}"),
        "receivers": [{"name": "signalbox"}], "status": {"state": state, "silencedBy": [], "inhibitedBy": []},
    })
}

/// What Alertmanager posts to the gateway.
fn notified(pod: &str, starts_at: DateTime<Utc>, status: &str, truncated: u64) -> Envelope {
    let body = json!({
        "version": "4", "groupKey": "{}", "receiver": "signalbox", "externalURL": EXTERNAL, "truncatedAlerts": truncated,
        "alerts": [{"status": status, "labels": {"alertname": "PodDown", "pod": pod}, "annotations": {}, "startsAt": starts_at,
            "endsAt": after(50), "fingerprint": format!("{pod:0>16}")}],
    });
    events::alertmanager::decode(body.to_string().as_bytes()).unwrap().remove(0)
}

#[derive(Default)]
struct State {
    alerts: Vec<Value>,
    up_since: Option<DateTime<Utc>>,
    answer: Option<ResponseTemplate>,
    asked: Vec<String>,
}

struct Stage {
    state: Arc<Mutex<State>>,
    engine: Engine,
    clock: Arc<ManualClock>,
    metrics: Arc<Metrics>,
    round: Round,
    _server: MockServer,
    _folder: TempDir,
}

impl Stage {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (server, folder) = (MockServer::start().await, tempfile::tempdir().unwrap());
        let state: Arc<Mutex<State>> = Arc::default();
        state.lock().unwrap().up_since = Some(after(-86_400));
        let answering = state.clone();
        Mock::given(any())
            .respond_with(move |request: &Request| {
                let mut state = answering.lock().unwrap();
                let shown = request.headers.get("authorization").map_or("", |value| value.to_str().unwrap());
                state.asked.push(format!("{} {shown}", request.url.path()));
                if let Some(answer) = &state.answer {
                    return answer.clone();
                }
                if request.url.path().ends_with("/api/v2/status") {
                    return ResponseTemplate::new(200)
                        .set_body_json(json!({"uptime": state.up_since.map(time)}));
                }
                assert_eq!(request.url.query(), Some("receiver=signalbox"));
                ResponseTemplate::new(200).set_body_json(&state.alerts)
            })
            .mount(&server)
            .await;
        let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.unwrap();
        let password = folder.path().join("password");
        std::fs::write(&password, "pass\n").unwrap();
        let login = Login::Basic { user: "me".to_owned(), password: SecretRef::File(password) };
        let api = AlertsApi {
            url: format!("{}/am", server.uri()),
            receiver: "signalbox".to_owned(),
            every: Duration::from_mins(5),
            external_url: None,
            login: Some(login),
        };
        let (clock, metrics) = (Arc::new(ManualClock::at(after(0))), Metrics::new());
        let ports = Ports {
            bus: engine.bus.clone(),
            store: engine.store.clone(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            counts: SweeperMetrics::register(metrics.registry()).unwrap(),
            pulse: Arc::<Pulse>::default(),
        };
        let round =
            Round { ports, name: "alerts".to_owned(), api, http: crate::alerts::gather::client().unwrap() };
        Self { state, engine, clock, metrics, round, _server: server, _folder: folder }
    }

    fn lists(&self, alerts: &[Value]) {
        self.state.lock().unwrap().alerts = alerts.to_vec();
    }

    async fn tell(&self, event: &Envelope) {
        self.engine.bus.publish(event).await.unwrap();
    }

    async fn kept(&self) -> Kept {
        let Ok(mut kept) = self.round.load().await else { panic!("the record can be read") };
        // The log of the test is of now, its clock is not.
        if kept.revision.is_none() {
            kept.record.position = Position(0);
        }
        kept
    }

    /// Sweeps at this time, as a process that was just started.
    async fn sweep(&self, seconds: i64) -> metrics::Outcome {
        self.clock.set(after(seconds));
        let mut kept = self.kept().await;
        self.round.learn(&mut kept).await;
        self.round.once(&mut kept, &mut 0).await.unwrap().0
    }

    async fn log(&self) -> Vec<Envelope> {
        let recorded = self.engine.bus.read(Position(1), 1000).await.unwrap();
        recorded.into_iter().map(|recorded| recorded.event.unwrap()).collect()
    }

    /// The alerts in the log: the pod, and how it is.
    async fn said(&self) -> String {
        let word = |event: &Envelope| {
            let alert: Alert = event.payload().unwrap();
            let sign = if alert.status == Status::Firing { '+' } else { '-' };
            format!("{sign}{}", alert.labels["pod"])
        };
        let log = self.log().await;
        let alerts = log.iter().filter(|event| event.ty().starts_with("io.prometheus.alert."));
        alerts.map(word).collect::<Vec<_>>().join(" ")
    }

    async fn gaps(&self) -> Vec<Gap> {
        let log = self.log().await;
        let gaps = log.iter().filter(|event| event.ty().starts_with("io.signalbox.source.gap"));
        gaps.map(|event| event.payload().unwrap()).collect()
    }
}

#[tokio::test]
async fn an_alert_that_was_not_told_in_its_time_is_said_once() {
    let stage = Stage::new().await;
    stage.tell(&notified("a", after(-600), "firing", 0)).await;
    stage.lists(&[
        listed("a", after(-600), "active"),
        listed("b", after(-400), "active"),
        listed("c", after(-400), "suppressed"),
    ]);
    assert_eq!(stage.sweep(0).await, metrics::Outcome::Gap);
    assert_eq!(stage.said().await, "+a +b");
    let [gap] = &stage.gaps().await[..] else { panic!("one gap") };
    assert_eq!((gap.what, gap.outcome, gap.count), (What::Alerts, Outcome::Filled, 1));
    assert_eq!(gap.missed[0].id, "000000000000000b");
    let log = stage.log().await;
    assert_eq!(gap.missed[0].event_id.as_deref(), Some(log[1].id()));
    assert_eq!(log[1].source(), EXTERNAL);
    assert_eq!(stage.sweep(300).await, metrics::Outcome::Clean);
    // Should Alertmanager tell of it after all, it is the same event.
    stage.tell(&notified("b", after(-400), "firing", 0)).await;
    assert_eq!(stage.said().await, "+a +b");
    assert!(
        stage.metrics.render().contains(
            "signalbox_sweeper_missed_total{became=\"published\",source_kind=\"alertmanager\"} 1\n"
        )
    );
    let asked = stage.state.lock().unwrap().asked.clone();
    assert_eq!(asked[..2], ["/am/api/v2/status Basic bWU6cGFzcw==", "/am/api/v2/alerts Basic bWU6cGFzcw=="]);
}

#[tokio::test]
async fn a_young_alert_is_not_missing_unless_alerts_were_left_out() {
    let stage = Stage::new().await;
    stage.tell(&notified("a", after(-60), "firing", 0)).await;
    stage.lists(&[listed("a", after(-60), "active"), listed("b", after(-60), "active")]);
    assert_eq!(stage.sweep(0).await, metrics::Outcome::Clean);
    stage.tell(&notified("c", after(-50), "firing", 1)).await;
    stage.lists(&[
        listed("a", after(-60), "active"),
        listed("b", after(-60), "active"),
        listed("c", after(-50), "active"),
    ]);
    assert_eq!(stage.sweep(10).await, metrics::Outcome::Gap);
    assert_eq!(stage.said().await, "+a +c +b");
    // Of the group's next notification, the bus has those that it shows: the log is silent, and more are left out.
    let pods = ["a", "b", "c", "d"];
    stage.lists(&pods.map(|pod| listed(pod, after(-60), "active")));
    assert_eq!(stage.sweep(40).await, metrics::Outcome::Gap);
    assert_eq!(stage.said().await, "+a +c +b +d");
    stage.lists(&[listed("e", after(1800), "active")]);
    assert_eq!(
        stage.sweep(1811).await,
        metrics::Outcome::Clean,
        "after half an hour a young alert is young again"
    );
}

#[tokio::test]
async fn a_start_with_more_than_milliseconds_is_known_by_its_milliseconds() {
    let stage = Stage::new().await;
    let starts_at = after(-600) + TimeDelta::nanoseconds(123_456_789);
    stage.tell(&notified("a", starts_at, "firing", 0)).await;
    stage.lists(&[listed("a", starts_at, "active")]);
    assert_eq!(stage.sweep(0).await, metrics::Outcome::Clean);
}

#[tokio::test]
async fn an_alert_that_is_listed_no_more_is_resolved_after_some_time() {
    let stage = Stage::new().await;
    let fired = notified("a", after(-600), "firing", 0);
    stage.tell(&fired).await;
    stage.tell(&notified("b", after(-600), "firing", 0)).await;
    stage.lists(&[listed("b", after(-600), "suppressed")]);
    assert_eq!(stage.sweep(0).await, metrics::Outcome::Clean);
    assert_eq!(stage.sweep(299).await, metrics::Outcome::Clean);
    assert_eq!(stage.sweep(300).await, metrics::Outcome::Gap);
    assert_eq!(stage.said().await, "+a +b -a", "one that is silenced fires");
    let log = stage.log().await;
    assert_eq!(log[2].causation_id().as_deref(), Some(fired.id()));
    assert_eq!(log[2].id(), notified("a", after(-600), "resolved", 0).id());
    assert_eq!(stage.sweep(900).await, metrics::Outcome::Clean);
}

#[tokio::test]
async fn an_alertmanager_that_was_just_started_knows_of_no_alert_and_resolves_none() {
    let stage = Stage::new().await;
    stage.tell(&notified("a", after(-6000), "firing", 0)).await;
    stage.lists(&[listed("a", after(-6000), "active")]);
    stage.sweep(0).await;
    stage.lists(&[]);
    stage.state.lock().unwrap().up_since = Some(after(200));
    for seconds in [210, 499] {
        assert_eq!(stage.sweep(seconds).await, metrics::Outcome::Clean);
    }
    stage.lists(&[listed("a", after(-6000), "active")]);
    stage.sweep(505).await;
    stage.lists(&[]);
    stage.sweep(600).await;
    assert_eq!(stage.said().await, "+a", "it was there in between");
    stage.sweep(900).await;
    assert_eq!(stage.said().await, "+a -a");
}

#[tokio::test]
async fn an_alert_that_began_anew_was_over_before() {
    let stage = Stage::new().await;
    stage.tell(&notified("a", after(-6000), "firing", 0)).await;
    stage.lists(&[listed("a", after(-1000), "active")]);
    stage.sweep(0).await;
    assert_eq!(stage.said().await, "+a -a +a");
    assert_eq!(stage.sweep(600).await, metrics::Outcome::Clean);
}

#[tokio::test]
async fn without_a_notification_it_is_not_known_whose_alerts_they_are_unless_it_is_said() {
    let mut stage = Stage::new().await;
    stage.lists(&[listed("a", after(-600), "active")]);
    assert_eq!(stage.sweep(0).await, metrics::Outcome::Unfinished);
    assert!(stage.state.lock().unwrap().asked.is_empty());
    stage.round.api.external_url = Some(EXTERNAL.to_owned());
    assert_eq!(stage.sweep(10).await, metrics::Outcome::Gap);
    assert_eq!(stage.log().await[0].id(), notified("a", after(-600), "firing", 0).id());
}

#[tokio::test]
async fn what_needs_a_person_is_said_once_and_what_is_unwell_is_waited_for() {
    let mut stage = Stage::new().await;
    stage.round.api.external_url = Some(EXTERNAL.to_owned());
    for (status, outcome) in [(401, "failed"), (401, "failed"), (503, "unfinished"), (404, "failed")] {
        stage.state.lock().unwrap().answer = Some(ResponseTemplate::new(status).set_body_string("no"));
        assert_eq!(<&str>::from(stage.sweep(0).await), outcome, "{status}");
    }
    stage.state.lock().unwrap().answer = Some(ResponseTemplate::new(200).set_body_string("<html>"));
    assert_eq!(<&str>::from(stage.sweep(0).await), "failed");
    let log = stage.log().await;
    let reasons: Vec<String> = log
        .iter()
        .map(|event| event.payload::<events::payload::source::SweepFailed>().unwrap().reason)
        .collect();
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons[0].contains("`token` or `basic` of `api`"), "{reasons:?}");
    assert!(reasons[1].contains("with the prefix of its routes?"), "{reasons:?}");
    assert!(reasons[2].contains("cannot be read"), "{reasons:?}");
}

#[tokio::test]
async fn after_a_crash_at_any_time_each_alert_is_said_once_and_so_is_the_gap() {
    for die in 1..=10 {
        let stage = Stage::new().await;
        stage.tell(&notified("a", after(-600), "firing", 0)).await;
        stage.lists(&["a", "b", "c", "d"].map(|pod| listed(pod, after(-600), "active")));
        let mut kept = stage.kept().await;
        stage.round.learn(&mut kept).await;
        {
            let mut failures = 0;
            let mut sweeping = std::pin::pin!(stage.round.once(&mut kept, &mut failures));
            let mut polls = 0;
            std::future::poll_fn(|context| {
                polls += 1;
                if polls > die {
                    return std::task::Poll::Ready(());
                }
                sweeping.as_mut().poll(context).map(drop)
            })
            .await;
        }
        let mut kept = stage.kept().await;
        stage.round.finish(&mut kept).await.unwrap();
        stage.sweep(1).await;
        assert_eq!(stage.said().await, "+a +b +c +d", "died at poll {die}");
        assert_eq!(
            stage.gaps().await.iter().map(|gap| gap.count).collect::<Vec<_>>(),
            [3],
            "died at poll {die}"
        );
    }
}
