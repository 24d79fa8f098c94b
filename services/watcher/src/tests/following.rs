//! The whole watcher, with kube's client over HTTP on one side and the embedded engine on the other.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use chassis::{Bus, BusUrl, Engine, Health, Metrics, Position, Shutdown, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::fake_api::FakeApi;
use super::said;
use super::sample::{application, synced_and_healthy, with};
use crate::{Scope, Watcher, Watching};

/// A test that has waited this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Nothing is listed anew unless the test is about that.
const RARELY: Duration = Duration::from_hours(1);

struct Stage {
    api: FakeApi,
    dir: TempDir,
}

/// A watcher that runs.
struct Running {
    engine: Engine,
    health: Health,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Stage {
    async fn new() -> Self {
        Self { api: FakeApi::start().await, dir: TempDir::new().unwrap() }
    }

    async fn start(&self) -> Running {
        self.start_with(&Scope::default(), RARELY).await
    }

    async fn start_with(&self, scope: &Scope, relist: Duration) -> Running {
        let engine = Engine::open(&BusUrl::Embedded(self.dir.path().join("bus"))).await.unwrap();
        let (health, metrics, shutdown) = (Health::default(), Metrics::new(), Shutdown::new());
        let (bus, store) = (engine.bus.clone(), engine.store.clone());
        let clock = Arc::new(SystemClock);
        let watcher =
            Watcher::new(self.api.client(), &of(scope), bus, store, clock, metrics.clone(), &health).unwrap();
        let task = tokio::spawn(watcher.relist_every(relist).run(shutdown.clone()));
        Running { engine, health, metrics, shutdown, task }
    }
}

impl Running {
    async fn stop(self) {
        self.shutdown.trigger();
        self.task.await.unwrap().unwrap();
        self.engine.close().await;
    }

    /// What the bus has, once it has at least that much.
    async fn hears(&self, expected: &[&str]) {
        let bus = &self.engine.bus;
        let wait = async {
            loop {
                let last = bus.last().await.unwrap();
                let heard = heard(&**bus).await;
                if heard.len() >= expected.len() {
                    return heard;
                }
                bus.changed(last).await.unwrap();
            }
        };
        let Ok(heard) = tokio::time::timeout(PATIENCE, wait).await else {
            panic!("{:?} after {PATIENCE:?} of waiting for {expected:?}", heard(&**bus).await);
        };
        assert_eq!(heard, expected);
    }

    async fn is_ready(&self) {
        eventually("it is ready", async || self.trouble().await.is_none()).await;
    }

    async fn trouble(&self) -> Option<String> {
        let report = self.health.ready().await;
        report.checks.into_iter().find(|check| check.name == "argocd-watch").expect("it is registered").error
    }
}

fn of(scope: &Scope) -> Watching {
    Watching { argocd: scope.clone(), ..Watching::default() }
}

async fn heard(bus: &dyn Bus) -> Vec<String> {
    let recorded = bus.read(Position(1), 1000).await.unwrap();
    recorded.iter().map(|recorded| said(recorded.event.as_ref().unwrap())).collect()
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("after {PATIENCE:?}: {what}"));
}

fn shop(health: &str) -> Value {
    named("shop", health)
}

fn named(name: &str, health: &str) -> Value {
    application(
        name,
        &format!("uid of {name}"),
        &with(synced_and_healthy(), "health", json!({"status": health})),
    )
}

#[tokio::test]
async fn a_first_start_says_what_is_there_and_then_what_changes() {
    let stage = Stage::new().await;
    stage.api.apply(&shop("Healthy"));
    stage.api.apply(&named("api", "Degraded"));
    let watcher = stage.start().await;
    watcher.is_ready().await;
    watcher.hears(&["api created", "shop created"]).await;

    stage.api.apply(&shop("Degraded"));
    stage.api.bookmark();
    stage.api.delete(&named("api", "Degraded"));
    stage.api.apply(&named("web", "Missing"));
    watcher.hears(&["api created", "shop created", "shop degraded", "api deleted", "web created"]).await;
    assert_eq!(stage.api.inner().lists, 1);
    watcher.stop().await;
}

#[tokio::test]
async fn a_restart_says_what_happened_meanwhile_and_nothing_again() {
    let stage = Stage::new().await;
    for name in ["api", "shop", "web"] {
        stage.api.apply(&named(name, "Healthy"));
    }
    let watcher = stage.start().await;
    watcher.is_ready().await;
    watcher.stop().await;

    stage.api.apply(&named("shop", "Degraded"));
    stage.api.delete(&named("web", "Healthy"));
    let watcher = stage.start().await;
    let story = ["api created", "shop created", "web created", "shop degraded", "web deleted"];
    watcher.hears(&story).await;
    watcher.is_ready().await;
    watcher.stop().await;

    let watcher = stage.start().await;
    watcher.is_ready().await;
    watcher.hears(&story).await;
    watcher.stop().await;
}

#[tokio::test]
async fn a_list_of_many_pages_is_one_list() {
    let stage = Stage::new().await;
    let names: Vec<String> = (0..120).map(|number| format!("app-{number:03}")).collect();
    for name in &names {
        stage.api.apply(&named(name, "Healthy"));
    }
    let watcher = stage.start().await;
    watcher.is_ready().await;
    let created: Vec<String> = names.iter().map(|name| format!("{name} created")).collect();
    watcher.hears(&created.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!(watcher.metrics.render().contains("signalbox_watcher_objects 120\n"));
    watcher.stop().await;
}

#[tokio::test]
async fn a_connection_that_ends_is_taken_up_where_it_was() {
    let stage = Stage::new().await;
    stage.api.apply(&shop("Healthy"));
    let watcher = stage.start().await;
    watcher.is_ready().await;
    stage.api.bookmark();
    eventually("a watch is begun", async || !stage.api.inner().watches.is_empty()).await;
    stage.api.cut();
    stage.api.apply(&shop("Degraded"));
    watcher.hears(&["shop created", "shop degraded"]).await;
    assert_eq!(stage.api.inner().lists, 1, "the watch was resumed");
    watcher.stop().await;
}

#[tokio::test]
async fn a_watch_that_has_expired_is_made_anew_and_nothing_is_missed() {
    let stage = Stage::new().await;
    stage.api.apply(&shop("Healthy"));
    stage.api.apply(&named("web", "Healthy"));
    let watcher = stage.start().await;
    watcher.is_ready().await;
    eventually("a watch is begun", async || !stage.api.inner().watches.is_empty()).await;

    stage.api.apply(&shop("Degraded"));
    stage.api.delete(&named("web", "Healthy"));
    stage.api.compact();
    watcher.hears(&["shop created", "web created", "shop degraded", "web deleted"]).await;
    assert_eq!(stage.api.inner().lists, 2);
    assert!(
        watcher.metrics.render().contains("signalbox_watcher_broken_total 0\n"),
        "an expired watch is no failure"
    );
    watcher.stop().await;
}

/// kube's watcher passes over an event that it cannot decode.
#[tokio::test]
async fn a_change_that_was_delivered_unreadable_is_found_by_a_new_list() {
    let stage = Stage::new().await;
    stage.api.apply(&shop("Healthy"));
    let watcher = stage.start().await;
    watcher.is_ready().await;
    eventually("a watch is begun", async || !stage.api.inner().watches.is_empty()).await;
    stage.api.inner().garble = true;
    stage.api.apply(&shop("Degraded"));
    watcher.hears(&["shop created", "shop degraded"]).await;
    watcher.is_ready().await;
    assert!(watcher.metrics.render().contains("signalbox_watcher_broken_total 1\n"));
    watcher.stop().await;
}

#[tokio::test]
async fn what_no_watch_tells_is_found_by_the_list_at_an_interval() {
    let stage = Stage::new().await;
    stage.api.apply(&shop("Healthy"));
    stage.api.inner().mute = true;
    let watcher = stage.start_with(&Scope::default(), Duration::from_millis(200)).await;
    watcher.is_ready().await;
    stage.api.apply(&shop("Degraded"));
    watcher.hears(&["shop created", "shop degraded"]).await;
    watcher.stop().await;
}

#[tokio::test]
async fn without_permission_it_is_not_ready_says_what_to_do_and_goes_on_when_it_is_given() {
    let stage = Stage::new().await;
    stage.api.apply(&shop("Healthy"));
    for (code, hint) in [
        (StatusCode::FORBIDDEN, "allow the service account to get, list and watch applications.argoproj.io"),
        (StatusCode::NOT_FOUND, "there are no applications.argoproj.io: is Argo CD installed?"),
    ] {
        stage.api.inner().refuse = Some(code);
        let watcher = stage.start().await;
        let says_so = async || {
            watcher.trouble().await.is_some_and(|why| why.contains("the fake says") && why.ends_with(hint))
        };
        eventually("it says why and what to do", says_so).await;
        stage.api.inner().refuse = None;
        watcher.is_ready().await;
        watcher.hears(&["shop created"]).await;
        watcher.stop().await;
    }
}

#[tokio::test]
async fn the_scope_says_whose_applications_are_followed() {
    let stage = Stage::new().await;
    let elsewhere = |namespace: &str| {
        let mut object = named(namespace, "Healthy");
        object["metadata"]["namespace"] = json!(namespace);
        object
    };
    for namespace in ["argocd", "team-a", "team-b"] {
        stage.api.apply(&elsewhere(namespace));
    }
    let watcher = stage.start_with(&"argocd,team-a".parse().unwrap(), RARELY).await;
    watcher.is_ready().await;
    let mut heard = heard(&*watcher.engine.bus).await;
    heard.sort();
    assert_eq!(heard, ["argocd created", "team-a created"]);
    watcher.stop().await;

    // A narrower scope does not take the others for deleted, a wider one knows them still.
    let watcher = stage.start().await;
    watcher.is_ready().await;
    watcher.stop().await;
    let watcher = stage.start_with(&Scope::All, RARELY).await;
    watcher.is_ready().await;
    let heard = self::heard(&*watcher.engine.bus).await;
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert_eq!(heard[2], "team-b created");
    watcher.stop().await;
}

#[tokio::test]
async fn a_second_watcher_in_one_process_is_refused() {
    let stage = Stage::new().await;
    let watcher = stage.start().await;
    let (bus, store) = (watcher.engine.bus.clone(), watcher.engine.store.clone());
    let (clock, metrics) = (Arc::new(SystemClock), watcher.metrics.clone());
    let second =
        Watcher::new(stage.api.client(), &of(&Scope::All), bus, store, clock, metrics, &Health::default());
    assert!(second.is_err());
    watcher.stop().await;
}
