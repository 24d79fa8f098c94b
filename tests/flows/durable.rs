//! Accepted means on the disk: the order of the system calls, as strace sees them.

use std::process::Command;
use std::time::Duration;

use tests::fixtures::{PUSH, sign};
use tests::process::Process;
use tests::signalbox::{listening, program};
use tests::world::SECRET;

const PATIENCE: Duration = Duration::from_mins(1);

/// The calls that matter, and nothing else: what is synced, and what is answered.
const CALLS: &str = "trace=fsync,fdatasync,write,writev,sendto,sendmsg";

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_synced_before_202_is_answered() -> anyhow::Result<()> {
    // It may be there and not be allowed to trace.
    let traces = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    if !traces.is_ok_and(|traced| traced.status.success()) {
        tests::skip::say("strace is not installed, or may not trace");
        return Ok(());
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dir = tempfile::tempdir()?;
    let (config, trace) = (dir.path().join("config"), dir.path().join("trace"));
    std::fs::create_dir(&config)?;
    std::fs::write(dir.path().join("secret"), SECRET)?;
    std::fs::write(config.join("source.yaml"), crate::crash::resources(dir.path()))?;
    let mut command = Command::new("strace");
    // With the paths of descriptors, and the beginning of what is written.
    command.args(["-f", "-y", "-s", "16", "-e", CALLS, "-o"]).arg(&trace).arg(program()?);
    command
        .args(["serve", "--listen-public", "127.0.0.1:0", "--listen-private", "127.0.0.1:0", "--config"])
        .arg(&config);
    command.arg("--bus").arg(format!("embedded:{}", dir.path().join("bus").display()));
    command.env("SIGNALBOX_LOG__FORMAT", "json").current_dir(dir.path());
    let mut process = Process::start("signalbox under strace", command, &dir.path().join("log"))?;
    let public = process.said(PATIENCE, |line| listening(line, "public")).await?;
    let before = lines(&trace)?;
    let answer = reqwest::Client::new()
        .post(format!("http://{public}/hooks/github"))
        .header("content-type", "application/json")
        .header("x-github-event", "push")
        .header("x-github-delivery", "traced")
        .header("x-hub-signature-256", sign(SECRET, PUSH))
        .body(PUSH)
        .send()
        .await?;
    assert_eq!(answer.status(), 202);
    let answered = tests::eventually(PATIENCE, "strace has written the answer down", async || {
        let lines = lines(&trace)?;
        let at = lines.iter().skip(before.len()).position(|line| line.contains("HTTP/1.1 202"));
        at.map(|at| lines[before.len()..before.len() + at].to_vec())
            .ok_or_else(|| anyhow::anyhow!("it has not"))
    })
    .await?;
    let synced = answered.iter().any(|line| line.contains("fdatasync(") && line.contains("/bus/events/"));
    assert!(synced, "between the request and its answer:\n{}", answered.join("\n"));
    Ok(())
}

fn lines(trace: &std::path::Path) -> anyhow::Result<Vec<String>> {
    Ok(std::fs::read_to_string(trace)?.lines().map(str::to_owned).collect())
}
