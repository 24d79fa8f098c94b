//! The watcher on a real API server, with the rights that its README names and no others: whatever is killed, each
//! transition comes out once.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;
use tests::kube_api::{KubeApi, apply, rule};
use tests::kwok::Kwok;
use tests::nats::Nats;
use tests::signalbox::{Signalbox, Start};
use tests::{eventually, skip};

use crate::told::{hears, said};

const PATIENCE: Duration = Duration::from_mins(2);
const KINDS: &str = "deployments,statefulsets,daemonsets,pods,nodes,jobs,persistentvolumeclaims,horizontalpodautoscalers,namespaces,events";

/// The rules of the watcher's README, for what a plain cluster has.
fn rules() -> Vec<PolicyRule> {
    let reads = ["get", "list", "watch"];
    vec![
        rule("apps", &["deployments", "statefulsets", "daemonsets"], &reads),
        rule("", &["pods", "nodes", "persistentvolumeclaims", "namespaces", "events"], &reads),
        rule("batch", &["jobs"], &reads),
        rule("autoscaling", &["horizontalpodautoscalers"], &reads),
    ]
}

struct Stage {
    api: KubeApi,
    _kwok: Kwok,
    nats: Nats,
    kubeconfig: std::path::PathBuf,
}

impl Stage {
    async fn new() -> anyhow::Result<Self> {
        let api = KubeApi::start().await?;
        let kwok = Kwok::start(&api).await?;
        api.namespace("shop").await?;
        let kubeconfig = api.kubeconfig_for("watcher", rules()).await?;
        Ok(Self { api, _kwok: kwok, nats: Nats::start().await?, kubeconfig })
    }

    async fn serve(&self) -> anyhow::Result<Signalbox> {
        let mut signalbox = Signalbox::new("", Some(self.nats.url()))?;
        let set = |name: &str, value: String| (format!("SIGNALBOX_KUBERNETES__{name}"), value);
        let environment =
            vec![set("KUBECONFIG", self.kubeconfig.display().to_string()), set("WATCH", KINDS.to_owned())];
        let arguments = vec!["--only".to_owned(), "watcher,console".to_owned()];
        signalbox.start(Start { arguments, environment }).await?;
        signalbox.ready().await?;
        Ok(signalbox)
    }

    async fn deploy(&self, name: &str, image: &str, replicas: i64) -> anyhow::Result<()> {
        let labels = json!({"app": name});
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "web", "image": image}]},
                },
            },
        });
        apply(&self.api.client().await?, &deployment).await
    }

    async fn rolled_out(&self, name: &str) -> anyhow::Result<()> {
        let deployments: Api<Deployment> = Api::namespaced(self.api.client().await?, "shop");
        eventually(PATIENCE, "the Deployment is rolled out", async || {
            let it = serde_json::to_value(deployments.get(name).await?)?;
            let done = it["status"]["conditions"].as_array().into_iter().flatten();
            let done = done.clone().any(|c| c["reason"] == "NewReplicaSetAvailable");
            let seen = it["status"]["observedGeneration"] == it["metadata"]["generation"];
            anyhow::ensure!(
                done && seen && it["status"]["availableReplicas"] == it["spec"]["replicas"],
                "{it}"
            );
            Ok(())
        })
        .await
    }

    async fn undeploy(&self, name: &str) -> anyhow::Result<()> {
        let deployments: Api<Deployment> = Api::namespaced(self.api.client().await?, "shop");
        deployments.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    async fn cordon(&self, cordoned: bool) -> anyhow::Result<()> {
        let nodes: Api<Node> = Api::all(self.api.client().await?);
        let patch = json!({"spec": {"unschedulable": cordoned}});
        nodes.patch("simulated", &PatchParams::default(), &Patch::Merge(&patch)).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_each_transition_comes_out_once() -> anyhow::Result<()> {
    if skip::without(&["kine", "kubernetes", "kwok", "nats-server"]) {
        return Ok(());
    }
    let mut stage = Stage::new().await?;
    stage.deploy("web", "registry/web:1", 2).await?;
    stage.deploy("old", "registry/old:1", 1).await?;
    stage.rolled_out("web").await?;
    stage.rolled_out("old").await?;

    // The first start is silent, also about what is broken.
    let mut first = stage.serve().await?;
    stage.cordon(true).await?;
    hears(&first, "simulated", &["node.cordoned"]).await?;
    assert_eq!(said(&first)?.len(), 1, "{:?}", said(&first)?);

    // While the watcher is away.
    first.process()?.kill9()?;
    stage.undeploy("old").await?;
    stage.cordon(false).await?;
    stage.deploy("web", "registry/web:2", 2).await?;
    stage.rolled_out("web").await?;
    stage.deploy("bad", "registry/broken:1", 1).await?;
    let mut second = stage.serve().await?;
    let mut web = vec!["deployment.image-changed"];
    hears(&second, "shop/web", &web).await?;
    hears(&second, "shop/old", &["deployment.deleted"]).await?;
    hears(&second, "simulated", &["node.cordoned", "node.uncordoned"]).await?;
    hears(&second, "shop/bad", &["deployment.created"]).await?;

    // While the API server is away, and has forgotten where the watches were.
    stage.api.restart_api().await?;
    // More: Kubernetes says for a moment that there are not enough, and that is no news.
    stage.deploy("web", "registry/web:2", 5).await?;
    stage.rolled_out("web").await?;
    web.push("deployment.scaled");
    hears(&second, "shop/web", &web).await?;

    // While the bus is away.
    stage.nats.kill9()?;
    stage.cordon(true).await?;
    stage.undeploy("web").await?;
    stage.nats.resume().await?;
    web.push("deployment.deleted");
    hears(&second, "shop/web", &web).await?;
    hears(&second, "simulated", &["node.cordoned", "node.uncordoned", "node.cordoned"]).await?;

    // Two of them: one speaks, and the other one takes over.
    let third = stage.serve().await?;
    stage.cordon(false).await?;
    let mut node = vec!["node.cordoned", "node.uncordoned", "node.cordoned", "node.uncordoned"];
    hears(&third, "simulated", &node).await?;
    second.process()?.kill9()?;
    stage.cordon(true).await?;
    node.push("node.cordoned");
    hears(&third, "simulated", &node).await?;
    hears(&third, "shop/web", &web).await?;
    let pods = said(&third)?.into_iter().filter(|(subject, _)| subject.starts_with("shop/bad-"));
    let pods: Vec<_> = pods.map(|(_, story)| story).collect();
    assert_eq!(pods, [["pod.image-pull-failing"]]);
    Ok(())
}
