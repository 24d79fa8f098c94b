//! When each Source was last accepted and last refused is kept, by all replicas together.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use chassis::sources::{Record, Sources};
use chassis::{Bucket, BusUrl, Engine, ManualClock, Metrics, Shutdown};
use gateway::{Gateway, Limits};
use resources::{Catalog, Current};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::world::{NOW, TOKEN};

const PATIENCE: Duration = Duration::from_secs(20);

struct Replica {
    router: Router,
    metrics: Arc<Metrics>,
    clock: Arc<ManualClock>,
    shutdown: Shutdown,
    keeping: tokio::task::JoinHandle<()>,
}

fn catalog(folder: &TempDir) -> Catalog {
    let file = folder.path().join("token");
    std::fs::write(&file, TOKEN).unwrap();
    let text = format!(
        "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: a}}\nspec: {{generic: {{tokens: [{{file: {}}}], type: '\"com.example.x\"'}}}}\n",
        file.display()
    );
    resources::load_text("a.yaml", &text).unwrap().catalog
}

fn replica(engine: &Engine, folder: &TempDir) -> Replica {
    let (metrics, clock, shutdown) = (Metrics::new(), Arc::new(ManualClock::at(NOW)), Shutdown::new());
    let current = Current::fixed(catalog(folder));
    let gateway =
        Gateway::new(engine.bus.clone(), current, clock.clone(), metrics.clone(), Limits::default());
    let gateway = Arc::new(gateway);
    let keeping = tokio::spawn(gateway.clone().keep(engine.store.clone(), shutdown.clone()));
    Replica { router: gateway.router(), metrics, clock, shutdown, keeping }
}

impl Replica {
    async fn post(&self, token: &str, body: &str) -> u16 {
        let request = Request::post("/hooks/a")
            .header("Content-Type", "application/json")
            .header("Authorization", format!("Bearer {token}"))
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.router.clone().oneshot(request).await.unwrap().status().as_u16()
    }

    async fn end(self) {
        let Self { router, shutdown, keeping, .. } = self;
        shutdown.trigger();
        drop(router);
        tokio::time::timeout(PATIENCE, keeping).await.expect("it ends when nobody posts any more").unwrap();
    }
}

async fn known(sources: &Sources, wanted: impl Fn(&Record) -> bool) -> Record {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let record = sources.all().await.unwrap().remove("a");
        if let Some(record) = record.filter(&wanted) {
            return record;
        }
        assert!(tokio::time::Instant::now() < until, "{:?}", sources.all().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_write_one_record_and_a_third_one_knows_it_from_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.unwrap();
    let sources = Sources::new(engine.store.clone());
    let (one, two) = (replica(&engine, &folder), replica(&engine, &folder));
    two.clock.advance(Duration::from_mins(1));
    assert_eq!(one.post(TOKEN, "{}").await, 202);
    assert_eq!(two.post("wrong", "{}").await, 401);
    // What comes alone is written at once.
    let record = known(&sources, |record| record.accepted.is_some() && !record.refused.is_empty()).await;
    assert_eq!((record.kind.as_str(), record.since, record.accepted), ("generic", NOW, Some(NOW)));
    let (answer, refused) = record.last_refused().unwrap();
    assert_eq!((answer, refused.at), ("unproven", NOW + Duration::from_mins(1)));
    assert_eq!(refused.error, "the token is none of the tokens of this source");
    // What comes within seconds is written before the end.
    assert_eq!(two.post(TOKEN, "no JSON").await, 400);
    assert_eq!(two.post(TOKEN, "{\"n\":2}").await, 202);
    two.end().await;
    let record = known(&sources, |_| true).await;
    assert_eq!(record.accepted, Some(NOW + Duration::from_mins(1)));
    let (_, refused) = record.refused.iter().find(|(answer, _)| *answer == "bad_body").unwrap();
    assert!(refused.error.starts_with("the body is not JSON: "), "with its cause: {}", refused.error);
    one.end().await;

    let three = replica(&engine, &folder);
    let at = (NOW + Duration::from_mins(1)).timestamp();
    let line = format!(
        "signalbox_gateway_source_last_accepted_timestamp_seconds{{source=\"a\",source_kind=\"generic\"}} {at}"
    );
    let until = tokio::time::Instant::now() + PATIENCE;
    while !three.metrics.render().contains(&line) {
        assert!(tokio::time::Instant::now() < until, "{}", three.metrics.render());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    three.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_strangers_makes_few_writes() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&BusUrl::Embedded(folder.path().join("bus"))).await.unwrap();
    let gateway = replica(&engine, &folder);
    let started = tokio::time::Instant::now();
    for _ in 0..500 {
        assert_eq!(gateway.post("a guess", "{}").await, 401);
    }
    gateway.end().await;
    let writes = engine.store.get(Bucket::Sources, "a").await.unwrap().unwrap().revision;
    // A revision counts the writes of the whole store, and nothing else is written here.
    let allowed = 3 + started.elapsed().as_secs() / 5;
    assert!(writes <= allowed, "{writes} writes, {allowed} would be few");
}
