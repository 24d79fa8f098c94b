//! `signalbox store`: a bus is checked, moved to the other engine and back, and refused where it should be.

mod damaged;
mod mover;
mod moving;
mod refusing;

use std::path::Path;
use std::process::Output;

use anyhow::Context as _;
use chassis::{BusUrl, Engine};
use tests::nats::Nats;
use tests::scratch::Scratch;
use tests::signalbox::program;

/// Runs `signalbox store` against a bus.
fn store(bus: &BusUrl, arguments: &[&str]) -> anyhow::Result<Output> {
    let mut command = tests::process::command(program()?, ["store"]);
    command.args(arguments).args(["--bus", &url(bus)]).env("NO_COLOR", "1");
    tests::process::output(command)
}

/// As a flag has it.
fn url(bus: &BusUrl) -> String {
    match bus {
        BusUrl::Embedded(dir) => format!("embedded:{}", dir.display()),
        BusUrl::Nats(url) => url.clone(),
    }
}

/// As [`store`], and it ends well.
fn done(bus: &BusUrl, arguments: &[&str]) -> anyhow::Result<String> {
    let output = store(bus, arguments)?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "store {} says: {said}{complaint}", arguments.join(" "));
    Ok(said)
}

/// As [`store`], and it ends with that code; what it complained of.
fn refused(bus: &BusUrl, arguments: &[&str], code: i32) -> anyhow::Result<String> {
    let output = store(bus, arguments)?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(output.status.code() == Some(code), "{:?}: {complaint}", output.status);
    Ok(complaint)
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a folder of a test is UTF-8")
}

/// Opens the bus, and waits until it is there.
async fn open(bus: &BusUrl) -> anyhow::Result<Engine> {
    let engine = Engine::open(bus).await?;
    tests::eventually(mover::PATIENCE, "the engine is ready", async || Ok(engine.bus.check().await?)).await?;
    Ok(engine)
}

/// Where buses of a test are.
struct Place {
    folder: Scratch,
    nats: Option<Nats>,
}

impl Place {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { folder: Scratch::new("store")?, nats: None })
    }

    fn embedded(&self, name: &str) -> BusUrl {
        BusUrl::Embedded(self.folder.join(name))
    }

    async fn nats(&mut self) -> anyhow::Result<BusUrl> {
        let nats = Nats::start().await?;
        let url = nats.url().parse()?;
        self.nats = Some(nats);
        Ok(url)
    }

    /// Moves all that a bus keeps to an empty one; returns the export.
    fn moved(&self, from: &BusUrl, to: &BusUrl, name: &str) -> anyhow::Result<String> {
        let file = self.folder.join(name);
        done(from, &["export", "--out", text(&file)?])?;
        done(to, &["import", text(&file)?])?;
        let verdict = done(to, &["verify"])?;
        // The consumers of a test are no handler's, and are named before.
        anyhow::ensure!(verdict.lines().any(|line| line.starts_with("ok: ")), "{verdict}");
        Ok(std::fs::read_to_string(file)?)
    }
}
