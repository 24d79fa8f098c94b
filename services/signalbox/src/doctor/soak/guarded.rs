//! A process behind a guard: it ends with this one, however this one ends.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::doctor::guard;

/// Characters of a log that are quoted.
const QUOTED: usize = 300;

/// A running process.
pub struct Guarded {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    log: PathBuf,
    /// Where in the log it began.
    from: u64,
}

/// How to start one.
#[derive(Debug, Clone)]
pub struct Start {
    /// How it is called here.
    pub name: &'static str,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Its environment beside that of this process.
    pub environment: Vec<(&'static str, String)>,
    /// Where it works.
    pub dir: PathBuf,
}

impl Start {
    /// Starts it.
    #[expect(clippy::disallowed_methods, reason = "except: the soak runs this program and a NATS server")]
    pub fn start(&self) -> anyhow::Result<Guarded> {
        let Self { name, command, environment, dir } = self;
        let log = dir.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("cannot write {}", log.display()))?;
        let from = output.metadata().map_or(0, |metadata| metadata.len());
        let mut guard = guard_command()?;
        guard.arg("--").args(command).envs(environment.iter().cloned()).current_dir(dir);
        guard.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output);
        let mut child = guard.spawn().with_context(|| format!("cannot start {name}"))?;
        let stdin = child.stdin.take();
        Ok(Guarded { name, child, stdin, log, from })
    }
}

/// The guard: this program, in a group of its own, so that Ctrl-C on a terminal does not reach it, and with nothing of this
/// process' settings.
pub fn guard_command() -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut command = Command::new(program);
    command.args(["doctor", "guard"]).process_group(0);
    for (name, _) in std::env::vars_os() {
        let lower = name.to_string_lossy().to_lowercase();
        if lower.starts_with("signalbox_") || lower.ends_with("_proxy") || lower == "kubeconfig" {
            command.env_remove(name);
        }
    }
    Ok(command)
}

impl Guarded {
    /// Kills it, as `kill -9` does, and waits for its end.
    pub async fn kill9(mut self) -> anyhow::Result<()> {
        // The guard does it.
        drop(self.stdin.take());
        self.child.wait().await.with_context(|| format!("cannot wait for {}", self.name))?;
        Ok(())
    }

    /// Asks it to end, as `kill` does, and waits for it; what has not ended by then is killed, and that is an error.
    pub async fn terminate(mut self, patience: Duration) -> anyhow::Result<()> {
        if let Some(stdin) = &mut self.stdin {
            // If the guard has ended, so has the program.
            let _ = stdin.write_all(&[guard::TERMINATE]).await;
            let _ = stdin.flush().await;
        }
        let name = self.name;
        match timeout(patience, self.child.wait()).await {
            Ok(status) => {
                let status = status.with_context(|| format!("cannot wait for {name}"))?;
                anyhow::ensure!(
                    status.success(),
                    "{name}, asked to end, ended with {status}: {}",
                    self.last_words()
                );
                Ok(())
            }
            Err(_elapsed) => {
                self.kill9().await?;
                anyhow::bail!("{name}, asked to end, had not after {} s", patience.as_secs())
            }
        }
    }

    /// How it has ended by itself, if it has.
    pub fn ended(&mut self) -> Option<(ExitStatus, String)> {
        let status = self.child.try_wait().ok().flatten()?;
        Some((status, self.last_words()))
    }

    /// The last line that it wrote.
    fn last_words(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.log).and_then(|mut log| {
            log.seek(SeekFrom::Start(self.from))?;
            log.read_to_end(&mut text)
        });
        let words =
            read.map(|_| String::from_utf8_lossy(&text).lines().last().unwrap_or_default().to_owned());
        words.unwrap_or_default().chars().take(QUOTED).collect()
    }
}
