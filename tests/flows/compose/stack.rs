//! The containers of `compose.yaml` without containers: the same programs, arguments, environment and files, with the
//! paths of the containers put into a temporary folder.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tests::process::{Process, command};
use tests::signalbox::{listening, program};
use tests::{eventually, ports, tools};

use super::file::{Compose, Mount, root, text};

const PATIENCE: Duration = Duration::from_secs(30);
/// Where the containers find their secrets.
pub const SECRETS: &str = "/run/secrets/signalbox";

/// NATS and Signalbox, running.
pub struct Stack {
    folder: tempfile::TempDir,
    _nats: Process,
    _signalbox: Process,
    environment: Vec<(String, String)>,
    pub public: String,
    pub private: String,
}

impl Stack {
    /// Runs `prepare`, then NATS, then Signalbox.
    pub async fn start() -> anyhow::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let compose = Compose::read()?;
        let folder = tempfile::tempdir()?;
        prepare(&compose, folder.path())?;

        let port = ports::free()?;
        let nats = nats(&compose, folder.path(), port)?;
        let environment = environment(&compose, folder.path(), port)?;
        let mut signalbox = signalbox(&compose, folder.path(), &environment)?;
        let public = signalbox.said(PATIENCE, |line| listening(line, "public")).await?;
        let private = signalbox.said(PATIENCE, |line| listening(line, "private")).await?;
        let http = reqwest::Client::new();
        eventually(PATIENCE, "Signalbox is ready", async || {
            let answer = http.get(format!("http://{private}/readyz")).send().await?;
            let (status, body) = (answer.status(), answer.text().await?);
            anyhow::ensure!(status.is_success(), "{status}: {body}");
            Ok(())
        })
        .await?;
        Ok(Self { folder, _nats: nats, _signalbox: signalbox, environment, public, private })
    }

    /// The folder in which everything is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the secrets.
    pub fn secrets(&self) -> PathBuf {
        self.folder().join("secrets")
    }

    /// A secret that `prepare` made.
    pub fn secret(&self, name: &str) -> anyhow::Result<String> {
        let path = self.secrets().join(name);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// What `docker compose exec signalbox signalbox …` would print.
    pub fn exec(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = command(program()?, arguments);
        command.envs(self.environment.clone()).env("NO_COLOR", "1").current_dir(self.folder.path());
        let output = command.output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "signalbox {} says: {complaint}", arguments.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// Runs the script of `prepare`. Only root could give a folder away, so that is left out.
pub fn prepare(compose: &Compose, folder: &Path) -> anyhow::Result<()> {
    let service = compose.service("prepare")?;
    let (secrets, nats) = (folder.join("secrets"), folder.join("nats"));
    std::fs::create_dir_all(&secrets)?;
    std::fs::create_dir_all(&nats)?;
    let script = service.list("command").concat().replace("$$", "$");
    let script = script.replace("/secrets", &secrets.display().to_string());
    let script = script.replace("/nats", &nats.display().to_string());
    let [shell, flags] = &service.list("entrypoint")[..] else {
        anyhow::bail!("the entry point is a shell and its flags");
    };
    let mut command = command(shell, [flags, &format!("chown() {{ test -d \"$2\"; }}\n{script}")]);
    let output = command.stdin(Stdio::null()).output()?;
    anyhow::ensure!(output.status.success(), "prepare says: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The server with its configuration, in another folder and on other ports: for those, flags win over the file.
fn nats(compose: &Compose, folder: &Path, port: u16) -> anyhow::Result<Process> {
    let service = compose.service("nats")?;
    let [server, flag, config] = &service.list("command")[..] else {
        anyhow::bail!("the command is the server and its configuration");
    };
    let mounts = service.mounts()?;
    let mounted = mounts.iter().find(|mount| mount.to == *config).and_then(Mount::path);
    let written = std::fs::read_to_string(mounted.context("the configuration is mounted")?)?;
    let volume = mounts.iter().find(|mount| mount.from == "nats").context("the volume is mounted")?;
    let store_dir = format!("store_dir: {}\n", volume.to);
    anyhow::ensure!(written.contains(&store_dir), "the server keeps its data in its volume");
    let here = folder.join("nats.conf");
    std::fs::write(&here, written.replace(&volume.to, &folder.join("nats").display().to_string()))?;

    let mut command = command(tools::find(server)?, [flag.as_ref(), here.as_os_str()]);
    command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--http_port", &ports::free()?.to_string()]);
    Process::start("nats-server", command, &folder.join("nats.log"))
}

fn environment(compose: &Compose, folder: &Path, port: u16) -> anyhow::Result<Vec<(String, String)>> {
    let place = |value: String| {
        let value = value.replace(SECRETS, &folder.join("secrets").display().to_string());
        let value = value.replace("/var/lib/signalbox", &folder.join("data").display().to_string());
        value.replace("nats://nats:4222", &format!("nats://127.0.0.1:{port}"))
    };
    let variables = compose.service("signalbox")?.environment();
    let bus = variables.get("SIGNALBOX_BUS").context("the container is told where the bus is")?;
    anyhow::ensure!(bus == "nats://nats:4222", "the bus is the service nats, on its default port: {bus}");
    Ok(variables.into_iter().map(|(name, value)| (name, place(value))).collect())
}

fn signalbox(compose: &Compose, folder: &Path, environment: &[(String, String)]) -> anyhow::Result<Process> {
    let service = compose.service("signalbox")?;
    let config = service.mounts()?.into_iter().find(|mount| mount.to == "/etc/signalbox");
    let config = config.and_then(|mount| mount.path()).context("the resources are mounted")?;
    let here = copy_resources(&config, folder)?.display().to_string();
    let arguments = service.list("command");
    let arguments = arguments.iter().map(|argument| argument.replace("/etc/signalbox", &here));
    let mut command = command(program()?, arguments);
    command.envs(environment.iter().cloned()).current_dir(folder);
    command.env("SIGNALBOX_LISTEN__PUBLIC", "127.0.0.1:0").env("SIGNALBOX_LISTEN__PRIVATE", "127.0.0.1:0");
    command.env("SIGNALBOX_LOG__FORMAT", "json").env_remove("KUBECONFIG");
    Process::start("signalbox", command, &folder.join("signalbox.log"))
}

/// The resources, with the secrets where they are here.
fn copy_resources(config: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let (here, secrets) = (folder.join("config"), folder.join("secrets").display().to_string());
    std::fs::create_dir(&here)?;
    for entry in std::fs::read_dir(config)? {
        let path = entry?.path();
        let relative = path.strip_prefix(root())?.display().to_string();
        let name = path.file_name().context("a file has a name")?;
        std::fs::write(here.join(name), text(&relative)?.replace(SECRETS, &secrets))?;
    }
    Ok(here)
}
