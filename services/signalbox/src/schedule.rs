//! `signalbox schedule`: what the schedules mean, and when their ticks come. Needs the bus for the last tick alone.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use chassis::{Clock as _, SystemClock};
use chrono::{DateTime, SecondsFormat, Utc};
use console::api::EventPage;
use events::Kind;
use events::payload::schedule::Ticked;
use resources::schedule::{Expression, Tz};
use resources::{Catalog, Schedule, load_dir};
use serde_json::json;

use crate::cli::ScheduleCommand;
use crate::exit::{Exit, OrStop as _, Stop};
use crate::output::{Output, Style, harmless};
use crate::query::Query;
use crate::settings::Settings;

/// Carries out a command.
pub async fn run(settings: &Settings, command: ScheduleCommand, out: &mut Output) -> Result<Exit, Stop> {
    answer(settings, command, SystemClock.now(), out).await
}

async fn answer(
    settings: &Settings,
    command: ScheduleCommand,
    now: DateTime<Utc>,
    out: &mut Output,
) -> Result<Exit, Stop> {
    match command {
        ScheduleCommand::List { config, json } => {
            let catalog = load(config.as_deref().unwrap_or(&settings.config))?;
            list(settings, &catalog, json, now, out).await
        }
        ScheduleCommand::Next { what, number, zone, config, json } => {
            let zone = zone.map(|zone| zone.0);
            let schedule = named(&what, zone, config.as_deref().unwrap_or(&settings.config))?;
            next(&schedule, number, json, now, out)
        }
    }
}

fn load(dir: &Path) -> Result<Catalog, Stop> {
    let loaded = load_dir(dir).with_context(|| format!("the resources in {} are not right", dir.display()));
    Ok(loaded.or_stop(Exit::Usage)?.catalog)
}

/// Nothing that is an expression can be a name: it has a space or an `@`.
fn named(what: &str, zone: Option<Tz>, config: &Path) -> Result<Schedule, Stop> {
    if what.trim().contains(char::is_whitespace) || what.trim().starts_with('@') {
        let flaws = match Expression::parse(what) {
            Ok(expression) => return Ok(Schedule::new(expression, zone.unwrap_or(Tz::UTC))),
            Err(flaws) => flaws,
        };
        let told = flaws.into_iter().map(|flaw| match flaw.hint {
            Some(hint) => format!("{}\n  hint: {hint}", flaw.message),
            None => flaw.message,
        });
        let told = harmless(&told.collect::<Vec<_>>().join("\n"));
        return Err(Stop::with(Exit::Usage, anyhow!("`{}` is no schedule: {told}", harmless(what))));
    }
    let catalog = load(config)?;
    let found = catalog.schedules().find(|(name, _)| *name == what).map(|(_, schedule)| schedule.clone());
    let Some(mut schedule) = found else {
        let known: Vec<&str> = catalog.schedules().map(|(name, _)| name).collect();
        let hint = match resources::names::nearest(what, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if known.is_empty() => "none is declared there".to_owned(),
            None => format!("there are {}", known.join(", ")),
        };
        let dir = config.display();
        let error = anyhow!("there is no schedule `{}` in {dir}: {hint}", harmless(what));
        return Err(Stop::with(Exit::Usage, error));
    };
    schedule.zone = zone.unwrap_or(schedule.zone);
    Ok(schedule)
}

fn next(
    schedule: &Schedule,
    number: usize,
    json: bool,
    now: DateTime<Utc>,
    out: &mut Output,
) -> Result<Exit, Stop> {
    let zone = schedule.zone;
    if !json {
        let head = format!("{} ({zone}): {}", schedule.expression.text(), meaning(schedule));
        out.line(out.styled(Style::Bold, head))?;
    }
    let mut none = true;
    for time in schedule.after(now).take(number) {
        none = false;
        let utc = time.to_rfc3339_opts(SecondsFormat::Secs, true);
        if json {
            let local = time.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false);
            out.line(json!({"local": local, "utc": utc}))?;
        } else {
            out.line(format_args!("{}  {utc}", local(time, zone)))?;
        }
    }
    if none && number > 0 && !json {
        out.line("never again")?;
    }
    Ok(Exit::Done)
}

async fn list(
    settings: &Settings,
    catalog: &Catalog,
    json: bool,
    now: DateTime<Utc>,
    out: &mut Output,
) -> Result<Exit, Stop> {
    if catalog.schedules().next().is_none() {
        if !json {
            out.line("no schedule is declared: it is a Source with `schedule`")?;
        }
        return Ok(Exit::Done);
    }
    let query = Query::open(settings).await;
    for (name, schedule) in catalog.schedules() {
        let last = match &query {
            Ok(query) => Some(last(query, name).await?),
            Err(_) => None,
        };
        let next = if schedule.suspend { None } else { schedule.after(now).next() };
        if json {
            let local = |time: DateTime<Utc>| {
                time.with_timezone(&schedule.zone).to_rfc3339_opts(SecondsFormat::Secs, false)
            };
            out.line(json!({
                "name": name,
                "expression": schedule.expression.text(),
                "words": schedule.expression.words(),
                "zone": schedule.zone.name(),
                "suspended": schedule.suspend,
                "next": next.map(local),
                "last": last.as_ref().and_then(|last| last.as_ref().map(|last| local(last.nominal))),
            }))?;
            continue;
        }
        let zone = schedule.zone;
        let when = |time: Option<DateTime<Utc>>, none: &str| {
            time.map_or_else(|| none.to_owned(), |time| format!("{} {zone}", local(time, zone)))
        };
        let next = when(next, if schedule.suspend { "suspended" } else { "never again" });
        let last = match last {
            Some(last) => when(last.map(|last| last.nominal), "never"),
            None => "not known".to_owned(),
        };
        out.line(out.styled(Style::Bold, format_args!("{name}: {}", meaning(schedule))))?;
        out.line(format_args!("  {}  next {next}  last {last}", schedule.expression.text()))?;
    }
    match query {
        Ok(query) => query.close().await,
        Err(stop) if !json => {
            let why = match stop {
                Stop::Error(_, error) => format!("{error:#}"),
                Stop::ClosedPipe => return Err(Stop::ClosedPipe),
            };
            out.line(
                out.styled(Style::Dim, format_args!("the last ticks are not known: {}", harmless(&why))),
            )?;
        }
        Err(_) => {}
    }
    Ok(Exit::Done)
}

/// The newest tick that the bus has.
async fn last(query: &Query, name: &str) -> Result<Option<Ticked>, Stop> {
    let kind = Kind::ScheduleTicked.name();
    // A name is a DNS label: nothing in it has to be escaped.
    let mut next = Some(format!("/api/v1/events?type={kind}&key=schedule%3A{name}&limit=1"));
    // A page can be empty and have a next one.
    while let Some(address) = next {
        let page: EventPage = query.get(&address).await?;
        if let Some(event) = page.events.into_iter().find_map(|entry| entry.event) {
            let event = events::json::decode(event.get().as_bytes()).context("the event cannot be read")?;
            return Ok(event.payload().ok());
        }
        next = page.next;
    }
    Ok(None)
}

fn local(time: DateTime<Utc>, zone: Tz) -> String {
    time.with_timezone(&zone).format("%a %Y-%m-%d %H:%M:%S %:z").to_string()
}

fn meaning(schedule: &Schedule) -> String {
    let Schedule { expression, zone: _, jitter, catch_up: _, suspend } = schedule;
    let later =
        if jitter.is_zero() { String::new() } else { format!(", up to {} s later", jitter.as_secs()) };
    let suspended = if *suspend { ", suspended" } else { "" };
    format!("{}{later}{suspended}", expression.words())
}

#[cfg(test)]
mod tests;
