//! A real NATS server with JetStream.

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;

use crate::process::{Process, command};
use crate::scratch::Scratch;
use crate::{eventually, ports, tools};

const START_PATIENCE: Duration = Duration::from_secs(20);

/// A NATS server.
#[derive(Debug)]
pub struct Nats {
    dir: Scratch,
    port: u16,
    interval: &'static str,
    process: Option<Process>,
}

impl Nats {
    /// Starts a server on a free port, which syncs every write, and waits until it takes connections.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_syncing("always").await
    }

    /// Starts a server with this `sync_interval`; `2m` is the server's own default.
    pub async fn start_syncing(interval: &'static str) -> anyhow::Result<Self> {
        let mut nats = Self { dir: Scratch::new("nats")?, port: ports::free()?, interval, process: None };
        nats.resume().await?;
        Ok(nats)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
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
        let config = folder.join("nats.conf");
        let text = format!(
            "listen: \"127.0.0.1:{}\"\njetstream {{ store_dir: \"{}\", sync_interval: {} }}\n",
            self.port,
            folder.join("js").display(),
            self.interval
        );
        fs::write(&config, text)?;
        let server = tools::find("nats-server")?;
        let command = command(server, ["-c".as_ref(), config.as_os_str()]);
        self.process = Some(Process::start("nats-server", command, &folder.join("nats.log"))?);
        eventually(START_PATIENCE, "the NATS server greets", async || greets(self.port)).await
    }
}

/// Whether it takes a connection and says `INFO`.
fn greets(port: u16) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("it takes no connection")?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut greeting = [0; 4];
    stream.read_exact(&mut greeting)?;
    anyhow::ensure!(&greeting == b"INFO", "it says {greeting:?}");
    Ok(())
}
