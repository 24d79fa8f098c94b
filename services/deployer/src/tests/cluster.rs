//! An environment that names an Application: a deploy is done when the image runs.

use std::sync::Arc;

use chassis::failure::Decision;
use chassis::{Handler as _, Outcome, Shutdown};
use events::payload::deploy::{Step, Verified};
use http::StatusCode;

use super::bench::{Bench, FILE, request, success, tag};
use crate::Deployer;
use crate::cluster::fake::{FakeCluster, cannot_pull, rolled_out, synced};
use crate::git::testbed::Testbed;

const OLD: &str = "ghcr.io/acme/my-app:v1";
const NEW: &str = "ghcr.io/acme/my-app:v2";

/// A cluster in which the old image runs, and a deployer on it. The Argo CD syncs the tip of the branch when it has been
/// asked to look for the n-th time, and `then` happens.
async fn bench(
    nth: usize,
    then: fn(&mut std::collections::BTreeMap<String, serde_json::Value>),
) -> (Bench, FakeCluster) {
    let origin: Arc<std::sync::OnceLock<std::path::PathBuf>> = Arc::default();
    let known = origin.clone();
    let cluster = FakeCluster::new(move |objects, nudges| {
        if nudges >= nth {
            synced(objects, Testbed::tip_of(known.get().expect("set below")).as_str());
            then(objects);
        }
    });
    let bench = Bench::on(&cluster).await;
    origin.set(bench.testbed.origin()).expect("set once");
    cluster.change(|objects| {
        synced(objects, bench.testbed.tip().as_str());
        rolled_out(objects, OLD);
    });
    (bench, cluster)
}

#[tokio::test]
async fn it_is_done_when_the_pods_run_the_image() {
    let (bench, cluster) = bench(1, |objects| rolled_out(objects, NEW)).await;
    let succeeded = bench.succeeded(&request("e1", tag("v2"))).await;
    let tip = bench.testbed.tip().to_string();
    let verified = Verified::Running { application: "my-app".to_owned(), revision: tip.clone(), pods: 2 };
    assert_eq!((succeeded.commit, succeeded.changed, succeeded.verified), (tip, true, verified));
    assert_eq!(cluster.nudges(), 1);
}

#[tokio::test]
async fn a_nudge_that_argo_cd_has_lost_is_repeated() {
    let (bench, cluster) = bench(3, |objects| rolled_out(objects, NEW)).await;
    bench.succeeded(&request("e1", tag("v2"))).await;
    assert_eq!(cluster.nudges(), 3);
}

#[tokio::test]
async fn synced_and_healthy_is_not_done_while_the_old_pods_run() {
    let (bench, _) = bench(1, |_| ()).await;
    let (step, reason, commit) = bench.failed(&request("e1", tag("v2"))).await;
    assert_eq!((step, commit), (Step::Rollout, true));
    let expected = "not done within 300 s: no workload of the Application names the image v2; they name \
                    ghcr.io/acme/my-app:v1";
    assert_eq!(reason, expected);
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_ends_the_deploy_early_and_says_so() {
    let (bench, cluster) = bench(1, |objects| {
        rolled_out(objects, NEW);
        cannot_pull(objects);
    })
    .await;
    let (step, reason, _) = bench.failed(&request("e1", tag("v2"))).await;
    let expected = "pod my-app-a container my-app: ImagePullBackOff: Back-off pulling image \"my-app:v2\"";
    assert_eq!((step, reason.as_str()), (Step::Rollout, expected));
    // 20 s of patience, three requests a look: long before the timeout of 300 s.
    assert!(cluster.requests() < 100, "{}", cluster.requests());
}

#[tokio::test]
async fn somebody_elses_newer_image_supersedes_the_deploy() {
    let (mut bench, _cluster) = bench(1, |_| ()).await;
    let event = request("e1", tag("v2"));
    // The commit is made; before Argo CD is asked to look, the process goes down and somebody pushes another image.
    let shutdown = Shutdown::new();
    shutdown.trigger();
    bench.deployer = bench.deployer.until(shutdown);
    let patient = bench.handle(&event, 1).await.expect_err("it is shutting down");
    assert!(matches!(patient.decision, Decision::Retry(_)));
    bench.deployer = bench.deployer.until(Shutdown::new());
    let theirs = bench.testbed.somebody_pushes(FILE, "image:\n  tag: v3\n");
    let (step, reason, commit) = bench.failed(&event).await;
    let expected = format!("superseded: at revision {} the values file names v3", &theirs.as_str()[..10]);
    assert_eq!((step, reason, commit), (Step::Sync, expected, true));
}

#[tokio::test]
async fn a_cluster_that_is_away_is_noticed_before_the_commit() {
    let (bench, cluster) = bench(1, |_| ()).await;
    cluster.fail("/applications/", StatusCode::BAD_GATEWAY);
    let failure = bench.handle(&request("e1", tag("v2")), 1).await.expect_err("it is away");
    assert!(matches!(failure.decision, Decision::Retry(_)), "{failure}");
    assert_eq!(bench.testbed.log(), ["begin"]);
}

#[tokio::test]
async fn a_missing_right_is_found_before_the_commit() {
    let (bench, cluster) = bench(1, |_| ()).await;
    cluster.fail("/applications/", StatusCode::FORBIDDEN);
    let (step, reason, commit) = bench.failed(&request("e1", tag("v2"))).await;
    assert_eq!((step, commit), (Step::Plan, false));
    assert!(reason.starts_with("cannot look at the cluster: cannot read the Application: "), "{reason}");
    assert!(reason.contains("forbidden"), "{reason}");
    assert_eq!(bench.testbed.log(), ["begin"]);
}

#[tokio::test]
async fn a_missing_right_in_the_target_namespace_ends_the_deploy() {
    let (bench, cluster) = bench(1, |objects| rolled_out(objects, NEW)).await;
    cluster.fail("/deployments/", StatusCode::FORBIDDEN);
    let (step, reason, commit) = bench.failed(&request("e1", tag("v2"))).await;
    assert_eq!((step, commit), (Step::Sync, true));
    let expected = "cannot look at the cluster: cannot read a workload of the Application: ";
    assert!(reason.starts_with(expected), "{reason}");
}

#[tokio::test]
async fn a_cluster_that_goes_away_is_waited_for_and_then_tried_again_later() {
    let (bench, cluster) = bench(1, |objects| rolled_out(objects, NEW)).await;
    cluster.fail("/deployments/", StatusCode::INTERNAL_SERVER_ERROR);
    let event = request("e1", tag("v2"));
    let failure = bench.handle(&event, 1).await.expect_err("it is away");
    assert!(matches!(failure.decision, Decision::Retry(_)), "{failure}");
    // It comes back: the same commit is verified, and no other is made.
    cluster.fail("/nowhere/", StatusCode::INTERNAL_SERVER_ERROR);
    let succeeded = bench.succeeded(&event).await;
    assert_eq!((succeeded.commit.as_str(), succeeded.changed), (bench.testbed.tip().as_str(), true));
    assert_eq!(bench.testbed.log(), ["my-app: deploy v2 to dev", "begin"]);
}

#[tokio::test]
async fn a_shutdown_leaves_off_waiting_and_the_deploy_goes_on_after_it() {
    let (mut bench, _cluster) = bench(1, |objects| rolled_out(objects, NEW)).await;
    let shutdown = Shutdown::new();
    shutdown.trigger();
    bench.deployer = bench.deployer.until(shutdown);
    let event = request("e1", tag("v2"));
    let failure = bench.handle(&event, 1).await.expect_err("it is shutting down");
    assert!(matches!(failure.decision, Decision::Retry(_)), "{failure}");
    bench.deployer = bench.deployer.until(Shutdown::new());
    assert!(bench.succeeded(&event).await.changed);
    assert_eq!(bench.testbed.log(), ["my-app: deploy v2 to dev", "begin"]);
}

#[tokio::test]
async fn the_last_attempt_comes_to_an_end_before_the_shutdown() {
    let (mut bench, _cluster) = bench(1, |objects| rolled_out(objects, NEW)).await;
    let shutdown = Shutdown::new();
    shutdown.trigger();
    bench.deployer = bench.deployer.until(shutdown);
    let outcome = bench.handle(&request("e1", tag("v2")), Deployer::ATTEMPTS).await.expect("an end");
    let Outcome::Done(announcements) = outcome else { panic!("{outcome:?}") };
    assert!(success(&announcements[0]).changed);
}
