//! How full volumes are, asked of something that answers as Prometheus does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use chassis::failpoint::memory::{Fault, Memory};
use chassis::{Health, ManualClock, Metrics, Shutdown};
use reqwest::Url;
use resources::SecretRef;
use serde_json::{Value, json};

use super::all_said;
use super::kinds::Follower;
use crate::kinds::volume_usage::VolumeUsages;
use crate::prometheus::{Asked, understand};
use crate::{Scope, Usage, Watcher, Watching};

const PATIENCE: Duration = Duration::from_secs(20);
const GI: u64 = 1 << 30;

/// A claim of which so many per cent of the space are used, and of the inodes, if it has them.
fn volume(namespace: &str, claim: &str, space: u64, inodes: Option<u64>) -> Vec<Value> {
    let series = |measure: &str, value: u64| {
        json!({
            "metric": {"__name__": format!("kubelet_volume_stats_{measure}"), "namespace": namespace, "persistentvolumeclaim": claim},
            "value": [1_780_000_000.123, value.to_string()],
        })
    };
    let mut all = vec![series("capacity_bytes", 100 * GI), series("available_bytes", (100 - space) * GI)];
    if let Some(inodes) = inodes {
        all.extend([series("inodes", 1000), series("inodes_free", 1000 - 10 * inodes)]);
    }
    all
}

fn answer(volumes: &[Vec<Value>]) -> Value {
    json!({"status": "success", "data": {"resultType": "vector", "result": volumes.concat()}})
}

#[test]
fn a_volume_is_nearly_full_from_one_mark_on_and_relieved_below_another() {
    let body = |available: u64, inodes_free: u64| {
        json!({
            "metadata": {"name": "data", "namespace": "shop", "uid": "shop/data"},
            "capacity": 1000, "available": available, "inodes": 1000, "inodes_free": inodes_free,
        })
    };
    let mut it = Follower::new(VolumeUsages::new(85, 80));
    assert_eq!(it.sees(0, &body(151, 1000)), [""; 0], "84.9 per cent");
    assert_eq!(it.seen, None, "nothing is kept of one that has room");
    assert_eq!(it.sees(1, &body(150, 1000)), ["nearly-full"]);
    assert_eq!((&it.last()["used_percent"], &it.last()["scarce"]), (&json!(85), &json!("space")));
    assert_eq!(it.sees(2, &body(200, 1000)), [""; 0], "80 per cent: between the marks");
    assert_eq!(it.sees(3, &body(100, 1000)), [""; 0], "it is said once");
    assert_eq!(it.sees(4, &body(201, 1000)), ["relieved"]);
    assert_eq!(it.sees(5, &body(200, 1000)), [""; 0]);
    assert_eq!(it.sees(6, &body(900, 10)), ["nearly-full"], "of inodes there are hardly any");
    assert_eq!((&it.last()["used_percent"], &it.last()["scarce"]), (&json!(99), &json!("inodes")));
    assert_eq!(it.ends(), [""; 0]);
    let mut without = body(10, 0);
    without["inodes"] = json!(0);
    assert_eq!(
        Follower::new(VolumeUsages::new(100, 80)).sees(0, &without),
        [""; 0],
        "no inodes are none used"
    );
}

#[test]
fn what_prometheus_answers_is_understood_or_quoted() {
    let of = |status: u16, body: &str| understand(StatusCode::from_u16(status).unwrap(), body.as_bytes());
    let trouble = |status: u16, body: &str| match of(status, body) {
        Asked::Trouble(why) => why,
        Asked::Volumes(_) | Asked::Nothing => panic!("{body} is no trouble"),
    };
    // As its documentation has it.
    let error = r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\""}"#;
    assert_eq!(trouble(400, error), r#"Prometheus answers 400 Bad Request: invalid parameter "query""#);
    assert_eq!(
        trouble(401, "Unauthorized\n"),
        "Prometheus answers 401 Unauthorized; check `kubernetes.volume_usage.token`: Unauthorized\n"
    );
    let elsewhere = trouble(404, &format!("<html>{}", "x".repeat(5000)));
    assert!(
        elsewhere.contains("is `kubernetes.volume_usage.prometheus` the address") && elsewhere.len() < 500
    );
    assert!(trouble(302, "").contains("write the address that it redirects to"));
    assert!(
        trouble(200, "{\"status\":\"success\",\"data\":{\"result\":7}}")
            .starts_with("Prometheus answers 200 OK: ")
    );

    assert!(matches!(
        of(200, r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#),
        Asked::Nothing
    ));
    let mut odd = volume("shop", "odd", 10, None);
    odd[0]["value"][1] = json!("NaN");
    let mut void = volume("shop", "void", 10, None);
    void[0]["value"][1] = json!("0");
    let known = answer(&[odd, void, volume("shop", "data", 10, None)]).to_string();
    let Asked::Volumes(volumes) = of(200, &known) else { panic!("one is known") };
    assert_eq!(volumes.len(), 1, "of the others it is not known how full they are");
}

/// What stands where Prometheus would.
#[derive(Clone, Default)]
struct StandIn {
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl StandIn {
    async fn start() -> (Self, Url) {
        let this = Self::default();
        let router = Router::new().route("/prom/api/v1/query", get(take)).with_state(this.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/prom/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (this, address.parse().unwrap())
    }

    fn says(&self, status: u16, body: &Value) {
        *self.answer.lock().unwrap() = (status, body.to_string());
    }
}

async fn take(
    State(this): State<StandIn>,
    Query(query): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let token = headers.get("authorization").map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default();
    assert_eq!(query.len(), 1);
    this.asked.lock().unwrap().push((query[0].1.clone(), token));
    let (status, body) = this.answer.lock().unwrap().clone();
    (StatusCode::from_u16(status).unwrap(), body)
}

struct Run {
    health: Health,
    shutdown: Shutdown,
    running: tokio::task::JoinHandle<anyhow::Result<()>>,
}

fn start(address: &Url, memory: &Arc<Memory>, scope: &str, token: Option<SecretRef>) -> Run {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (health, shutdown) = (Health::default(), Shutdown::new());
    let nowhere = kube::Config::new("http://127.0.0.1:9".parse().unwrap());
    let client = kube::Client::try_from(nowhere).unwrap();
    let clock = Arc::new(ManualClock::at("2026-11-24T12:00:00Z".parse().unwrap()));
    let watching = Watching { kinds: [].into(), ..Watching::default() };
    let every = Duration::from_millis(20);
    let usage = Usage { prometheus: address.clone(), token, nearly_full: 85, relieved: 80, every };
    let watcher =
        Watcher::new(client, &watching, memory.clone(), memory.clone(), clock, Metrics::new(), &health)
            .unwrap()
            .with_usage(&usage, &scope.parse::<Scope>().unwrap(), &health)
            .unwrap();
    let running = tokio::spawn(watcher.run(shutdown.clone()));
    Run { health, shutdown, running }
}

impl Run {
    async fn trouble(&self) -> Option<String> {
        let report = self.health.ready().await;
        report.checks.into_iter().find(|check| check.name == "volume-usage").expect("it is registered").error
    }

    async fn stop(self) {
        self.shutdown.trigger();
        self.running.await.unwrap().unwrap();
    }
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let all = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("not so: {what}"));
}

#[tokio::test]
async fn what_is_nearly_full_is_said_once_over_restarts_and_troubles_and_relieved_when_there_is_room() {
    let (prometheus, address) = StandIn::start().await;
    let memory = Arc::new(Memory::default());
    let full = answer(&[
        volume("shop", "data", 91, Some(3)),
        volume("shop", "logs", 10, Some(88)),
        volume("shop", "rest", 10, None),
        volume("other", "data", 99, None),
    ]);
    prometheus.says(200, &full);
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "hunter2\n").unwrap();
    let first = start(&address, &memory, "shop", Some(SecretRef::File(token)));
    let both = ["data persistentvolumeclaim.nearly-full", "logs persistentvolumeclaim.nearly-full"];
    eventually("both are said", async || all_said(&memory) == both).await;
    let (query, shown) = prometheus.asked.lock().unwrap()[0].clone();
    assert!(query.contains("kubelet_volume_stats_") && query.contains("[15m]"), "{query}");
    assert_eq!(shown, "Bearer hunter2");

    // Trouble makes it unready; that nothing is known does not; neither says anything.
    prometheus.says(503, &json!({"status": "error", "errorType": "unavailable", "error": "starting"}));
    eventually("it is not ready", async || {
        let why = "the usage of volumes: Prometheus answers 503 Service Unavailable: starting";
        first.trouble().await.as_deref() == Some(why)
    })
    .await;
    prometheus.says(200, &answer(&[]));
    eventually("it is ready", async || first.trouble().await.is_none()).await;
    first.stop().await;
    assert_eq!(memory.keys(), ["volumeusage/shop/data", "volumeusage/shop/logs"]);

    prometheus.says(200, &answer(&[volume("shop", "data", 60, None), volume("shop", "logs", 10, Some(84))]));
    let second = start(&address, &memory, "*", None);
    eventually("one has room", async || all_said(&memory).len() == 3).await;
    assert_eq!(all_said(&memory)[2], "data persistentvolumeclaim.relieved");
    second.stop().await;
    assert_eq!(memory.keys(), ["volumeusage/shop/logs"], "nothing is kept of what has room");
}

#[tokio::test]
async fn killed_between_keeping_and_saying_it_is_said_at_the_next_start_and_once() {
    let (prometheus, address) = StandIn::start().await;
    let memory = Arc::new(Memory::default());
    prometheus.says(200, &answer(&[volume("shop", "data", 91, None)]));
    // Reading the state is the first operation, keeping it the second, saying it the third.
    memory.fail(2, Fault::CrashBefore);
    let first = start(&address, &memory, "*", None);
    eventually("it is kept", async || memory.writes() == 1).await;
    first.running.abort();
    assert_eq!(all_said(&memory), [""; 0]);
    // It has room by then; that it had none is said all the same, and then that it has.
    prometheus.says(200, &answer(&[volume("shop", "data", 10, None)]));
    let second = start(&address, &memory, "*", None);
    let both = ["data persistentvolumeclaim.nearly-full", "data persistentvolumeclaim.relieved"];
    eventually("both are said", async || all_said(&memory) == both).await;
    second.stop().await;
}

#[tokio::test]
async fn a_prometheus_that_is_not_there_and_a_token_that_is_not_there_are_named() {
    let memory = Arc::new(Memory::default());
    let nowhere = start(&"http://127.0.0.1:9".parse().unwrap(), &memory, "*", None);
    eventually("it says so", async || {
        nowhere
            .trouble()
            .await
            .is_some_and(|why| why.starts_with("the usage of volumes: cannot ask Prometheus: "))
    })
    .await;
    nowhere.stop().await;
    let token = Some(SecretRef::File("/nowhere/token".into()));
    let unread = start(&"http://127.0.0.1:9".parse().unwrap(), &memory, "*", token);
    eventually("it says so", async || {
        unread.trouble().await.is_some_and(|why| why.contains("cannot read the secret file /nowhere/token"))
    })
    .await;
    unread.stop().await;
}
