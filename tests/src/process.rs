//! A server process that ends with its test.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::eventually::{LOOK_EVERY, eventually};
use crate::watchdog;

/// Lines of the log that a failed test prints.
const TAIL_LINES: usize = 60;

/// A running process. Killed, with all that it started, when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` in a process group of its own, its output going to `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name} ({})", command.get_program().display()))?;
        let process = Self { name: name.to_owned(), child, log: log.to_owned() };
        // From here on it ends with this program, however that ends.
        watchdog::started(process.pid())?;
        Ok(process)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it has printed.
    pub fn output(&self) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    /// The end of what it has printed, with its name, for an error.
    pub fn last_words(&self) -> String {
        format!("--- {} said last:\n{}", self.name, tail(&self.output().unwrap_or_default()))
    }

    /// Waits until it has printed a line for which `find` has something.
    pub async fn said<T>(
        &mut self,
        patience: Duration,
        find: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<T> {
        eventually(patience, &format!("{} says it", self.name.clone()), async || {
            let output = self.output()?;
            if let Some(found) = output.lines().find_map(&find) {
                return Ok(found);
            }
            match self.child.try_wait()? {
                Some(status) => anyhow::bail!("{} has ended: {status}\n{}", self.name, tail(&output)),
                None => anyhow::bail!("{} has said:\n{}", self.name, tail(&output)),
            }
        })
        .await
    }

    /// Kills it, as `kill -9` does, and waits for its end.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill_process(self.id()?, signal)?)
    }

    /// Asks it to end, as `kill` does, and waits for it.
    pub async fn terminate(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ended(patience).await
    }

    /// Waits for its end.
    pub async fn ended(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let name = self.name.clone();
        eventually(patience, &format!("{name} has ended"), async || {
            self.child.try_wait()?.with_context(|| format!("{name} is running"))
        })
        .await
    }

    /// Waits until it was killed with SIGKILL: by itself, at a failpoint.
    pub async fn was_killed(&mut self, patience: Duration) -> anyhow::Result<()> {
        let ended = self.ended(patience).await;
        let status =
            ended.context("was the program built with failpoints, by `cargo build --workspace --bins`?")?;
        anyhow::ensure!(status.signal() == Some(9), "{} ended with {status}, not by SIGKILL", self.name);
        Ok(())
    }

    fn id(&self) -> anyhow::Result<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a process has a positive id")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // What it started goes with it.
        if let Ok(pid) = self.id() {
            let _ = kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = watchdog::ended(self.pid());
        if std::thread::panicking() {
            eprintln!("{}", self.last_words());
        }
    }
}

fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// Waits for something that needs these processes: no longer than they run.
pub async fn while_running<T>(
    processes: &mut [Process],
    waiting: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let ended = async {
        loop {
            for process in &mut *processes {
                if let Some(status) = process.child.try_wait()? {
                    anyhow::bail!("{} has ended: {status}", process.name);
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let result = tokio::select! { result = waiting => result, ended = ended => ended };
    result.with_context(|| processes.iter().map(Process::last_words).collect::<Vec<_>>().join("\n"))
}

/// Runs a command to its end and returns what it printed. It, too, ends with this program, however that ends.
pub fn output(mut command: Command) -> anyhow::Result<Output> {
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn();
    let child = child.with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let group = child.id();
    watchdog::started(group)?;
    let output = child.wait_with_output();
    watchdog::ended(group)?;
    Ok(output?)
}

/// A command with its arguments.
pub fn command<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}
