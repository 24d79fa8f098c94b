//! A real Argo CD: its application controller and repo server, with Redis. Applications may point at `file://` repositories.

use std::env;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use tempfile::TempDir;

use crate::kube_api::KubeApi;
use crate::process::{Process, command};
use crate::{eventually, ports, tools};

const PATIENCE: Duration = Duration::from_mins(1);
/// Where Argo CD is, and its Applications are.
pub const NAMESPACE: &str = "argocd";

/// A running Argo CD.
#[derive(Debug)]
pub struct ArgoCd {
    _dir: TempDir,
    _processes: Vec<Process>,
}

/// `applications.argoproj.io`.
pub fn applications() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"))
}

impl ArgoCd {
    /// Starts Argo CD on the control plane.
    pub async fn start(api: &KubeApi) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let program = tools::find("argocd")?;
        let folder = program.parent().context("the program is in a folder")?;
        let client = api.client().await?;
        for crd in fs::read_dir(folder.join("crds"))? {
            let crd: serde_json::Value = serde_saphyr::from_str(&fs::read_to_string(crd?.path())?)?;
            apply(&client, &crd).await?;
        }
        api.namespace(NAMESPACE).await?;
        for object in objects(api) {
            apply(&client, &object).await?;
        }
        let (redis, repo) = (ports::free()?, ports::free()?);
        let processes = vec![
            start_redis(dir.path(), redis)?,
            start_repo_server(folder, dir.path(), repo, redis)?,
            start_controller(folder, dir.path(), api, repo, redis)?,
        ];
        Ok(Self { _dir: dir, _processes: processes })
    }

    /// Makes an Application with automated sync and self-heal; makes its namespace.
    pub async fn application(
        &self,
        api: &KubeApi,
        name: &str,
        repository: &str,
        path: &str,
        value_files: &[&str],
        namespace: &str,
    ) -> anyhow::Result<()> {
        api.namespace(namespace).await?;
        let application = serde_json::json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": { "name": name, "namespace": NAMESPACE },
            "spec": {
                "project": "default",
                "source": { "repoURL": repository, "targetRevision": "main", "path": path,
                            "helm": { "valueFiles": value_files } },
                "destination": { "server": api.url(), "namespace": namespace },
                "syncPolicy": { "automated": { "prune": true, "selfHeal": true } },
            },
        });
        apply(&api.client().await?, &application).await
    }

    /// The status of an Application.
    pub async fn status(&self, api: &KubeApi, name: &str) -> anyhow::Result<serde_json::Value> {
        let applications: Api<DynamicObject> =
            Api::namespaced_with(api.client().await?, NAMESPACE, &applications());
        Ok(applications.get(name).await?.data["status"].take())
    }

    /// Waits until an Application is synced and healthy.
    pub async fn healthy(&self, api: &KubeApi, name: &str) -> anyhow::Result<()> {
        eventually(PATIENCE, &format!("{name} is synced and healthy"), async || {
            let status = self.status(api, name).await?;
            let is = (status["sync"]["status"].as_str(), status["health"]["status"].as_str());
            anyhow::ensure!(is == (Some("Synced"), Some("Healthy")), "its status is {status:#}");
            Ok(())
        })
        .await
    }
}

/// Server-side apply of one object.
pub async fn apply(client: &kube::Client, object: &serde_json::Value) -> anyhow::Result<()> {
    let object: DynamicObject = serde_json::from_value(object.clone())?;
    let types = object.types.clone().context("the object has a kind")?;
    let gvk = GroupVersionKind::try_from(&types)?;
    let resource = ApiResource::from_gvk(&gvk);
    let name = object.metadata.name.clone().context("the object has a name")?;
    let api: Api<DynamicObject> = match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    eventually(PATIENCE, &format!("{} {name} is applied", types.kind), async || {
        let applied = api.patch(&name, &PatchParams::apply("tests").force(), &Patch::Apply(&object)).await;
        applied.map(|_| ()).context("it is not")
    })
    .await
}

/// What an installation of Argo CD has beside its programs.
fn objects(api: &KubeApi) -> Vec<serde_json::Value> {
    let metadata = |name: &str| serde_json::json!({ "name": name, "namespace": NAMESPACE, "labels": { "app.kubernetes.io/part-of": "argocd" } });
    let maps = ["argocd-rbac-cm", "argocd-cmd-params-cm", "argocd-gpg-keys-cm", "argocd-ssh-known-hosts-cm"];
    let mut objects: Vec<_> = maps
        .into_iter()
        .chain(["argocd-tls-certs-cm", "argocd-cm"])
        .map(
            |name| serde_json::json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(name) }),
        )
        .collect();
    objects.push(serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": metadata("argocd-secret"),
        "stringData": { "server.secretkey": "a secret of the tests" },
    }));
    let mut cluster = metadata("cluster-tests");
    cluster["labels"]["argocd.argoproj.io/secret-type"] = "cluster".into();
    let config =
        serde_json::json!({ "bearerToken": api.admin_token(), "tlsClientConfig": { "insecure": true } });
    objects.push(serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": cluster,
        "stringData": { "name": "tests", "server": api.url(), "config": config.to_string() },
    }));
    objects.push(serde_json::json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": { "name": "default", "namespace": NAMESPACE },
        "spec": { "sourceRepos": ["*"], "destinations": [{ "namespace": "*", "server": "*" }],
                  "clusterResourceWhitelist": [{ "group": "*", "kind": "*" }] },
    }));
    objects
}

fn start_redis(at: &Path, port: u16) -> anyhow::Result<Process> {
    let port = port.to_string();
    let arguments = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    let mut command = command(tools::find("redis-server")?, arguments);
    command.current_dir(at);
    Process::start("redis-server", command, &at.join("redis.log"))
}

fn start_repo_server(folder: &Path, at: &Path, port: u16, redis: u16) -> anyhow::Result<Process> {
    let arguments = [
        format!("--port={port}"),
        format!("--metrics-port={}", ports::free()?),
        "--address=127.0.0.1".to_owned(),
        "--metrics-address=127.0.0.1".to_owned(),
        format!("--redis=127.0.0.1:{redis}"),
    ];
    let mut command = command(folder.join("argocd-repo-server"), arguments);
    environment(&mut command, folder, at)?;
    Process::start("argocd-repo-server", command, &at.join("repo-server.log"))
}

fn start_controller(
    folder: &Path,
    at: &Path,
    api: &KubeApi,
    repo: u16,
    redis: u16,
) -> anyhow::Result<Process> {
    let arguments = [
        format!("--kubeconfig={}", api.kubeconfig().display()),
        format!("--namespace={NAMESPACE}"),
        format!("--repo-server=127.0.0.1:{repo}"),
        format!("--redis=127.0.0.1:{redis}"),
        format!("--metrics-port={}", ports::free()?),
        // Long: what the tests see must come from the refresh that the deployer asks for.
        "--app-resync=3600".to_owned(),
        "--self-heal-timeout-seconds=1".to_owned(),
    ];
    let mut command = command(folder.join("argocd-application-controller"), arguments);
    environment(&mut command, folder, at)?;
    Process::start("argocd-application-controller", command, &at.join("controller.log"))
}

/// What the programs of Argo CD want around them: helm and the wrappers on the PATH, a home, no GPG.
fn environment(command: &mut std::process::Command, folder: &Path, at: &Path) -> anyhow::Result<()> {
    let helm = tools::find("helm")?;
    let helm = helm.parent().context("helm is in a folder")?.to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = [helm, folder.join("hack")].into_iter().chain(env::split_paths(&path));
    for home in ["home", "tmp"] {
        fs::create_dir_all(at.join(home))?;
    }
    command.env("PATH", env::join_paths(path)?).env("HOME", at.join("home")).env("TMPDIR", at.join("tmp"));
    command.env("ARGOCD_GPG_ENABLED", "false").current_dir(at);
    Ok(())
}
