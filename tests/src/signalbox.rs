//! The program itself, as a process.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use anyhow::Context as _;

use crate::process::{Process, command, output};
use crate::scratch::Scratch;
use crate::{eventually, fixtures};

const PATIENCE: Duration = Duration::from_secs(30);

/// How a program is started.
#[derive(Debug, Default)]
pub struct Start {
    /// Further arguments of `serve`.
    pub arguments: Vec<String>,
    /// Further environment.
    pub environment: Vec<(String, String)>,
}

/// A folder with resources, secrets and data, and the program that serves it.
#[derive(Debug)]
pub struct Signalbox {
    dir: Scratch,
    bus: String,
    process: Option<Process>,
    public: String,
    private: String,
    http: reqwest::Client,
}

/// The program, beside the folder of this test.
pub fn program() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().context("a test is in a folder")?;
    let folder =
        if folder.ends_with("deps") { folder.parent().context("deps is in a folder")? } else { folder };
    let program = folder.join("signalbox");
    anyhow::ensure!(
        program.is_file(),
        "{} is not there: run `cargo build --workspace --bins`",
        program.display()
    );
    Ok(program)
}

impl Signalbox {
    /// A folder with these resources. `bus` is an address; without one, the bus is embedded in the folder.
    pub fn new(resources: &str, bus: Option<String>) -> anyhow::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = Scratch::new("signalbox")?;
        std::fs::create_dir(dir.path().join("config"))?;
        std::fs::write(dir.path().join("config").join("resources.yaml"), resources)?;
        let bus = bus.unwrap_or_else(|| format!("embedded:{}", dir.path().join("bus").display()));
        // What the program leaves behind when it is killed goes with the folder.
        std::fs::create_dir(dir.join("tmp"))?;
        // With an embedded bus the program makes one itself.
        std::fs::write(dir.path().join("api-token"), "a-token-of-the-api")?;
        let http = reqwest::Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { dir, bus, process: None, public: String::new(), private: String::new(), http })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Starts the program and waits until it listens.
    pub async fn start(&mut self, start: Start) -> anyhow::Result<()> {
        let config = self.dir.path().join("config").display().to_string();
        let mut arguments = vec!["serve", "--config", &config, "--bus", &self.bus];
        arguments.extend(["--listen-public", "127.0.0.1:0", "--listen-private", "127.0.0.1:0"]);
        arguments.extend(start.arguments.iter().map(String::as_str));
        let only = arguments.iter().skip_while(|argument| **argument != "--only").nth(1);
        let gateway = only.is_none_or(|only| only.contains("gateway"));
        let mut command = command(program()?, arguments);
        command.current_dir(self.dir.path()).env("SIGNALBOX_LOG__FORMAT", "json").env_remove("KUBECONFIG");
        command.env("TMPDIR", self.dir.join("tmp"));
        if !self.bus.starts_with("embedded:") {
            command.env("SIGNALBOX_API__TOKEN__FILE", self.dir.path().join("api-token"));
        }
        command.envs(start.environment);
        // A log of its own for each start, so that an address is never an earlier one's.
        let log =
            tempfile::Builder::new().prefix("log-").tempfile_in(self.dir.path())?.into_temp_path().keep()?;
        let mut process = Process::start("signalbox", command, &log)?;
        // The gateway alone listens there.
        if gateway {
            self.public = process.said(PATIENCE, |line| listening(line, "public")).await?;
        }
        self.private = process.said(PATIENCE, |line| listening(line, "private")).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Starts the program and waits until it is ready.
    pub async fn serve(&mut self) -> anyhow::Result<()> {
        self.start(Start::default()).await?;
        self.ready().await
    }

    /// Waits until it is ready.
    pub async fn ready(&self) -> anyhow::Result<()> {
        eventually(PATIENCE, "Signalbox is ready", async || {
            let answer = self.http.get(format!("http://{}/readyz", self.private)).send().await?;
            let (status, text) = (answer.status(), answer.text().await?);
            anyhow::ensure!(status.is_success(), "{status}: {text}");
            Ok(())
        })
        .await
    }

    /// Its process.
    pub fn process(&mut self) -> anyhow::Result<&mut Process> {
        self.process.as_mut().context("it was not started")
    }

    /// Where hooks are posted to.
    pub fn hook(&self, source: &str) -> String {
        format!("http://{}/hooks/{source}", self.public)
    }

    /// The public listener.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The private listener.
    pub fn private(&self) -> &str {
        &self.private
    }

    /// Posts a GitHub delivery, signed; returns the answer's status and body.
    pub async fn deliver(
        &self,
        secret: &str,
        event: &str,
        id: &str,
        body: &[u8],
    ) -> anyhow::Result<(u16, String)> {
        let signature = fixtures::sign(secret, body);
        self.post(&self.hook("github"), event, id, Some(&signature), body.to_vec()).await
    }

    /// Posts a GitHub delivery with that signature, or none.
    pub async fn post(
        &self,
        url: &str,
        event: &str,
        id: &str,
        signature: Option<&str>,
        body: Vec<u8>,
    ) -> anyhow::Result<(u16, String)> {
        let mut request = self.http.post(url).header("content-type", "application/json");
        request = request.header("x-github-event", event).header("x-github-delivery", id);
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        let answer = request.body(body).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// Runs another command of the program against the same bus.
    pub fn command(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = command(program()?, arguments);
        command.args(["--bus", &self.bus]).env("NO_COLOR", "1").current_dir(self.dir.path());
        output(command)
    }

    /// As [`Self::command`]; its output, or an error with what it complained of.
    pub fn output(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command(arguments)?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "signalbox {} says: {complaint}", arguments.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// The address in the log line that says that a listener is bound.
pub fn listening(line: &str, listener: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| line.get(name).or_else(|| line.get("fields")?.get(name))?.as_str();
    let ours = field("message") == Some("listening") && field("listener") == Some(listener);
    if ours { field("address").map(str::to_owned) } else { None }
}
