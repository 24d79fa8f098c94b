//! `signalbox store`: what the bus keeps, checked, written to a file, and restored; and what nobody reads, forgotten.

mod export;
mod format;
mod import;
mod line;
mod mapping;
pub mod marker;
mod read;
mod translate;
mod unread;

use anyhow::{Context as _, anyhow};
use chassis::engine::OpenError;
use chassis::jetstream::access;
use chassis::{Bucket, BusUrl, Engine};

use crate::cli::StoreCommand;
use crate::exit::{Exit, OrStop as _, Stop};
use crate::output::{Output, Style, harmless};
use crate::query::open::first_answer;
use crate::settings::Settings;

/// Checks, exports or imports.
pub async fn run(settings: &Settings, command: StoreCommand, out: &mut Output) -> Result<Exit, Stop> {
    let engine = open(settings, &command).await?;
    let result = match command {
        StoreCommand::Verify { json } => verify(&engine, json, out).await,
        StoreCommand::Export { out: file } => export::run(&engine, file.as_deref(), out).await,
        StoreCommand::Forget { name } => unread::forget(&engine, &name, out).await,
        StoreCommand::Import { file, without_damaged } => {
            import::run(&engine, &settings.bus.0, &file, without_damaged, out).await
        }
    };
    engine.close().await;
    result
}

/// Opens the bus, and makes sure as far as it can that nobody else has it.
async fn open(settings: &Settings, command: &StoreCommand) -> Result<Engine, Stop> {
    let url = &settings.bus.0;
    if let (BusUrl::Embedded(dir), false) = (url, matches!(command, StoreCommand::Import { .. }))
        && !dir.is_dir()
    {
        let error = anyhow!("there is no bus in {}: name its folder with --bus embedded:DIR", dir.display());
        return Err(Stop::with(Exit::Unreachable, error));
    }
    let opened = Engine::open_with(url, settings.nats.access(access::ALL)).await;
    let engine = opened.map_err(|error| match error {
        OpenError::Locked(_) => {
            let error = anyhow::Error::new(error).context("stop the services first");
            Stop::with(Exit::Unreachable, error)
        }
        error => Stop::unopened(error),
    })?;
    match alone(&engine, url).await {
        Ok(()) => Ok(engine),
        Err(stop) => {
            engine.close().await;
            Err(stop)
        }
    }
}

/// On NATS, a service that runs holds a lease. (The folder of an embedded bus is locked.)
async fn alone(engine: &Engine, url: &BusUrl) -> Result<(), Stop> {
    first_answer(&*engine.bus)
        .await
        .with_context(|| format!("cannot reach the bus at {url}"))
        .or_stop(Exit::Unreachable)?;
    let BusUrl::Nats(_) = url else { return Ok(()) };
    let leases = engine.store.scan(Bucket::Lease, "").await.or_stop(Exit::Unreachable)?;
    let held: Vec<&str> =
        leases.iter().map(|(name, _)| name.as_str()).filter(|name| *name != marker::KEY).collect();
    if held.is_empty() {
        return Ok(());
    }
    let error = anyhow!("services run on {url} ({}): stop them first", harmless(&held.join(", ")));
    Err(Stop::with(Exit::Unreachable, error))
}

async fn verify(engine: &Engine, json: bool, out: &mut Output) -> Result<Exit, Stop> {
    let report = engine.archive.verify().await?;
    let half = marker::find(&*engine.store).await?;
    let unread = unread::find(engine).await?;
    if json {
        let mut value = serde_json::to_value(&report)?;
        value["unread"] = serde_json::to_value(&unread)?;
        value["half_imported"] = half.is_some().into();
        out.line(format_args!("{value:#}"))?;
    } else {
        for line in &report.damage {
            out.line(out.styled(Style::Red, harmless(line)))?;
        }
        if half.is_some() {
            out.line(out.styled(Style::Red, marker::HALF))?;
        }
        for consumer in &unread {
            out.line(out.styled(Style::Yellow, harmless(&consumer.to_string())))?;
        }
        let chassis::archive::Report { messages, entries, blobs, damage } = &report;
        let verdict = if damage.is_empty() && half.is_none() {
            out.styled(Style::Green, "ok")
        } else {
            out.styled(Style::Red, "not ok")
        };
        let counts = format!("{messages} messages, {entries} entries of the state, {blobs} large bodies");
        out.line(format_args!("{verdict}: {counts} can be read; {} damaged or missing", damage.len()))?;
    }
    Ok(if report.damage.is_empty() && half.is_none() { Exit::Done } else { Exit::Failed })
}
