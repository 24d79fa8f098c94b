//! Ten thousand pods and two thousand other objects, as large as those of a cluster are, written straight through the API.

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tests::eventually;

/// Pods.
pub const PODS: usize = 10_000;
/// Deployments; with the others there are two thousand objects beside the pods.
pub const DEPLOYMENTS: usize = 900;
const OTHERS: [(&str, &str, usize); 7] = [
    ("v1", "Node", 50),
    ("v1", "Namespace", 100),
    ("apps/v1", "StatefulSet", 150),
    ("apps/v1", "DaemonSet", 50),
    ("batch/v1", "Job", 400),
    ("v1", "PersistentVolumeClaim", 250),
    ("autoscaling/v2", "HorizontalPodAutoscaler", 100),
];
/// One pod of so many is in trouble from the beginning.
const ILL: usize = 50;
/// Namespaces with pods and the rest in them.
const TEAMS: usize = 10;
const AT_ONCE: usize = 24;
const SINCE: &str = "2026-11-01T00:00:00Z";

/// Makes all of them, and returns how many.
pub async fn fill(client: &Client) -> anyhow::Result<usize> {
    // First what the others need.
    for (api_version, kind, count) in OTHERS.into_iter().take(2) {
        make(client, (0..count).map(|n| object(api_version, kind, n))).await?;
    }
    for team in 0..TEAMS {
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &namespace(team));
        let account: ServiceAccount = serde_json::from_value(json!({"metadata": {"name": "default"}}))?;
        accounts.create(&PostParams::default(), &account).await?;
    }
    for (api_version, kind, count) in OTHERS.into_iter().skip(2) {
        make(client, (0..count).map(|n| object(api_version, kind, n))).await?;
    }
    make(client, (0..DEPLOYMENTS).map(|n| object("apps/v1", "Deployment", n))).await?;
    make(client, (0..PODS).map(pod)).await?;
    Ok(PODS + DEPLOYMENTS + OTHERS.iter().map(|(.., count)| count).sum::<usize>())
}

/// Where an object is.
pub fn namespace(n: usize) -> String {
    format!("namespace-{:04}", n % TEAMS)
}

/// Its API.
pub fn api(client: &Client, object: &Value) -> anyhow::Result<Api<DynamicObject>> {
    let text = |name: &str| object[name].as_str().with_context(|| format!("it has no {name}"));
    let (group, version) = text("apiVersion")?.rsplit_once('/').unwrap_or(("", text("apiVersion")?));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, text("kind")?));
    Ok(match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    })
}

/// Makes objects and sets the status that stands in them.
async fn make(client: &Client, objects: impl Iterator<Item = Value>) -> anyhow::Result<()> {
    let writes = objects.map(|object| async move {
        let api = api(client, &object)?;
        let name = object["metadata"]["name"].as_str().context("it has no name")?;
        let whole: DynamicObject = serde_json::from_value(object.clone())?;
        // What a namespace needs may be a moment behind it.
        eventually(std::time::Duration::from_secs(10), "it is made", async || {
            match api.create(&PostParams::default(), &whole).await {
                Ok(_) => Ok(Ok(())),
                Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404 | 429 | 500) => {
                    Err(kube::Error::Api(status).into())
                }
                Err(error) => Ok(Err(error)),
            }
        })
        .await??;
        if !object["status"].is_null() {
            let status = Patch::Merge(json!({"status": object["status"]}));
            api.patch_status(name, &PatchParams::default(), &status)
                .await
                .with_context(|| name.to_owned())?;
        }
        anyhow::Ok(())
    });
    futures::stream::iter(writes).buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await?;
    Ok(())
}

fn condition(ty: &str, reason: &str) -> Value {
    json!({"type": ty, "status": "True", "reason": reason, "message": "", "lastTransitionTime": SINCE, "lastUpdateTime": SINCE})
}

fn template(app: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": app, "app.kubernetes.io/part-of": "bench", "version": "1.42.0"}},
        "spec": pod_spec(app),
    })
}

fn object(api_version: &str, kind: &str, n: usize) -> Value {
    let name = format!("{}-{n:04}", kind.to_lowercase());
    let labels =
        json!({"app": name, "app.kubernetes.io/part-of": "bench", "app.kubernetes.io/managed-by": "Helm"});
    let selector = json!({"matchLabels": {"app": name}});
    let place = if matches!(kind, "Node" | "Namespace") { Value::Null } else { namespace(n).into() };
    let (spec, status) = match kind {
        "Node" => (json!({}), json!({"conditions": [condition("Ready", "KubeletReady")]})),
        "Deployment" => (
            json!({"replicas": 3, "selector": selector, "template": template(&name)}),
            json!({
                "observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
                "conditions": [condition("Available", "MinimumReplicasAvailable"), condition("Progressing", "NewReplicaSetAvailable")],
            }),
        ),
        "StatefulSet" => (
            json!({"replicas": 3, "serviceName": name, "selector": selector, "template": template(&name)}),
            json!({"observedGeneration": 1, "replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "updatedReplicas": 3,
                   "currentRevision": "r-1", "updateRevision": "r-1"}),
        ),
        "DaemonSet" => (
            json!({"selector": selector, "template": template(&name)}),
            json!({"observedGeneration": 1, "currentNumberScheduled": 50, "desiredNumberScheduled": 50, "numberMisscheduled": 0,
                   "numberReady": 50, "numberAvailable": 50, "updatedNumberScheduled": 50}),
        ),
        "Job" => {
            let mut template = template(&name);
            template["spec"]["restartPolicy"] = "Never".into();
            template["metadata"] = json!({});
            (json!({"template": template}), json!({"active": 1, "startTime": SINCE}))
        }
        "PersistentVolumeClaim" => (
            json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}),
            json!({"phase": "Bound", "capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"]}),
        ),
        "HorizontalPodAutoscaler" => (
            json!({"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": format!("deployment-{n:04}")},
                   "minReplicas": 2, "maxReplicas": 10}),
            Value::Null,
        ),
        _ => (json!({}), Value::Null),
    };
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": place, "labels": labels},
           "spec": spec, "status": status})
}

fn pod_spec(app: &str) -> Value {
    let container = |name: &str| {
        let environment: Vec<Value> =
            (0..12).map(|n| json!({"name": format!("{}_SETTING_{n}", name.to_uppercase()), "value": format!("value {n} of {app}")})).collect();
        let probe = json!({"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10});
        json!({
            "name": name, "image": format!("registry.example.com/team/{name}:1.42.0"), "env": environment,
            "ports": [{"containerPort": 8080, "name": "http"}], "livenessProbe": probe, "readinessProbe": probe,
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "volumeMounts": [{"name": "config", "mountPath": "/etc/config"}, {"name": "tmp", "mountPath": "/tmp"}],
        })
    };
    json!({
        "containers": [container("web"), container("proxy")], "automountServiceAccountToken": false,
        "volumes": [{"name": "config", "configMap": {"name": "config"}}, {"name": "tmp", "emptyDir": {}}],
    })
}

/// The status of a pod that is well, or whose first container crashes again and again.
pub fn pod_status(ill: bool) -> Value {
    let status = if ill { "False" } else { "True" };
    let conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
        .map(|ty| {
            let status = if matches!(ty, "Ready" | "ContainersReady") { status } else { "True" };
            json!({"type": ty, "status": status, "lastProbeTime": null, "lastTransitionTime": SINCE})
        });
    let container = |name: &str, ill: bool| {
        let ended = json!({"exitCode": 1, "reason": "Error", "startedAt": SINCE, "finishedAt": SINCE,
                           "containerID": format!("containerd://{}", "c".repeat(64))});
        let (state, last) = if ill {
            (
                json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}),
                json!({"terminated": ended}),
            )
        } else {
            (json!({"running": {"startedAt": SINCE}}), json!({}))
        };
        json!({
            "name": name, "ready": !ill, "started": !ill, "restartCount": if ill { 12 } else { 0 },
            "image": format!("registry.example.com/team/{name}:1.42.0"),
            "imageID": format!("registry.example.com/team/{name}@sha256:{}", "d".repeat(64)),
            "containerID": format!("containerd://{}", "e".repeat(64)), "state": state, "lastState": last,
        })
    };
    json!({
        "phase": "Running", "conditions": conditions, "hostIP": "10.0.0.7", "podIP": "10.42.0.7", "startTime": SINCE,
        "podIPs": [{"ip": "10.42.0.7"}], "qosClass": "Burstable",
        "containerStatuses": [container("web", ill), container("proxy", false)],
    })
}

/// Name of a pod.
pub fn pod_name(n: usize) -> String {
    format!("app-{n:05}-6d4b75cb6d-x{:04x}", n % 0xffff)
}

fn pod(n: usize) -> Value {
    let (name, app) = (pod_name(n), format!("app-{n:05}"));
    let mut spec = pod_spec(&app);
    spec["nodeName"] = format!("node-{:04}", n % 50).into();
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{app}-6d4b75cb6d"),
                       "uid": format!("00000000-0000-4000-8000-{n:012}"), "controller": true});
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name, "namespace": namespace(n), "ownerReferences": [owner],
            "labels": {"app": app, "pod-template-hash": "6d4b75cb6d", "app.kubernetes.io/part-of": "bench", "version": "1.42.0"},
            "annotations": {"checksum/config": "f".repeat(64), "prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
        },
        "spec": spec, "status": pod_status(n.is_multiple_of(ILL)),
    })
}

/// The pod with this number among those that are well at the beginning.
pub fn well(n: usize) -> usize {
    n + n / (ILL - 1) + 1
}
