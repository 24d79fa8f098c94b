//! A real Argo CD: its application controller and repo server. Applications may point at `file://` repositories, and at
//! `https://kubernetes.default.svc` as people write it.

mod application;

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

pub use self::application::applications;
use crate::kube_api::{KubeApi, apply};
use crate::process::{Process, command, while_running};
use crate::scratch::Scratch;
use crate::{eventually, ports, tools};

const PATIENCE: Duration = Duration::from_mins(2);
/// Where Argo CD is, and its Applications are.
pub const NAMESPACE: &str = "argocd";

/// A running Argo CD.
#[derive(Debug)]
pub struct ArgoCd {
    _dir: Scratch,
    processes: Vec<Process>,
}

/// The ports that the programs find each other by.
#[derive(Debug, Clone, Copy)]
struct Ports {
    redis: u16,
    repo_server: u16,
    metrics: u16,
}

impl ArgoCd {
    /// Installs Argo CD on the control plane and starts it.
    pub async fn start(api: &KubeApi) -> anyhow::Result<Self> {
        let dir = Scratch::new("argocd")?;
        let controller = tools::find_in("argocd", "argocd-application-controller")?;
        let installed = controller.parent().context("a program is in a folder")?;
        let client = api.client().await?;
        for definition in manifests(&installed.join("crds"))? {
            apply(&client, &definition).await?;
        }
        api.namespace(NAMESPACE).await?;
        for mut object in manifests(&installed.join("config"))? {
            object["metadata"]["namespace"] = NAMESPACE.into();
            if object["kind"] == "Secret" {
                object["stringData"] = json!({ "server.secretkey": "a secret of the tests" });
            }
            apply(&client, &object).await?;
        }
        apply(&client, &project()).await?;
        let ports = Ports { redis: ports::free()?, repo_server: ports::free()?, metrics: ports::free()? };
        let home = dir.path();
        let processes = vec![
            start(
                home,
                installed,
                "argocd-redis",
                &[format!("--address=127.0.0.1:{}", ports.redis)],
                |_| {},
            )?,
            start_repo_server(home, installed, ports)?,
            start_controller(home, installed, ports, api)?,
        ];
        let mut argocd = Self { _dir: dir, processes };
        let serves = eventually(PATIENCE, "Argo CD's controller serves", async || {
            let stream = tokio::net::TcpStream::connect(("127.0.0.1", ports.metrics)).await;
            stream.map(|_| ()).context("it takes no connection")
        });
        while_running(&mut argocd.processes, serves).await?;
        Ok(argocd)
    }

    /// What its programs have printed last.
    pub fn last_words(&self) -> String {
        self.processes.iter().map(Process::last_words).collect::<Vec<_>>().join("\n")
    }
}

/// The objects in the files of a folder.
fn manifests(folder: &Path) -> anyhow::Result<Vec<Value>> {
    let files = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let object = |file: std::io::Result<fs::DirEntry>| {
        let path = file?.path();
        serde_saphyr::from_str(&fs::read_to_string(&path)?)
            .with_context(|| format!("{} is no YAML", path.display()))
    };
    files.map(object).collect()
}

fn project() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": { "name": "default", "namespace": NAMESPACE },
        "spec": { "sourceRepos": ["*"], "destinations": [{ "namespace": "*", "server": "*" }],
                  "clusterResourceWhitelist": [{ "group": "*", "kind": "*" }] },
    })
}

fn start_repo_server(home: &Path, installed: &Path, ports: Ports) -> anyhow::Result<Process> {
    let arguments = [
        "--address=127.0.0.1".to_owned(),
        format!("--port={}", ports.repo_server),
        "--metrics-address=127.0.0.1".to_owned(),
        format!("--metrics-port={}", ports::free()?),
        format!("--redis=127.0.0.1:{}", ports.redis),
        // Its certificate would take seconds to make.
        "--disable-tls".to_owned(),
        "--client-ca-path=".to_owned(),
    ];
    start(home, installed, "argocd-repo-server", &arguments, |command| {
        command.env("ARGOCD_GPG_ENABLED", "false").env("ARGOCD_ASK_PASS_SOCK", home.join("ask-pass.sock"));
    })
}

fn start_controller(home: &Path, installed: &Path, ports: Ports, api: &KubeApi) -> anyhow::Result<Process> {
    let arguments = [
        format!("--kubeconfig={}", api.kubeconfig().display()),
        format!("--namespace={NAMESPACE}"),
        format!("--repo-server=127.0.0.1:{}", ports.repo_server),
        "--repo-server-plaintext".to_owned(),
        format!("--redis=127.0.0.1:{}", ports.redis),
        format!("--metrics-port={}", ports.metrics),
        // Long: what a test sees must come from the refresh that somebody asked for.
        "--app-resync=3600".to_owned(),
        "--self-heal-backoff-timeout-seconds=1".to_owned(),
    ];
    start(home, installed, "argocd-application-controller", &arguments, |command| {
        // It then takes itself to be in the cluster of that kubeconfig.
        command.env("ARGOCD_FAKE_IN_CLUSTER", "true").env("KUBECONFIG", api.kubeconfig());
    })
}

/// Starts a program with what all of them want around them: helm and the wrappers on the PATH, and a home of their own.
fn start(
    home: &Path,
    installed: &Path,
    name: &str,
    arguments: &[String],
    adapt: impl FnOnce(&mut Command),
) -> anyhow::Result<Process> {
    let helm = tools::find("helm")?;
    let helm = helm.parent().context("a program is in a folder")?.to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = [helm, installed.join("wrappers")].into_iter().chain(env::split_paths(&path));
    let mut command = command(installed.join(name), arguments);
    command.env("PATH", env::join_paths(path)?).env("HOME", home).env("TMPDIR", home).current_dir(home);
    adapt(&mut command);
    Process::start(name, command, &home.join(format!("{name}.log")))
}
