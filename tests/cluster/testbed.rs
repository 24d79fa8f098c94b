//! The testbed itself: what the other tests stand on really stands.

use std::time::Duration;

use anyhow::Context as _;
use chassis::{Clock as _, SystemClock};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use tests::alertmanager::Alertmanager;
use tests::git::{FILE, Repository, VALUES_DEV};
use tests::kube_api::{self, Grant, apply, rule};
use tests::receiver::{Posted, Receiver};
use tests::{eventually, skip};

use crate::cluster::{shared, skipped};

const PATIENCE: Duration = Duration::from_mins(1);

/// Deploys one pod and returns what it looks like, as soon as that is as `wanted`: ready, or why it waits.
async fn deployed(
    api: &kube_api::KubeApi,
    namespace: &str,
    image: &str,
    wanted: Option<&str>,
) -> anyhow::Result<Value> {
    api.namespace(namespace).await?;
    let client = api.client().await?;
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "plain", "namespace": namespace },
        "spec": {
            "selector": { "matchLabels": { "app": "plain" } },
            "template": {
                "metadata": { "labels": { "app": "plain" } },
                "spec": { "containers": [{ "name": "plain", "image": image }] },
            },
        },
    });
    apply(&client, &deployment).await?;
    let pods: Api<Pod> = Api::namespaced(client, namespace);
    eventually(PATIENCE, &format!("{image} is as it should be"), async || {
        let pod = pods.list(&ListParams::default()).await?.items.pop().context("there is no pod")?;
        let statuses = pod.status.and_then(|status| status.container_statuses).context("it has no status")?;
        let container = serde_json::to_value(statuses.first().context("it has no container")?)?;
        let is = (container["ready"] == true, container["state"]["waiting"]["reason"].as_str());
        anyhow::ensure!(is == (wanted.is_none(), wanted), "its status is {container:#}");
        Ok(container)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_gets_ready_and_says_which_image_it_runs() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = shared().await?;
    let container = deployed(&cluster.api, "testbed-tag", "registry/plain:1", None).await?;
    assert_eq!(container["image"], "registry/plain:1");
    assert!(container["imageID"].as_str().is_some_and(|id| id.contains("@sha256:")), "{container:#}");
    let pinned = format!("registry/plain@sha256:{}", "a".repeat(64));
    let container = deployed(&cluster.api, "testbed-digest", &pinned, None).await?;
    assert_eq!(container["imageID"], pinned);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_cannot_run_says_why() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = shared().await?;
    deployed(&cluster.api, "testbed-broken", "registry/broken:1", Some("ImagePullBackOff")).await?;
    let container =
        deployed(&cluster.api, "testbed-crashing", "registry/crashing:1", Some("CrashLoopBackOff")).await?;
    assert_eq!(container["lastState"]["terminated"]["exitCode"], 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_may_do_what_it_is_granted_and_no_more() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = shared().await?;
    let grants = [
        Grant::everywhere(vec![rule("", &["pods"], &["list"])]),
        Grant::within("testbed-account", vec![rule("", &["secrets"], &["list"])]),
    ];
    let kubeconfig = cluster.api.kubeconfig_with("testbed", &grants).await?;
    let client = kube_api::client(&kubeconfig).await?;
    let all = ListParams::default();
    Api::<Pod>::all(client.clone()).list(&all).await?;
    Api::<Secret>::namespaced(client.clone(), "testbed-account").list(&all).await?;
    match Api::<Secret>::namespaced(client, "default").list(&all).await {
        Err(kube::Error::Api(status)) => assert_eq!(status.code, 403, "{status:?}"),
        other => panic!("it may not do that, and got {other:?}"),
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn argo_cd_takes_a_commit_when_it_is_told_to_look() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = shared().await?;
    let (api, argocd, repository) = (&cluster.api, &cluster.argocd, Repository::start()?);
    let values = ["values.yaml", "values-dev.yaml"];
    argocd
        .application(api, "testbed", &repository.url(), "applications/my-app", &values, "testbed-argocd")
        .await?;
    argocd.healthy(api, "testbed").await?;
    let changed = VALUES_DEV.replace("0000000", "1111111");
    let commit = repository.push_as("Somebody", "Go on", &[(FILE, &changed)])?;
    argocd.refresh(api, "testbed").await?;
    eventually(PATIENCE, "the commit is synced", async || {
        let status = argocd.status(api, "testbed").await?;
        let synced = &status["operationState"]["syncResult"]["revision"];
        anyhow::ensure!(*synced == commit.as_str(), "its status is {status:#}");
        Ok(())
    })
    .await?;
    argocd.healthy(api, "testbed").await?;
    let pods: Api<Pod> = Api::namespaced(api.client().await?, "testbed-argocd");
    eventually(PATIENCE, "only the new image runs", async || {
        let pods = pods.list(&ListParams::default()).await?.items;
        let images: Vec<_> = pods.into_iter().filter_map(|pod| pod.spec?.containers.pop()?.image).collect();
        let new = !images.is_empty() && images.iter().all(|image| image.ends_with(":1111111"));
        anyhow::ensure!(new, "they run {images:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_tells_of_firing_and_of_resolved() -> anyhow::Result<()> {
    if skip::without(&["alertmanager"]) {
        return Ok(());
    }
    let receiver = Receiver::start().await?;
    let alertmanager = Alertmanager::start(receiver.url(), "a-token").await?;
    let (labels, began) = ([("alertname", "Testing")], SystemClock.now() - Duration::from_secs(5));
    alertmanager.fire(&labels, began).await?;
    told(&receiver, "firing").await?;
    alertmanager.resolve(&labels, began, SystemClock.now()).await?;
    told(&receiver, "resolved").await?;
    assert!(receiver.posted().iter().all(|posted| posted.headers["authorization"] == "Bearer a-token"));
    Ok(())
}

async fn told(receiver: &Receiver, status: &str) -> anyhow::Result<()> {
    eventually(PATIENCE, &format!("{status} is told"), async || {
        let told = receiver.posted().iter().map(Posted::json).collect::<anyhow::Result<Vec<_>>>()?;
        anyhow::ensure!(told.iter().any(|body| body["alerts"][0]["status"] == status), "it told {told:?}");
        Ok(())
    })
    .await
}
