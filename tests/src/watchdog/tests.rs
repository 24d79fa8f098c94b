//! Each test runs this test program once more, as a victim that starts a process and then ends in some way.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, test_kill_process};

use crate::eventually;
use crate::process::{Process, command};
use crate::scratch::Scratch;

const PATIENCE: Duration = Duration::from_secs(30);
/// How the victim ends.
const END: &str = "TESTS_VICTIM_END";
/// Where it writes what it has started.
const STARTED: &str = "TESTS_VICTIM_STARTED";

#[test]
fn victim() -> anyhow::Result<()> {
    let (Ok(end), Some(started)) = (env::var(END), env::var_os(STARTED)) else { return Ok(()) };
    let scratch = Scratch::new("victim")?;
    // The second one is started by the first one.
    let script = "sleep 1000 & echo \"$!\"; wait";
    let process = Process::start("sh", command("sh", ["-c", script]), &scratch.join("log"))?;
    while process.output()?.is_empty() {
        thread::yield_now();
    }
    let text = format!("{}\n{}{}\n", process.pid(), process.output()?, scratch.path().display());
    // As statics are: never dropped.
    std::mem::forget((process, scratch));
    fs::write(PathBuf::from(&started).with_extension("new"), text)?;
    fs::rename(PathBuf::from(&started).with_extension("new"), started)?;
    match end.as_str() {
        "return" => Ok(()),
        "panic" => panic!("as it was told"),
        _ => loop {
            thread::park();
        },
    }
}

#[tokio::test]
async fn nothing_is_left_after_a_normal_end() -> anyhow::Result<()> {
    nothing_is_left("return").await
}

#[tokio::test]
async fn nothing_is_left_after_a_panic() -> anyhow::Result<()> {
    nothing_is_left("panic").await
}

#[tokio::test]
async fn nothing_is_left_after_a_kill() -> anyhow::Result<()> {
    nothing_is_left("kill").await
}

async fn nothing_is_left(end: &str) -> anyhow::Result<()> {
    let scratch = Scratch::new("watchdog")?;
    let started = scratch.join("started");
    let mut victim = Command::new(env::current_exe()?)
        .args(["watchdog::tests::victim", "--exact"])
        .env(END, end)
        .env(STARTED, &started)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let text =
        eventually(PATIENCE, "the victim has started", async || Ok(fs::read_to_string(&started)?)).await?;
    let lines: Vec<&str> = text.lines().collect();
    let [parent, child, folder] = lines[..] else { anyhow::bail!("the victim wrote {text:?}") };
    anyhow::ensure!(end != "kill" || lives(child)?, "the victim has not started it");
    if end == "kill" {
        victim.kill()?;
    }
    victim.wait()?;
    eventually(PATIENCE, "what it started is gone", async || {
        anyhow::ensure!(!lives(parent)? && !lives(child)?, "{parent} or {child} lives");
        anyhow::ensure!(!Path::new(folder).exists(), "{folder} is there");
        Ok(())
    })
    .await
}

/// Whether a process runs. One that has ended and that nobody has waited for does not.
fn lives(pid: &str) -> anyhow::Result<bool> {
    let number =
        pid.parse().ok().and_then(Pid::from_raw).with_context(|| format!("{pid} is no process id"))?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    Ok(test_kill_process(number).is_ok() && !stat.contains(") Z "))
}
