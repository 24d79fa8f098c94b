//! The automator on the embedded engine: what is announced is kept, once, and a failed rule can be mended and re-driven.

use std::sync::Arc;
use std::time::Duration;

use automator::Automator;
use chassis::dead::DeadLetters;
use chassis::runner::{self, Ports};
use chassis::{
    Bucket, BusUrl, Clock as _, Context, Engine, Handler as _, ManualClock, Metrics, Outcome, Position,
    Shutdown, SystemClock,
};
use events::payload::automation::{Evaluated, Verdict};
use events::{Envelope, announcement, extension};
use futures::StreamExt as _;
use resources::{Catalog, Current, load_text};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything here may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// More events than any test here makes.
const ALL: usize = 1000;

fn catalog(condition: &str) -> Catalog {
    let text = "
apiVersion: signalbox.dev/v1alpha1
kind: App
metadata: {name: hello}
spec:
  repository: octo-org/octo-repo
  branch: master
  environments:
    - name: dev
      git: {repository: /srv/git/deploy, file: hello/dev.yaml}
---
apiVersion: signalbox.dev/v1alpha1
kind: Channel
metadata: {name: team}
spec:
  webhook: {url: {env: PATH}}
---
apiVersion: signalbox.dev/v1alpha1
kind: Automation
metadata: {name: ship}
spec:
  on: [{type: com.github.workflow_run.completed}]
  when: CONDITION
  do:
    - deploy: {app: hello, environment: dev, image: {tag: \"{{ data.workflow_run.head_sha[:7] }}\"}}
---
apiVersion: signalbox.dev/v1alpha1
kind: Automation
metadata: {name: tell}
spec:
  on: [{type: \"com.github.*\"}]
  do:
    - notify: {channel: team, text: \"{{ app.name }}: {{ data.workflow_run.conclusion }}\"}
";
    let loaded = load_text("test.yaml", &text.replace("CONDITION", condition));
    loaded.expect("the resources of the test are valid").catalog
}

fn good() -> Catalog {
    catalog("data.workflow_run.conclusion == \"success\"")
}

/// A rule that names a field which the body has not.
fn bad() -> Catalog {
    catalog("data.workflow_run.conclusoin == \"success\"")
}

fn workflow_run(id: &str) -> Envelope {
    Envelope::builder(id, "https://github.com/octo-org/octo-repo", "com.github.workflow_run.completed")
        .body("application/json", include_bytes!("../fixtures/workflow_run.completed.json").to_vec())
        .build()
        .expect("a valid event")
}

async fn engine(folder: &TempDir) -> Engine {
    Engine::open(&BusUrl::Embedded(folder.path().to_owned()))
        .await
        .expect("the engine opens in an empty folder")
}

async fn all(engine: &Engine) -> Vec<Envelope> {
    let recorded = engine.bus.read(Position(1), ALL).await.expect("the log can be read");
    recorded.into_iter().map(|recorded| recorded.event.expect("only events are published here")).collect()
}

fn types(events: &[Envelope]) -> Vec<&str> {
    events.iter().map(Envelope::ty).collect()
}

/// Waits until the log holds so many events; more are a failure of the test that compares them.
async fn until(engine: &Engine, count: usize) -> Vec<Envelope> {
    let reached = async {
        loop {
            let events = all(engine).await;
            if events.len() >= count {
                return events;
            }
            let last = engine.bus.last().await.expect("the log has an end");
            engine.bus.changed(last).await.expect("the log can be watched");
        }
    };
    let reached = timeout(PATIENCE, reached).await;
    assert!(reached.is_ok(), "only {:?} after {PATIENCE:?}", types(&all(engine).await));
    reached.expect("checked just above")
}

struct Running {
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

fn run(engine: &Engine, automator: Automator) -> Running {
    let ports = Ports {
        bus: Arc::clone(&engine.bus),
        store: Arc::clone(&engine.store),
        clock: Arc::new(SystemClock),
        metrics: Metrics::new(),
    };
    let shutdown = Shutdown::new();
    let ended = shutdown.clone();
    let task = tokio::spawn(async move {
        runner::run(Arc::new(automator), ports, ended).await.expect("the bus stays");
    });
    Running { shutdown, task }
}

impl Running {
    async fn stop(self) {
        self.shutdown.trigger();
        timeout(PATIENCE, self.task)
            .await
            .expect("the runner ends in time")
            .expect("the runner does not panic");
    }
}

#[tokio::test]
async fn a_build_leads_to_requests_with_ids_that_can_be_foretold() {
    let folder = TempDir::new().expect("a folder for the test");
    let engine = engine(&folder).await;
    let running = run(&engine, Automator::new(Current::fixed(good())));
    let build = workflow_run("d-1");
    engine.bus.publish(&build).await.expect("the bus takes an event");

    let events = until(&engine, 4).await;
    running.stop().await;
    assert_eq!(
        types(&events),
        [
            "com.github.workflow_run.completed",
            "io.signalbox.deploy.requested.v1",
            "io.signalbox.notification.requested.v1",
            "io.signalbox.automation.evaluated.v1",
        ]
    );
    for (event, step) in events[1..].iter().zip(["ship/0", "tell/0", "evaluated"]) {
        assert_eq!(event.id(), announcement::derived_id(&build, "automator", step));
        assert_eq!(event.causation_id().as_deref(), Some("d-1"));
        assert_eq!(event.correlation_id(), "d-1");
        assert_eq!(event.hops(), 1);
    }
    assert_eq!(events[1].extension(extension::PARTITION_KEY).as_deref(), Some("deploy:hello/dev"));
    assert_eq!(events[2].extension(extension::PARTITION_KEY).as_deref(), Some("channel:team"));
}

#[tokio::test]
async fn an_event_that_is_handled_again_announces_nothing_new() {
    let folder = TempDir::new().expect("a folder for the test");
    let engine = engine(&folder).await;
    let automator = Automator::new(Current::fixed(good()));
    let build = Arc::new(workflow_run("d-1"));
    for attempt in 1..=3 {
        // A retry sees a later time; the ids must not.
        let minutes = Duration::from_secs(u64::from(attempt) * 60);
        let clock = Arc::new(ManualClock::at(events::DateTime::UNIX_EPOCH + minutes));
        let (bus, store) = (Arc::clone(&engine.bus), Arc::clone(&engine.store));
        let context = Context::new(Automator::NAME, Arc::clone(&build), attempt, bus, store, clock);
        let outcome = automator.handle(&build, &context).await.expect("the rules can be evaluated");
        assert_eq!(outcome, Outcome::Done(Vec::new()));
        assert_eq!(all(&engine).await.len(), 3, "attempt {attempt}");
    }
}

#[tokio::test]
async fn an_event_that_no_rule_listens_for_is_ignored() {
    let folder = TempDir::new().expect("a folder for the test");
    let engine = engine(&folder).await;
    let automator = Automator::new(Current::fixed(good()));
    let event = Arc::new(Envelope::builder("1", "/x", "org.example.x").build().expect("a valid event"));
    let (bus, store) = (Arc::clone(&engine.bus), Arc::clone(&engine.store));
    let context = Context::new(Automator::NAME, Arc::clone(&event), 1, bus, store, Arc::new(SystemClock));
    let outcome = automator.handle(&event, &context).await.expect("nothing can fail");
    assert_eq!(outcome, Outcome::Ignore("no Automation listens for it"));
    assert!(all(&engine).await.is_empty());
}

#[tokio::test]
async fn a_failed_rule_is_a_dead_letter_and_acts_once_when_it_was_mended_and_re_driven() {
    let folder = TempDir::new().expect("a folder for the test");
    let engine = engine(&folder).await;
    let (catalogs, current) = Current::channel(bad());
    let metrics = Metrics::new();
    let automator = Automator::new(current).with_metrics(&metrics).expect("the names of the metrics differ");
    let mut deaths = engine.store.watch(Bucket::DeadLetters, "").await.expect("the store can be watched");
    let running = run(&engine, automator);
    engine.bus.publish(&workflow_run("d-1")).await.expect("the bus takes an event");

    // The other rule acts, and the verdicts say what failed.
    let events = until(&engine, 3).await;
    assert_eq!(
        types(&events)[1..],
        ["io.signalbox.notification.requested.v1", "io.signalbox.automation.evaluated.v1"]
    );
    let verdicts: Evaluated = events[2].payload().expect("the verdicts");
    assert_eq!(
        verdicts.rules.iter().map(|rule| rule.verdict).collect::<Vec<_>>(),
        [Verdict::Failed, Verdict::Matched]
    );

    let letters = DeadLetters::new(Arc::clone(&engine.store));
    timeout(PATIENCE, deaths.next()).await.expect("the dead letter comes in time").expect("the store stays");
    let letter = letters.list().await.expect("the store answers").pop().expect("there is one dead letter");
    assert_eq!((letter.handler.as_str(), letter.attempts), ("automator", 1));
    assert!(
        letter.reasons.concat().contains("the Automation `ship` failed at `when`"),
        "{:?}",
        letter.reasons
    );
    assert!(letter.reasons.concat().contains("did you mean `conclusion`?"), "{:?}", letter.reasons);

    catalogs.send(Arc::new(good())).expect("the automator listens");
    letters.redrive(&*engine.bus, &letter.id, SystemClock.now()).await.expect("the letter can be re-driven");
    let events = until(&engine, 6).await;
    running.stop().await;
    // The deploy comes, the message does not come again, and the new verdicts are told.
    let mut after: Vec<&str> = types(&events)[3..].to_vec();
    after.retain(|ty| {
        !["com.github.workflow_run.completed", "io.signalbox.dead-letter.created.v1"].contains(ty)
    });
    assert_eq!(after, ["io.signalbox.deploy.requested.v1", "io.signalbox.automation.evaluated.v1"]);
    let rendered = metrics.render();
    for line in ["verdict=\"failed\"} 1\n", "verdict=\"matched\"} 3\n"] {
        assert!(rendered.contains(&format!("signalbox_automation_verdicts_total{{{line}")), "{rendered}");
    }
}

#[tokio::test]
async fn a_changed_catalog_is_in_force_for_the_next_event() {
    let folder = TempDir::new().expect("a folder for the test");
    let engine = engine(&folder).await;
    let (catalogs, current) = Current::channel(Catalog::default());
    let automator = Automator::new(current);
    let build = Arc::new(workflow_run("d-1"));
    let (bus, store) = (Arc::clone(&engine.bus), Arc::clone(&engine.store));
    let context = Context::new(Automator::NAME, Arc::clone(&build), 1, bus, store, Arc::new(SystemClock));
    let before = automator.handle(&build, &context).await.expect("no rule can fail");
    assert_eq!(before, Outcome::Ignore("no Automation listens for it"));
    catalogs.send(Arc::new(good())).expect("the automator listens");
    let after = automator.handle(&build, &context).await.expect("the rules can be evaluated");
    assert_eq!((after, all(&engine).await.len()), (Outcome::Done(Vec::new()), 3));
}
