//! The processes of a control plane.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Plan;
use crate::process::{Process, command};
use crate::scratch::Scratch;
use crate::tools;

/// The certificate that the API server makes for itself, with that of its authority.
pub const CERTIFICATE: &str = "certificates/apiserver.crt";
const ACCOUNT_KEY: &str = "accounts.key";
const ACCOUNT_PUBLIC_KEY: &str = "accounts.pub";
const TOKENS: &str = "tokens.csv";

/// Makes the key that signs the tokens of service accounts, and the administrator's token, which is returned.
pub fn credentials(dir: &Scratch) -> anyhow::Result<String> {
    let key = rcgen::KeyPair::generate().context("cannot make the key of the service accounts")?;
    fs::write(dir.join(ACCOUNT_KEY), key.serialize_pem())?;
    fs::write(dir.join(ACCOUNT_PUBLIC_KEY), key.public_key_pem())?;
    let secret = rcgen::KeyPair::generate().context("cannot make the token of the administrator")?;
    let token = hex::encode(&secret.public_key_raw()[1..33]);
    fs::write(dir.join(TOKENS), format!("{token},admin,admin,system:masters\n"))?;
    Ok(token)
}

pub fn datastore(dir: &Scratch, port: u16, plan: Plan) -> anyhow::Result<Process> {
    // Without an endpoint it keeps an SQLite file in its working directory.
    let mut arguments =
        vec![format!("--listen-address=127.0.0.1:{port}"), "--metrics-bind-address=0".to_owned()];
    if plan.forgetful {
        arguments.extend(["--compact-interval=1s".to_owned(), "--compact-min-retain=1".to_owned()]);
    }
    let mut command = command(tools::find("kine")?, arguments);
    command.current_dir(dir.path());
    Process::start("kine", command, &dir.join("kine.log"))
}

pub fn api(dir: &Scratch, port: u16, datastore: u16, plan: Plan) -> anyhow::Result<Process> {
    let file = |name: &str| dir.join(name).display().to_string();
    let arguments = [
        format!("--etcd-servers=http://127.0.0.1:{datastore}"),
        format!("--watch-cache={}", plan.watch_cache),
        format!("--cert-dir={}", file("certificates")),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        // There is one of it, and a loopback address is refused as an endpoint.
        "--endpoint-reconciler-type=none".to_owned(),
        "--service-cluster-ip-range=10.43.0.0/16".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-signing-key-file={}", file(ACCOUNT_KEY)),
        format!("--service-account-key-file={}", file(ACCOUNT_PUBLIC_KEY)),
        format!("--token-auth-file={}", file(TOKENS)),
        "--authorization-mode=RBAC,Node".to_owned(),
        "--allow-privileged".to_owned(),
    ];
    Process::start(
        "kube-apiserver",
        command(role("kube-apiserver")?, arguments),
        &dir.join("kube-apiserver.log"),
    )
}

pub fn controller(dir: &Scratch, kubeconfig: &Path, name: &str) -> anyhow::Result<Process> {
    let mut arguments = vec![
        format!("--kubeconfig={}", kubeconfig.display()),
        // It opens no port: nobody asks it.
        "--secure-port=0".to_owned(),
        "--leader-elect=false".to_owned(),
        // The defaults are meant to spare a big cluster; here they are what a test waits for.
        "--kube-api-qps=500".to_owned(),
        "--kube-api-burst=1000".to_owned(),
    ];
    if name == "kube-controller-manager" {
        arguments.push(format!("--service-account-private-key-file={}", dir.join(ACCOUNT_KEY).display()));
        // A busy machine must not make a simulated node look dead: its heartbeats are 20 to 25 s apart.
        arguments.push("--node-monitor-grace-period=10m".to_owned());
        arguments.push(format!("--root-ca-file={}", dir.join(CERTIFICATE).display()));
    }
    Process::start(name, command(role(name)?, arguments), &dir.join(format!("{name}.log")))
}

/// The three are one program that picks its role by its name.
fn role(name: &str) -> anyhow::Result<PathBuf> {
    tools::find_in("kubernetes", name)
}
