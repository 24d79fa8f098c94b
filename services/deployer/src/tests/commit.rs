//! An environment that names no Application: the commit is all there is.

use std::sync::Arc;
use std::time::Duration;

use chassis::runner::{self, Ports};
use chassis::{Bus, Metrics, Outcome, Position, Shutdown, SystemClock};
use events::Kind;
use events::payload::deploy::{Started, Step, Verified};

use super::bench::{Bench, FILE, request, success, tag};

/// Three commits, on two cores that do much else.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_request_becomes_one_commit_and_says_so() {
    let bench = Bench::new().await;
    let announcement = bench.announced(&request("e1", tag("v2"))).await;
    assert_eq!(announcement.subject.as_deref(), Some("my-app/dev"));
    assert_eq!(announcement.partition_key.as_deref(), Some("deploy:my-app/dev"));
    let succeeded = success(&announcement);
    assert_eq!((succeeded.app.as_str(), succeeded.environment.as_str()), ("my-app", "dev"));
    assert_eq!(succeeded.commit, bench.testbed.tip().as_str());
    assert_eq!((succeeded.changed, succeeded.verified), (true, Verified::CommitOnly));
    assert_eq!(bench.testbed.file(FILE), "# ours\nimage:\n  tag: v2 # CI\n");
    let started = Started {
        app: "my-app".to_owned(),
        environment: "dev".to_owned(),
        image: tag("v2"),
        previous: Some(tag("v1")),
    };
    assert_eq!(bench.started().await, [started]);
}

#[tokio::test]
async fn a_redelivery_announces_the_same_and_does_nothing() {
    let bench = Bench::new().await;
    let event = request("e1", tag("v2"));
    let first = bench.announced(&event).await;
    // Whatever happens in between: the deploy has had its end.
    bench.testbed.somebody_pushes(FILE, "image: broken\n");
    assert_eq!(bench.announced(&event).await, first);
    assert_eq!(bench.testbed.log(), ["somebody else's", "my-app: deploy v2 to dev", "begin"]);
    assert_eq!(bench.started().await.len(), 1);
}

#[tokio::test]
async fn an_older_request_never_undoes_a_newer_one() {
    let bench = Bench::new().await;
    let at = |id: &str, seconds: i64, version: &str| {
        let time = chrono::DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        request(id, tag(version)).to_builder().time(time).build().unwrap()
    };
    // The second of three failed at first and comes back last, as after a restart.
    bench.succeeded(&at("e1", 1, "v2")).await;
    bench.succeeded(&at("e3", 3, "v4")).await;
    let (step, reason, commit) = bench.failed(&at("e2", 2, "v3")).await;
    assert_eq!((step, commit), (Step::Plan, false));
    assert!(reason.contains("superseded") && reason.contains("e3"), "{reason}");
    assert_eq!(bench.testbed.file(FILE), "# ours\nimage:\n  tag: v4 # CI\n");
    // A person may ask for the older image again: that request is newer.
    bench.succeeded(&at("e4", 4, "v3")).await;
    assert_eq!(bench.testbed.file(FILE), "# ours\nimage:\n  tag: v3 # CI\n");
}

#[tokio::test]
async fn what_the_repository_says_already_is_a_success_without_a_commit() {
    let bench = Bench::new().await;
    let before = bench.testbed.tip();
    let succeeded = bench.succeeded(&request("e1", tag("v1"))).await;
    assert_eq!((succeeded.commit.as_str(), succeeded.changed), (before.as_str(), false));
    assert_eq!(bench.testbed.log(), ["begin"]);
}

#[tokio::test]
async fn from_the_bus_to_the_repository_and_back() {
    let Bench { testbed, deployer, engine, dir: _dir } = Bench::new().await;
    let metrics = Metrics::new();
    let deployer = deployer.with_metrics(&metrics).expect("the first deployer that counts there");
    let (bus, store) = (engine.bus.clone(), engine.store.clone());
    let shutdown = Shutdown::new();
    let ports = Ports { bus: bus.clone(), store, clock: Arc::new(SystemClock), metrics: metrics.clone() };
    let running = tokio::spawn(runner::run(Arc::new(deployer), ports, shutdown.clone()));
    for (id, version) in [("e1", "v2"), ("e2", "v3"), ("e3", "v4")] {
        bus.publish(&request(id, tag(version))).await.expect("the bus takes it");
    }
    // In order, as they have one partition key.
    let said =
        tokio::time::timeout(PATIENCE, three_successes(&*bus)).await.expect("three deploys take seconds");
    assert_eq!(said, ["v2", "v3", "v4"]);
    shutdown.trigger();
    running.await.expect("the runner ends").expect("the bus is there");
    let subjects =
        ["my-app: deploy v4 to dev", "my-app: deploy v3 to dev", "my-app: deploy v2 to dev", "begin"];
    assert_eq!(testbed.log(), subjects);
    let text = metrics.render();
    assert!(text.contains("signalbox_deploys_total{result=\"succeeded\"} 3\n"), "{text}");
}

/// The tags of the first three deploys that succeed, in order.
async fn three_successes(bus: &dyn Bus) -> Vec<String> {
    let mut from = Position(0);
    let mut said = Vec::new();
    while said.len() < 3 {
        let log = bus.read(from, 100).await.expect("the log");
        for recorded in &log {
            from = Position(recorded.position.0 + 1);
            let event = recorded.event.as_ref().expect("an event");
            if event.ty() == Kind::DeploySucceeded.name() {
                said.push(event.json().expect("JSON")["image"]["tag"].as_str().expect("a tag").to_owned());
            }
        }
        if log.is_empty() {
            bus.changed(Position(from.0.saturating_sub(1))).await.expect("the bus");
        }
    }
    said
}

#[tokio::test]
async fn a_request_is_handled_with_one_announcement() {
    let bench = Bench::new().await;
    let outcome = bench.handle(&request("e1", tag("v2")), 1).await.expect("an outcome");
    assert!(matches!(outcome, Outcome::Done(announcements) if announcements.len() == 1));
}
