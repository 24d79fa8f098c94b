//! What the watcher tells of a real Argo CD beside syncs and health: drift, and projects.

use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
};
use serde_json::{Value, json};
use tests::argocd::{NAMESPACE, applications};
use tests::eventually;
use tests::git::Repository;
use tests::kube_api::{apply, rule};
use tests::signalbox::{Signalbox, Start};

use crate::cluster::{shared, skipped};

const PATIENCE: Duration = Duration::from_mins(2);

/// The events of those types about a subject, in order.
fn told(signalbox: &Signalbox, types: &str, subject: &str) -> anyhow::Result<Vec<Value>> {
    let log = signalbox.output(&["events", "tail", "--no-follow", "--json", "--type", types])?;
    let events = log.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    Ok(events.into_iter().filter(|event| event["subject"] == subject).collect())
}

fn transitions(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["data"]["transition"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_in_the_cluster_is_drift_and_a_commit_is_none() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let cluster = shared().await?;
    let (api, argocd, name) = (&cluster.api, &cluster.argocd, "drifts");
    let repository = Repository::start()?;
    let files = ["values.yaml", "values-dev.yaml"];
    argocd.application(api, name, &repository.url(), "applications/my-app", &files, name).await?;
    argocd.healthy(api, name).await?;
    // Otherwise Argo CD mends it at once.
    let client = api.client().await?;
    let all = Api::<DynamicObject>::namespaced_with(client.clone(), NAMESPACE, &applications());
    let alone = json!({"spec": {"syncPolicy": {"automated": null}}});
    all.patch(name, &PatchParams::default(), &Patch::Merge(alone)).await?;
    // What it is asked after that it does with that in mind.
    argocd.refresh(api, name).await?;
    eventually(PATIENCE, "Argo CD has looked at it anew, and mends nothing", async || {
        let app = all.get(name).await?;
        let asked = app.metadata.annotations.unwrap_or_default();
        anyhow::ensure!(!asked.contains_key("argocd.argoproj.io/refresh"), "it has not looked yet");
        let phase = &app.data["status"]["operationState"]["phase"];
        anyhow::ensure!(*phase == "Succeeded", "the operation is {phase}");
        Ok(())
    })
    .await?;

    let rules = vec![rule("argoproj.io", &["applications", "appprojects"], &["get", "list", "watch"])];
    let kubeconfig = api.kubeconfig_for("drifts", rules).await?;
    let mut signalbox = Signalbox::new("", None)?;
    let set = |name: &str, value: String| (format!("SIGNALBOX_KUBERNETES__{name}"), value);
    let environment = vec![
        set("KUBECONFIG", kubeconfig.display().to_string()),
        set("WATCH", "applications,appprojects".to_owned()),
    ];
    let arguments = vec!["--only".to_owned(), "watcher,console".to_owned()];
    signalbox.start(Start { arguments, environment }).await?;
    signalbox.ready().await?;
    let subject = format!("{NAMESPACE}/{name}");
    let story = |signalbox: &Signalbox| told(signalbox, "io.argoproj.application.*", &subject);

    let deployments: Api<Deployment> = Api::namespaced(client.clone(), name);
    let deployment = deployments.list(&ListParams::default()).await?.items.pop().context("there is one")?;
    let deployment = deployment.metadata.name.context("it has a name")?;
    let more = json!({"spec": {"replicas": 3}});
    deployments.patch(&deployment, &PatchParams::default(), &Patch::Merge(more)).await?;
    let drifted = eventually(PATIENCE, "it is told that it drifted", async || {
        let events = story(&signalbox)?;
        let drifted = events.iter().find(|event| event["data"]["transition"] == "drifted").cloned();
        drifted.with_context(|| format!("{:?}", transitions(&events)))
    })
    .await?;
    assert_eq!(
        (&drifted["data"]["sync"], &drifted["data"]["previous"]),
        (&json!("OutOfSync"), &json!("Synced"))
    );
    let revisions = &drifted["data"]["revisions"];
    assert_eq!(*revisions, drifted["data"]["operation"]["revisions"], "it is what was synced");

    // Back, and then a commit that is not synced.
    let back = json!({"spec": {"replicas": 2}});
    deployments.patch(&deployment, &PatchParams::default(), &Patch::Merge(back)).await?;
    let synced = |events: &[Value]| transitions(events).iter().filter(|it| **it == "synced").count();
    eventually(PATIENCE, "it is synced again", async || {
        let events = story(&signalbox)?;
        anyhow::ensure!(synced(&events) == 1, "{:?}", transitions(&events));
        Ok(())
    })
    .await?;
    let changed = tests::git::VALUES_DEV.replace("0000000", "1111111");
    repository.push_as("Somebody", "Go on", &[(tests::git::FILE, &changed)])?;
    argocd.refresh(api, name).await?;
    let events = eventually(PATIENCE, "the commit is out of sync", async || {
        let events = story(&signalbox)?;
        let out = transitions(&events).iter().filter(|it| **it == "out-of-sync").count();
        anyhow::ensure!(out == 2, "{:?}", transitions(&events));
        Ok(events)
    })
    .await?;
    let drifts = transitions(&events).iter().filter(|it| **it == "drifted").count();
    assert_eq!(drifts, 1, "{:?}", transitions(&events));

    // Projects.
    let project = |destinations: Value| {
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "team", "namespace": NAMESPACE},
            "spec": {"description": "a team", "sourceRepos": ["*"], "destinations": destinations},
        })
    };
    apply(&client, &project(json!([{"namespace": "a", "server": "*"}]))).await?;
    apply(&client, &project(json!([{"namespace": "b", "server": "*"}]))).await?;
    let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "AppProject");
    let projects = Api::<DynamicObject>::namespaced_with(client, NAMESPACE, &ApiResource::from_gvk(&kind));
    projects.delete("team", &DeleteParams::default()).await?;
    let events = eventually(PATIENCE, "the project's story is told", async || {
        let events = told(&signalbox, "io.argoproj.appproject.*", "argocd/team")?;
        anyhow::ensure!(events.len() == 3, "{:?}", transitions(&events));
        Ok(events)
    })
    .await?;
    assert_eq!(transitions(&events), ["created", "changed", "deleted"]);
    assert_eq!(events[1]["data"]["changed"], json!(["destinations"]));
    assert_eq!(events[1]["data"]["destinations"], json!(["b at *"]));
    Ok(())
}
