//! Answered means on the disk: the order of the system calls, as strace sees them. `Settle::Skip` is not here: nobody
//! waits for it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use tests::fixtures::{PUSH, sign};
use tests::process::Process;
use tests::signalbox::{listening, program};
use tests::strace::{CALLS, Trace};
use tests::world::SECRET;

const PATIENCE: Duration = Duration::from_mins(1);

/// As much of what is written as a test looks for, and more.
const SHOWN: &str = "65536";

/// strace with its arguments, up to the program; `None` when it may not trace, which is said.
fn strace(trace: &Path) -> Option<Command> {
    // It may be there and not be allowed to trace.
    let traces = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    if !traces.is_ok_and(|traced| traced.status.success()) {
        tests::skip::say("strace is not installed, or may not trace");
        return None;
    }
    let mut command = Command::new("strace");
    // With the paths of descriptors.
    command.args(["-f", "-y", "-s", SHOWN, "-e", CALLS, "-o"]).arg(trace);
    Some(command)
}

fn read(trace: &Path) -> anyhow::Result<Trace> {
    Trace::parse(&String::from_utf8_lossy(&std::fs::read(trace)?))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_synced_before_202_is_answered() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let (config, trace) = (dir.path().join("config"), dir.path().join("trace"));
    let Some(mut command) = strace(&trace) else { return Ok(()) };
    let _ = rustls::crypto::ring::default_provider().install_default();
    std::fs::create_dir(&config)?;
    std::fs::write(dir.path().join("secret"), SECRET)?;
    std::fs::write(config.join("source.yaml"), crate::crash::resources(dir.path()))?;
    command.arg(program()?);
    command
        .args(["serve", "--listen-public", "127.0.0.1:0", "--listen-private", "127.0.0.1:0", "--config"])
        .arg(&config);
    command.arg("--bus").arg(format!("embedded:{}", dir.path().join("bus").display()));
    command.env("SIGNALBOX_LOG__FORMAT", "json").current_dir(dir.path());
    let mut process = Process::start("signalbox under strace", command, &dir.path().join("log"))?;
    let public = process.said(PATIENCE, |line| listening(line, "public")).await?;
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
    let read = tests::eventually(PATIENCE, "strace has written the answer down", async || {
        let read = read(&trace)?;
        read.answer("HTTP/1.1 202")?;
        Ok(read)
    })
    .await?;
    // The id of the delivery is that of the event.
    read.kept("traced", "/bus/events/", None, read.answer("HTTP/1.1 202")?)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_embedded_bus_answers_for_is_written_synced_and_named_before() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    // As the kernel tells the paths of descriptors.
    let root = dir.path().canonicalize()?;
    let (bus, trace) = (root.join("bus"), root.join("trace"));
    let Some(mut command) = strace(&trace) else { return Ok(()) };
    command.arg(env!("CARGO_BIN_EXE_acked")).arg(&bus);
    let mut process = Process::start("acked under strace", command, &root.join("log"))?;
    let status = process.ended(PATIENCE).await?;
    anyhow::ensure!(status.success(), "{status}: {}", process.output()?);
    let (trace, bus) = (read(&trace)?, bus.to_str().context("a path of letters")?);

    let mut files = BTreeSet::new();
    for n in 0..12 {
        let name = format!("event-{n:02}");
        let answer = trace.answered(&name)?;
        let written = trace.kept(&format!("body of {name} "), "/bus/events/", None, answer)?;
        let file = written.file().context("a file")?;
        if files.insert(file) {
            trace.named(file, answer)?;
        }
    }
    assert!(files.len() > 2, "the log went on in new files: {files:?}");

    let answer = trace.answered("large-00")?;
    let written = trace.kept("large-00", "/bus/events/", None, answer)?;
    trace.moved("body of large-00 ", "/bus/blobs/", bus, written)?;

    for n in 0..3 {
        let name = format!("put-{n:02}");
        trace.kept(&format!("acked/{name}"), "/bus/state/", None, trace.answered(&name)?)?;
    }
    for n in 0..3 {
        let given = trace.answered(&format!("delivery-{n:02}"))?;
        let answer = trace.answered(&format!("ack-{n:02}"))?;
        trace.kept("reader", "/bus/state/", Some(given), answer)?;
    }
    Ok(())
}
