//! The testbed itself: what the other tests stand on really stands.

use std::time::Duration;

use anyhow::Context as _;
use chassis::{Clock as _, SystemClock};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use tests::alertmanager::Alertmanager;
use tests::argocd::{NAMESPACE, applications, apply};
use tests::eventually;
use tests::git::{FILE, Repository, VALUES_DEV};
use tests::receiver::Receiver;

use crate::cluster::{shared, skipped};

const PATIENCE: Duration = Duration::from_mins(1);

fn deployment(namespace: &str, image: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "plain", "namespace": namespace },
        "spec": {
            "selector": { "matchLabels": { "app": "plain" } },
            "template": {
                "metadata": { "labels": { "app": "plain" } },
                "spec": { "containers": [{ "name": "plain", "image": image }] },
            },
        },
    })
}

async fn pod(api: &Api<Pod>) -> anyhow::Result<serde_json::Value> {
    let pods = api.list(&ListParams::default()).await?;
    let pod = pods.items.first().context("there is no pod")?;
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.clone());
    serde_json::to_value(statuses.context("no status yet")?.first()).map_err(Into::into)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_gets_ready_and_a_broken_one_says_why_not() -> anyhow::Result<()> {
    if skipped("a_pod_gets_ready_and_a_broken_one_says_why_not", "redis-server") {
        return Ok(());
    }
    let cluster = shared().await?;
    let client = cluster.api.client().await?;
    for (namespace, image) in [("testbed-fine", "registry/plain:1"), ("testbed-broken", "registry/broken:1")]
    {
        cluster.api.namespace(namespace).await?;
        apply(&client, &deployment(namespace, image)).await?;
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        eventually(PATIENCE, &format!("{image} is where it should be"), async || {
            let status = pod(&pods).await?;
            let waiting = status["state"]["waiting"]["reason"].as_str();
            let wanted =
                if namespace == "testbed-fine" { (true, None) } else { (false, Some("ImagePullBackOff")) };
            anyhow::ensure!((status["ready"] == true, waiting) == wanted, "its status is {status:#}");
            assert_eq!(status["image"], image);
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn argo_cd_takes_a_commit_when_it_is_nudged() -> anyhow::Result<()> {
    if skipped("argo_cd_takes_a_commit_when_it_is_nudged", "redis-server") {
        return Ok(());
    }
    let cluster = shared().await?;
    let repository = Repository::start()?;
    let (path, files) = ("applications/my-app", ["values.yaml", "values-dev.yaml"]);
    cluster
        .argocd
        .application(&cluster.api, "testbed", &repository.url(), path, &files, "testbed-argocd")
        .await?;
    cluster.argocd.healthy(&cluster.api, "testbed").await?;
    let commit =
        repository.push_as("Somebody", "Go on", &[(FILE, &VALUES_DEV.replace("0000000", "1111111"))])?;
    let client = cluster.api.client().await?;
    let api: Api<DynamicObject> = Api::namespaced_with(client, NAMESPACE, &applications());
    let nudge =
        serde_json::json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": "normal" } } });
    api.patch("testbed", &PatchParams::default(), &Patch::Merge(nudge)).await?;
    eventually(PATIENCE, "the commit is synced", async || {
        let status = cluster.argocd.status(&cluster.api, "testbed").await?;
        anyhow::ensure!(
            status["operationState"]["syncResult"]["revision"] == commit.as_str(),
            "it is {status:#}"
        );
        Ok(())
    })
    .await?;
    cluster.argocd.healthy(&cluster.api, "testbed").await
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_tells_of_firing_and_resolved() -> anyhow::Result<()> {
    if skipped("alertmanager_tells_of_firing_and_resolved", "prometheus-alertmanager") {
        return Ok(());
    }
    let receiver = Receiver::start().await?;
    let alertmanager = Alertmanager::start(receiver.url(), "a-token").await?;
    let (labels, began) = ([("alertname", "Testing")], SystemClock.now() - Duration::from_secs(5));
    alertmanager.fire(&labels, began).await?;
    let told = |status: &'static str| {
        let receiver = &receiver;
        async move |()| {
            let posted =
                receiver.posted().into_iter().map(|posted| posted.json()).collect::<Result<Vec<_>, _>>()?;
            anyhow::ensure!(
                posted.iter().any(|body| body["alerts"][0]["status"] == status),
                "it told {posted:?}"
            );
            anyhow::Ok(())
        }
    };
    eventually(PATIENCE, "firing is told", async || told("firing")(()).await).await?;
    alertmanager.resolve(&labels, began, SystemClock.now()).await?;
    eventually(PATIENCE, "resolved is told", async || told("resolved")(()).await).await?;
    assert!(receiver.posted().iter().all(|posted| posted.headers["authorization"] == "Bearer a-token"));
    Ok(())
}
