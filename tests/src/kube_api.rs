//! A real Kubernetes control plane: kine (SQLite, as in K3s), kube-apiserver, kube-controller-manager, kube-scheduler.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use tempfile::TempDir;

use crate::process::{Process, command};
use crate::{eventually, ports, tools};

const PATIENCE: Duration = Duration::from_mins(1);
const ADMIN_TOKEN: &str = "admin-of-the-tests";

/// A control plane.
#[derive(Debug)]
pub struct KubeApi {
    dir: TempDir,
    port: u16,
    /// Kept running.
    processes: Vec<Process>,
}

impl KubeApi {
    /// Starts a control plane and waits until it is ready.
    pub async fn start() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let (at, port, kine) = (dir.path(), ports::free()?, ports::free()?);
        let key = rcgen::KeyPair::generate().context("cannot make the key of the service accounts")?;
        fs::write(at.join("sa.key"), key.serialize_pem())?;
        fs::write(at.join("sa.pub"), key.public_key_pem())?;
        fs::write(at.join("tokens.csv"), format!("{ADMIN_TOKEN},admin,admin,system:masters\n"))?;
        fs::write(at.join("admin.kubeconfig"), kubeconfig(port, ADMIN_TOKEN))?;
        let mut processes = vec![datastore(at, kine)?];
        processes.push(api_server(at, port, kine)?);
        let mut api = Self { dir, port, processes };
        let client = api.client().await?;
        eventually(PATIENCE, "the API server is ready", async || {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            client.request_text(request).await.map(|_| ()).context("it is not")
        })
        .await?;
        for role in ["kube-controller-manager", "kube-scheduler"] {
            api.processes.push(controller(api.dir.path(), role)?);
        }
        // Pods cannot be made before the controller manager has made this.
        let accounts: Api<ServiceAccount> = Api::namespaced(client, "default");
        eventually(PATIENCE, "the default service account is there", async || {
            accounts.get("default").await.map(|_| ()).context("it is not")
        })
        .await?;
        Ok(api)
    }

    /// The kubeconfig of the administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.path().join("admin.kubeconfig")
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The administrator's token.
    pub fn admin_token(&self) -> &'static str {
        ADMIN_TOKEN
    }

    /// A client of the administrator. Each runtime needs its own.
    pub async fn client(&self) -> anyhow::Result<kube::Client> {
        client(&self.kubeconfig()).await
    }

    /// Makes a namespace, if it is not there.
    pub async fn namespace(&self, name: &str) -> anyhow::Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client().await?);
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        match namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await
        {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The kubeconfig of an account that may do just this, in all namespaces.
    pub async fn kubeconfig_for(&self, name: &str, rules: Vec<PolicyRule>) -> anyhow::Result<PathBuf> {
        let client = self.client().await?;
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
        let account = ServiceAccount { metadata: metadata.clone(), ..ServiceAccount::default() };
        accounts.create(&PostParams::default(), &account).await?;
        let role = ClusterRole { metadata: metadata.clone(), rules: Some(rules), ..ClusterRole::default() };
        Api::<ClusterRole>::all(client.clone()).create(&PostParams::default(), &role).await?;
        let group = "rbac.authorization.k8s.io".to_owned();
        let binding = ClusterRoleBinding {
            metadata,
            role_ref: RoleRef { api_group: group, kind: "ClusterRole".to_owned(), name: name.to_owned() },
            subjects: Some(vec![Subject {
                kind: "ServiceAccount".to_owned(),
                name: name.to_owned(),
                namespace: Some("default".to_owned()),
                ..Subject::default()
            }]),
        };
        Api::<ClusterRoleBinding>::all(client).create(&PostParams::default(), &binding).await?;
        let request = TokenRequest { spec: TokenRequestSpec::default(), ..TokenRequest::default() };
        let token = accounts.create_token_request(name, &PostParams::default(), &request).await?;
        let token = token.status.context("the API server gave no token")?.token;
        let path = self.dir.path().join(format!("{name}.kubeconfig"));
        fs::write(&path, kubeconfig(self.port, &token))?;
        Ok(path)
    }
}

/// A client by a kubeconfig.
pub async fn client(kubeconfig: &Path) -> anyhow::Result<kube::Client> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(kube::Client::try_from(config)?)
}

fn kubeconfig(port: u16, token: &str) -> String {
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "tests", "cluster": {
            "server": format!("https://127.0.0.1:{port}"), "insecure-skip-tls-verify": true } }],
        "users": [{ "name": "user", "user": { "token": token } }],
        "contexts": [{ "name": "tests", "context": { "cluster": "tests", "user": "user" } }],
        "current-context": "tests",
    })
    .to_string()
}

fn datastore(at: &Path, port: u16) -> anyhow::Result<Process> {
    let endpoint =
        format!("sqlite://{}?_journal=WAL&cache=shared&_busy_timeout=30000", at.join("state.db").display());
    let arguments = [
        "--endpoint".to_owned(),
        endpoint,
        format!("--listen-address=127.0.0.1:{port}"),
        "--metrics-bind-address=0".to_owned(),
    ];
    let mut command = command(tools::find("kine")?, arguments);
    command.current_dir(at);
    Process::start("kine", command, &at.join("kine.log"))
}

fn api_server(at: &Path, port: u16, datastore: u16) -> anyhow::Result<Process> {
    let file = |name: &str| at.join(name).display().to_string();
    let arguments = [
        format!("--etcd-servers=http://127.0.0.1:{datastore}"),
        format!("--cert-dir={}", file("certs")),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--service-cluster-ip-range=10.43.0.0/16".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-signing-key-file={}", file("sa.key")),
        format!("--service-account-key-file={}", file("sa.pub")),
        format!("--token-auth-file={}", file("tokens.csv")),
        "--authorization-mode=RBAC,Node".to_owned(),
        "--allow-privileged".to_owned(),
    ];
    Process::start(
        "kube-apiserver",
        command(role("kube-apiserver")?, arguments),
        &at.join("kube-apiserver.log"),
    )
}

fn controller(at: &Path, name: &str) -> anyhow::Result<Process> {
    let mut arguments = vec![
        format!("--kubeconfig={}", at.join("admin.kubeconfig").display()),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
    ];
    if name == "kube-controller-manager" {
        arguments.push(format!("--service-account-private-key-file={}", at.join("sa.key").display()));
    }
    Process::start(name, command(role(name)?, arguments), &at.join(format!("{name}.log")))
}

/// The three are one program that picks its role by its name.
fn role(name: &str) -> anyhow::Result<PathBuf> {
    let program = tools::find("kubernetes")?.with_file_name(name);
    anyhow::ensure!(program.exists(), "{} is not there: run `tests/run --install`", program.display());
    Ok(program)
}
