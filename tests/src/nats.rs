//! A real NATS server with JetStream.

mod wire;

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;

use crate::process::{Process, command};
use crate::scratch::Scratch;
use crate::{eventually, ports, tools};

pub use self::wire::Wire;

const START_PATIENCE: Duration = Duration::from_secs(20);

/// How a server is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its `sync_interval`.
    sync_interval: String,
    /// Further lines of its configuration.
    lines: String,
    /// Whether it says nothing before the connection is encrypted.
    silent: bool,
    /// Whether it has JetStream.
    jetstream: bool,
}

impl Default for Config {
    /// A server that syncs every write and lets everybody in.
    fn default() -> Self {
        Self { sync_interval: "always".to_owned(), lines: String::new(), silent: false, jetstream: true }
    }
}

impl Config {
    /// With further lines of configuration, as `nats.conf` has them.
    pub fn lines(text: impl Into<String>) -> Self {
        Self { lines: text.into(), ..Self::default() }
    }

    /// A server without JetStream.
    pub fn without_jetstream() -> Self {
        Self { jetstream: false, ..Self::default() }
    }

    /// The same, and these lines.
    #[must_use]
    pub fn and(mut self, text: &str) -> Self {
        self.lines.push('\n');
        self.lines.push_str(text);
        self
    }

    /// Encrypted with this certificate; with `clients`, for those alone that show a certificate of that authority.
    #[must_use]
    pub fn tls(self, (cert, key): (&Path, &Path), clients: Option<&Path>) -> Self {
        let (cert, key) = (cert.display(), key.display());
        let verify =
            clients.map_or(String::new(), |ca| format!("ca_file: \"{}\", verify: true, ", ca.display()));
        self.and(&format!("tls {{ {verify}cert_file: \"{cert}\", key_file: \"{key}\" }}"))
    }

    /// As [`Self::tls`], and it says nothing before that.
    #[must_use]
    pub fn tls_first(self, (cert, key): (&Path, &Path)) -> Self {
        let text = format!(
            "tls {{ cert_file: \"{}\", key_file: \"{}\", handshake_first: true }}",
            cert.display(),
            key.display()
        );
        Self { silent: true, ..self.and(&text) }
    }
}

/// A NATS server.
#[derive(Debug)]
pub struct Nats {
    dir: Scratch,
    port: u16,
    config: Config,
    process: Option<Process>,
}

impl Nats {
    /// Starts a server on a free port, which syncs every write, and waits until it takes connections.
    pub async fn start() -> anyhow::Result<Self> {
        Self::with(Config::default()).await
    }

    /// Starts a server with this `sync_interval`; `2m` is the server's own default.
    pub async fn start_syncing(interval: &'static str) -> anyhow::Result<Self> {
        Self::with(Config { sync_interval: interval.to_owned(), ..Config::default() }).await
    }

    /// Starts a server that is set up so.
    pub async fn with(config: Config) -> anyhow::Result<Self> {
        let mut nats = Self { dir: Scratch::new("nats")?, port: ports::free()?, config, process: None };
        nats.resume().await?;
        Ok(nats)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its address by name, as a certificate has it.
    pub fn tls_url(&self) -> String {
        format!("tls://localhost:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection of somebody else.
    pub async fn stranger(&self) -> anyhow::Result<Wire> {
        Wire::connect(self.port, None, "_INBOX.stranger").await
    }

    /// What it has logged.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.dir.path().join("nats.log"))?)
    }

    /// Stops it where it is: it keeps its connections and says nothing.
    pub fn pause(&mut self) -> anyhow::Result<()> {
        self.process.as_ref().map_or(Ok(()), |process| process.signal(Signal::STOP))
    }

    /// Lets it go on.
    pub fn go_on(&mut self) -> anyhow::Result<()> {
        self.process.as_ref().map_or(Ok(()), |process| process.signal(Signal::CONT))
    }

    /// Kills it, as `kill -9` does.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill9())
    }

    /// Starts it again after it was killed, on the same port and folder.
    pub async fn resume(&mut self) -> anyhow::Result<()> {
        let folder = self.dir.path();
        let file = folder.join("nats.conf");
        let Config { sync_interval, lines, silent, jetstream } = &self.config;
        let store = folder.join("js");
        let jetstream = if *jetstream {
            format!("jetstream {{ store_dir: \"{}\", sync_interval: {sync_interval} }}\n", store.display())
        } else {
            String::new()
        };
        let text = format!("listen: \"127.0.0.1:{}\"\n{jetstream}{lines}\n", self.port);
        fs::write(&file, text)?;
        let server = tools::find("nats-server")?;
        let command = command(server, ["-c".as_ref(), file.as_os_str()]);
        let silent = *silent;
        self.process = Some(Process::start("nats-server", command, &folder.join("nats.log"))?);
        eventually(START_PATIENCE, "the NATS server greets", async || greets(self.port, silent)).await
    }

    /// Kills it and starts it set up otherwise, on the same port and folder.
    pub async fn restart(&mut self, config: Config) -> anyhow::Result<()> {
        self.kill9()?;
        self.config = config;
        self.resume().await
    }
}

/// Whether it takes a connection and says `INFO`.
fn greets(port: u16, silent: bool) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("it takes no connection")?;
    if silent {
        return Ok(());
    }
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut greeting = [0; 4];
    stream.read_exact(&mut greeting)?;
    anyhow::ensure!(&greeting == b"INFO", "it says {greeting:?}");
    Ok(())
}
