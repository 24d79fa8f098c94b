//! The released program with all services in one process, and deliveries for it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tests::http1::Connection;
use tests::nats::Nats;
use tests::process::{Process, command};
use tests::signalbox::listening;

/// An embedded bus with a million events may take some time to open.
const PATIENCE: Duration = Duration::from_mins(1);
const SECRET: &str = "a secret for the benchmark";

/// A running program.
pub struct Server {
    /// Where deliveries go.
    pub public: String,
    /// From its start until it was ready.
    pub ready_in: Duration,
    process: Process,
}

/// The released program beside this one.
pub fn program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("signalbox");
    anyhow::ensure!(program.is_file(), "{} is not there: cargo build --release first", program.display());
    Ok(program)
}

impl Server {
    /// Starts it in a folder, with a Source `github` and these resources, and waits until it is ready.
    pub async fn start(
        folder: &tempfile::TempDir,
        nats: Option<&Nats>,
        resources: &str,
    ) -> anyhow::Result<Self> {
        let dir = folder.path();
        let (config, secret) = (dir.join("config"), dir.join("secret"));
        std::fs::create_dir_all(&config)?;
        std::fs::write(&secret, SECRET)?;
        let source = format!(
            "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: github}}\nspec:\n  github:\n    \
             secrets: [{{file: {}}}]\n{resources}",
            secret.display()
        );
        std::fs::write(config.join("resources.yaml"), source)?;
        let started = Instant::now();
        // A log of its own for each start, so that an address is never an earlier one's.
        let log = tempfile::Builder::new().prefix("log-").tempfile_in(dir)?.into_temp_path().keep()?;
        let mut process = Process::start("signalbox", serve(dir, &config, nats)?, &log)?;
        let address = |listener: &'static str| move |line: &str| listening(line, listener);
        let public = process.said(PATIENCE, address("public")).await?;
        let private = process.said(PATIENCE, address("private")).await?;
        let get = format!("GET /readyz HTTP/1.1\r\nhost: {private}\r\n\r\n");
        tests::eventually(PATIENCE, "it is ready", async || {
            let status = Connection::open(&private).await?.exchange(get.as_bytes()).await?;
            anyhow::ensure!(status == 200, "it answers {status}");
            Ok(())
        })
        .await?;
        Ok(Self { public, ready_in: started.elapsed(), process })
    }

    /// Kills it, as `kill -9` does.
    pub fn kill9(mut self) -> anyhow::Result<()> {
        self.process.kill9()
    }

    /// Its resident memory, from `/proc`.
    pub fn rss_kib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        line.trim().trim_end_matches("kB").trim().parse().context("VmRSS is no number")
    }
}

fn serve(dir: &Path, config: &Path, nats: Option<&Nats>) -> anyhow::Result<Command> {
    let bus = nats.map_or_else(|| format!("embedded:{}", dir.join("bus").display()), Nats::url);
    let arguments =
        ["serve", "--bus", &bus, "--listen-public", "127.0.0.1:0", "--listen-private", "127.0.0.1:0"];
    let mut command = command(program()?, arguments);
    command.arg("--config").arg(config).current_dir(dir).env_remove("KUBECONFIG");
    command.env("SIGNALBOX_LOG__FORMAT", "json").env("SIGNALBOX_LOG__LEVEL", "info");
    if nats.is_some() {
        std::fs::write(dir.join("api-token"), "a-token-of-the-api")?;
        command.env("SIGNALBOX_API__TOKEN__FILE", dir.join("api-token"));
    }
    Ok(command)
}

/// A whole signed request: a push to a repository, with so much beside it.
pub fn push(address: &str, id: &str, repository: &str, filler: &str) -> anyhow::Result<Vec<u8>> {
    let body = serde_json::json!({
        "ref": "refs/heads/main",
        "repository": { "full_name": repository, "url": format!("https://api.github.com/repos/{repository}") },
        "head_commit": { "id": "0123456789abcdef0123456789abcdef01234567", "message": filler,
                         "timestamp": "2026-01-02T03:04:05Z" },
    });
    let body = body.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).context("a key of any length will do")?;
    mac.update(body.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let head = format!(
        "POST /hooks/github HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nx-github-event: push\r\nx-github-delivery: {id}\r\n\
         x-hub-signature-256: sha256={signature}\r\n\r\n",
        body.len()
    );
    Ok([head.into_bytes(), body.into_bytes()].concat())
}
