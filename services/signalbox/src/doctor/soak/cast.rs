//! The processes of a run: which there are, how they are started, and when they are ready.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chassis::BusUrl;
use strum::IntoStaticStr;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::config::{Written, free};
use super::guarded::{Guarded, Start};
use crate::cli::{SoakArgs, SoakEngine};

/// Whatever a killed process was at is taken up again after this time: the shortest that a busy machine keeps its signs of
/// life in, so that a run is about kills, not about waiting.
const ACK_WAIT: &str = "3s";
/// Until a process that was started must be ready.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// Until a process that was asked to end must have ended: more than its `drain_timeout`.
const END_WITHIN: Duration = Duration::from_secs(20);
const DRAIN: &str = "10s";
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// As a supervisor waits before it starts again what has ended by itself.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Who plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Role {
    /// The NATS server.
    Nats,
    /// All services, on the embedded bus.
    Serve,
    /// The gateway alone.
    Gateway,
    /// The automator and the notifier.
    WorkerA,
    /// The same once more.
    WorkerB,
}

/// The processes of a run.
pub struct Cast {
    roles: BTreeMap<Role, Part>,
    bus: String,
    /// What ended without being asked.
    fell: Vec<String>,
}

struct Part {
    start: Start,
    /// Where it says that it is ready.
    ready: Ready,
    process: Option<Guarded>,
    /// It ended by itself, and is started again then.
    again_at: Option<Instant>,
}

#[derive(Debug, Clone)]
enum Ready {
    /// `/readyz` at this address.
    Http(String),
    /// A NATS server greets at this address.
    Greets(String),
}

impl Cast {
    /// The processes of an engine; none runs yet. `bus` is the folder of an embedded bus.
    pub fn new(args: &SoakArgs, written: &Written, bus: &Path) -> anyhow::Result<Self> {
        let mut cast = Self { roles: BTreeMap::new(), bus: String::new(), fell: Vec::new() };
        match args.engine {
            SoakEngine::Embedded => {
                cast.bus = format!("embedded:{}", bus.display());
                cast.service(Role::Serve, "gateway,automator,notifier,console", written, &written.public)?;
            }
            SoakEngine::Jetstream => {
                let address = cast.nats(args.nats_server.as_deref(), written)?;
                cast.bus = format!("nats://{address}");
                cast.service(Role::Gateway, "gateway", written, &written.public)?;
                let nowhere = "127.0.0.1:0";
                cast.service(Role::WorkerA, "automator,notifier", written, nowhere)?;
                cast.service(Role::WorkerB, "automator,notifier", written, nowhere)?;
            }
        }
        Ok(cast)
    }

    /// The bus, for whoever reads it.
    pub fn bus(&self) -> anyhow::Result<BusUrl> {
        Ok(self.bus.parse()?)
    }

    /// What ended without being asked or killed.
    pub fn fell(&self) -> &[String] {
        &self.fell
    }

    /// Starts those that do not run, the bus first, and waits until all are ready.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        for role in self.roles() {
            self.start_one(role)?;
            if role == Role::Nats {
                self.ready(role).await?;
            }
        }
        for role in self.roles() {
            self.ready(role).await?;
        }
        Ok(())
    }

    /// Starts those that do not run, and waits for none: each has to cope with the others starting later.
    pub fn start_all(&mut self) -> anyhow::Result<()> {
        self.roles().into_iter().try_for_each(|role| self.start_one(role))
    }

    /// Starts one, if it does not run.
    pub fn start_one(&mut self, role: Role) -> anyhow::Result<()> {
        if let Some(part) = self.roles.get_mut(&role)
            && part.process.is_none()
        {
            part.process = Some(part.start.start()?);
        }
        Ok(())
    }

    /// Waits until one is ready; one that ends by itself is noted and started again, as a supervisor does.
    pub async fn ready(&mut self, role: Role) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < READY_WITHIN {
            self.look()?;
            let Some(part) = self.roles.get(&role) else { return Ok(()) };
            if part.ready.holds().await {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        bail!("{} was not ready after {} s", <&str>::from(role), READY_WITHIN.as_secs())
    }

    /// Kills one, as `kill -9` does.
    pub async fn kill9(&mut self, role: Role) -> anyhow::Result<()> {
        match self.roles.get_mut(&role).and_then(|part| part.process.take()) {
            Some(process) => process.kill9().await,
            None => Ok(()),
        }
    }

    /// Kills all, the services before the bus or after it: at the same time, as far as one machine can.
    pub async fn kill9_all(&mut self) -> anyhow::Result<()> {
        let processes = self.roles.values_mut().filter_map(|part| part.process.take());
        let killed = futures::future::join_all(processes.map(Guarded::kill9)).await;
        killed.into_iter().collect()
    }

    /// Asks one to end.
    pub async fn terminate(&mut self, role: Role) -> anyhow::Result<()> {
        match self.roles.get_mut(&role).and_then(|part| part.process.take()) {
            Some(process) => process.terminate(END_WITHIN).await,
            None => Ok(()),
        }
    }

    /// Asks all services to end; a NATS server goes on.
    pub async fn terminate_services(&mut self) -> anyhow::Result<()> {
        for role in self.roles() {
            if role != Role::Nats {
                self.terminate(role).await?;
            }
        }
        Ok(())
    }

    /// Notes who has ended by itself, and starts it again after a pause.
    pub fn look(&mut self) -> anyhow::Result<()> {
        for (role, part) in &mut self.roles {
            if let Some((status, words)) = part.process.as_mut().and_then(Guarded::ended) {
                part.process = None;
                part.again_at = Some(Instant::now() + AGAIN_AFTER);
                self.fell.push(format!("{} ended by itself ({status}): {words}", <&str>::from(role)));
            }
            if part.process.is_none() && part.again_at.is_some_and(|at| at <= Instant::now()) {
                part.process = Some(part.start.start()?);
            }
            if part.process.is_some() {
                part.again_at = None;
            }
        }
        Ok(())
    }

    fn roles(&self) -> Vec<Role> {
        self.roles.keys().copied().collect()
    }

    fn service(&mut self, role: Role, only: &str, written: &Written, public: &str) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let (private, config) = (free()?, written.config.display().to_string());
        let arguments = ["serve", "--bus", &self.bus, "--only", only, "--config", &config]
            .into_iter()
            .chain(["--listen-public", public, "--listen-private", &private]);
        let command = std::iter::once(program.into_os_string()).chain(arguments.map(OsString::from));
        let environment = vec![
            // A line of log for each event would be most of the work.
            ("SIGNALBOX_LOG__LEVEL", "error,chassis::jetstream=warn".to_owned()),
            ("SIGNALBOX_LOG__FORMAT", "json".to_owned()),
            ("SIGNALBOX_ACK_WAIT", ACK_WAIT.to_owned()),
            ("SIGNALBOX_DRAIN_TIMEOUT", DRAIN.to_owned()),
        ];
        let start =
            Start { name: role.into(), command: command.collect(), environment, dir: written.dir.clone() };
        self.roles.insert(role, Part { start, ready: Ready::Http(private), process: None, again_at: None });
        Ok(())
    }

    fn nats(&mut self, server: Option<&Path>, written: &Written) -> anyhow::Result<String> {
        let server = server.map_or_else(|| PathBuf::from("nats-server"), Path::to_owned);
        let (address, config) = (free()?, written.dir.join("nats.conf"));
        let store = written.dir.join("nats");
        let text = format!(
            "listen: \"{address}\"\njetstream {{ store_dir: \"{}\", sync_interval: always }}\n",
            store.display()
        );
        std::fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
        let command = vec![server.into_os_string(), "-c".into(), config.into_os_string()];
        let start =
            Start { name: Role::Nats.into(), command, environment: Vec::new(), dir: written.dir.clone() };
        self.roles.insert(
            Role::Nats,
            Part { start, ready: Ready::Greets(address.clone()), process: None, again_at: None },
        );
        Ok(address)
    }
}

impl Ready {
    #[expect(
        clippy::disallowed_methods,
        reason = "except: the soak asks its own processes whether they are ready"
    )]
    async fn holds(&self) -> bool {
        let patience = Duration::from_secs(5);
        match self {
            Self::Http(address) => {
                let asked = reqwest::Client::builder().no_proxy().timeout(patience).build();
                let Ok(client) = asked else { return false };
                let answer = client.get(format!("http://{address}/readyz")).send().await;
                answer.is_ok_and(|answer| answer.status().is_success())
            }
            Self::Greets(address) => {
                let greeting = async {
                    let mut stream = TcpStream::connect(address).await?;
                    let mut begin = [0; 4];
                    stream.read_exact(&mut begin).await?;
                    std::io::Result::Ok(&begin == b"INFO")
                };
                matches!(timeout(patience, greeting).await, Ok(Ok(true)))
            }
        }
    }
}
