//! The service: what it sweeps, and who is active.

use std::sync::Arc;
use std::time::Duration;

use chassis::lease::Leases;
use chassis::{Bucket, Clock as _, Health, Metrics, Shutdown, SystemClock};
use resources::{Catalog, Current};

use super::Stage;
use crate::Sweeper;

const PATIENCE: Duration = Duration::from_secs(30);

fn catalog(stage: &Stage, more: &str) -> Catalog {
    let text = format!(
        "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: shop}}\nspec:\n  github:\n    secrets: [{{env: \
         PATH}}]\n    sweep: {{hook: {{repository: acme/shop, id: 7}}, token: {{file: {}}}, api: \"{}\", every: 10s}}\n{more}",
        stage.folder.path().join("token").display(),
        stage.hub.api(),
    );
    resources::load_text("test.yaml", &text).expect("the Source is right").catalog
}

struct Process {
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
    running: tokio::task::JoinHandle<anyhow::Result<()>>,
}

fn start(stage: &Stage, current: Current, holder: Option<&str>) -> Process {
    let (metrics, shutdown) = (Metrics::new(), Shutdown::new());
    let (bus, store) = (stage.engine.bus.clone(), stage.engine.store.clone());
    let leases = holder.map(|holder| Arc::new(Leases::new(store.clone(), holder)));
    let sweeper =
        Sweeper::new(current, bus, store, Arc::new(SystemClock), metrics.clone(), &Health::default());
    let running = sweeper.expect("a new registry").with_leases(leases).run(shutdown.clone());
    Process { metrics, shutdown, running: tokio::spawn(running) }
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, looking).await.is_ok(), "{what}");
}

#[tokio::test]
async fn a_source_is_swept_until_it_is_retired_and_then_has_no_past() {
    let stage = Stage::new().await;
    let (sender, current) = Current::channel(catalog(&stage, ""));
    let process = start(&stage, current, None);
    let kept = || stage.engine.store.get(Bucket::Watch, "sweep/github/shop");
    eventually("it looks", async || kept().await.unwrap().is_some()).await;
    stage.hub.push(1, SystemClock.now(), 500);
    eventually("the gap is closed", async || stage.gaps().await.len() == 1).await;
    assert!(process.metrics.render().contains("signalbox_sweeper_sources 1\n"));
    sender.send_replace(Arc::new(catalog(&stage, "  retired: true\n")));
    eventually("it is forgotten", async || kept().await.unwrap().is_none()).await;
    process.shutdown.trigger();
    process.running.await.expect("no panic").expect("it ends well");
}

#[tokio::test]
async fn of_two_processes_one_sweeps() {
    let stage = Stage::new().await;
    let current = || Current::fixed(catalog(&stage, ""));
    let one = start(&stage, current(), Some("one"));
    let active =
        |process: &Process| process.metrics.render().contains("signalbox_active{handler=\"sweeper\"} 1\n");
    eventually("one is active", async || active(&one)).await;
    let two = start(&stage, current(), Some("two"));
    eventually("it looks", async || !stage.hub.asked().is_empty()).await;
    assert!(!active(&two));
    one.shutdown.trigger();
    one.running.await.expect("no panic").expect("it ends well");
    eventually("the other takes over", async || active(&two)).await;
    two.shutdown.trigger();
    two.running.await.expect("no panic").expect("it ends well");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_ends_it_with_an_error_that_names_it() {
    let stage = Stage::new().await;
    let store = &stage.engine.store;
    store.put(Bucket::Watch, "sweep/github/shop", b"{}".to_vec(), chassis::Expect::Any, None).await.unwrap();
    let process = start(&stage, Current::fixed(catalog(&stage, "")), None);
    let error = process.running.await.expect("no panic").expect_err("it cannot go on");
    assert!(format!("{error:#}").contains("sweep/github/shop"), "{error:#}");
}
