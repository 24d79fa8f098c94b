//! A real Kubernetes control plane: kine (SQLite, as in K3s), kube-apiserver, kube-controller-manager, kube-scheduler.
//!
//! It is a full API server: RBAC, admission, custom resources, server-side apply, watches. What it lacks is nodes, which
//! [`crate::kwok`] simulates.

mod account;
mod servers;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};

pub use self::account::{Grant, rule};
use crate::process::{Process, while_running};
use crate::scratch::Scratch;
use crate::{eventually, ports};

/// Long enough for a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where the API server is among the processes.
const API: usize = 1;

/// What a control plane is to have.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Controllers and a scheduler; without them the objects stay as they are written.
    pub controllers: bool,
    /// The API server remembers what has been, and answers watches and lists from memory.
    pub watch_cache: bool,
    /// The datastore forgets each second what is older than a second.
    pub forgetful: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { controllers: true, watch_cache: true, forgetful: false }
    }
}

/// A control plane.
#[derive(Debug)]
pub struct KubeApi {
    plan: Plan,
    dir: Scratch,
    port: u16,
    datastore: u16,
    admin: String,
    processes: Vec<Process>,
}

impl KubeApi {
    /// Starts a control plane and waits until pods can be made.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Plan::default()).await
    }

    /// Starts one with what the plan says, and waits until objects can be made.
    pub async fn start_with(plan: Plan) -> anyhow::Result<Self> {
        let dir = Scratch::new("kubernetes")?;
        let (port, datastore) = (ports::free()?, ports::free()?);
        let admin = servers::credentials(&dir)?;
        let processes =
            vec![servers::datastore(&dir, datastore, plan)?, servers::api(&dir, port, datastore, plan)?];
        let mut api = Self { plan, dir, port, datastore, admin, processes };
        let certificate = api.dir.join(servers::CERTIFICATE);
        let made = eventually(PATIENCE, "the API server has made its certificate", async || {
            let whole = fs::read_to_string(&certificate)?.ends_with("-----END CERTIFICATE-----\n");
            anyhow::ensure!(whole, "it is not whole");
            Ok(())
        });
        while_running(&mut api.processes, made).await?;
        api.write_kubeconfig("admin", &api.admin)?;
        let client = api.client().await?;
        let ready = eventually(PATIENCE, "the API server is ready", async || {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            client.request_text(request).await.map(|_| ()).context("it is not")
        });
        while_running(&mut api.processes, ready).await?;
        if !plan.controllers {
            let namespaces: Api<Namespace> = Api::all(client);
            let made = eventually(PATIENCE, "the default namespace is there", async || {
                namespaces.get("default").await.map(|_| ()).context("it is not")
            });
            while_running(&mut api.processes, made).await?;
            return Ok(api);
        }
        for role in ["kube-controller-manager", "kube-scheduler"] {
            api.processes.push(servers::controller(&api.dir, &api.kubeconfig(), role)?);
        }
        let accounts: Api<ServiceAccount> = Api::namespaced(client, "default");
        // Pods cannot be made before the controller manager has made this.
        let account = eventually(PATIENCE, "the default service account is there", async || {
            accounts.get("default").await.map(|_| ()).context("it is not")
        });
        while_running(&mut api.processes, account).await?;
        Ok(api)
    }

    /// The kubeconfig of the administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("admin.kubeconfig")
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// A client of the administrator. It lives in the runtime that made it: each test needs its own.
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

    /// Kills the API server and starts it again: its memory of what has been is gone, so watches have to begin anew.
    pub async fn restart_api(&mut self) -> anyhow::Result<()> {
        self.processes[API].kill9()?;
        self.processes[API] = servers::api(&self.dir, self.port, self.datastore, self.plan)?;
        let client = self.client().await?;
        let ready = eventually(PATIENCE, "the API server is ready again", async || {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            client.request_text(request).await.map(|_| ()).context("it is not")
        });
        while_running(&mut self.processes, ready).await
    }

    /// What its servers have printed last.
    pub fn last_words(&self) -> String {
        self.processes.iter().map(Process::last_words).collect::<Vec<_>>().join("\n")
    }

    fn write_kubeconfig(&self, name: &str, token: &str) -> anyhow::Result<PathBuf> {
        let certificate = fs::read(self.dir.join(servers::CERTIFICATE))?;
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "tests", "cluster": { "server": self.url(),
                "certificate-authority-data": base64::engine::general_purpose::STANDARD.encode(certificate) } }],
            "users": [{ "name": name, "user": { "token": token } }],
            "contexts": [{ "name": "tests", "context": { "cluster": "tests", "user": name } }],
            "current-context": "tests",
        });
        let path = self.dir.join(format!("{name}.kubeconfig"));
        // JSON is YAML.
        fs::write(&path, config.to_string())?;
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

/// Server-side apply of one object. Waits for its kind, when that is just being defined.
pub async fn apply(client: &kube::Client, object: &serde_json::Value) -> anyhow::Result<()> {
    let object: DynamicObject = serde_json::from_value(object.clone())?;
    let types = object.types.clone().context("the object has a kind")?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(&types)?);
    let name = object.metadata.name.clone().context("the object has a name")?;
    let api: Api<DynamicObject> = match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    eventually(PATIENCE, &format!("{} {name} is applied", types.kind), async || {
        match api.patch(&name, &PatchParams::apply("tests").force(), &Patch::Apply(&object)).await {
            Ok(_) => Ok(Ok(())),
            // The kind is not served yet.
            Err(kube::Error::Api(status)) if status.code == 404 => Err(kube::Error::Api(status).into()),
            Err(error) => Ok(Err(error)),
        }
    })
    .await?
    .with_context(|| format!("cannot apply {} {name}", types.kind))
}
