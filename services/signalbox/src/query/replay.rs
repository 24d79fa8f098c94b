//! `signalbox replay`.

use std::collections::BTreeMap;

use chassis::replay::{Replayed, Request, Run};
use chassis::{Clock as _, SystemClock};
use console::api::{ReplayPage, ReplayShown};
use reqwest::Method;

use super::address::Address;
use super::{Query, escape};
use crate::cli::{ReplayArgs, ReplayCommand, Since, Switch};
use crate::exit::{Exit, Stop};
use crate::output::{Output, Style, harmless};

/// Begins a replay, or looks at those that there are.
pub async fn run(query: &Query, command: ReplayCommand, out: &mut Output) -> Result<Exit, Stop> {
    match command {
        ReplayCommand::Start(args) => start(query, &args, out).await,
        ReplayCommand::List { json } => list(query, json, out).await,
        ReplayCommand::Show { run, json } => show(query, &run, json, out).await,
    }
}

async fn start(query: &Query, args: &ReplayArgs, out: &mut Output) -> Result<Exit, Stop> {
    let ReplayArgs { run, handler, from, since, to, until, types, effects, json } = args;
    let (now, effects) = (SystemClock.now(), if *effects == Switch::On { "on" } else { "off" });
    let (from, since) = match since {
        Some(Since::All) => (Some(1), None),
        Some(Since::When(when)) => (None, Some(*when)),
        None => (*from, None),
    };
    let address = Address::of("/api/v1/replays")
        .with("run", run)
        .with("handler", handler)
        .maybe("from", from)
        .when("since", since, now)
        .maybe("to", *to)
        .when("until", *until, now)
        .maybe("types", (!types.is_empty()).then(|| types.join(",")))
        .with("effects", effects);
    let replay: Run = query.ask(Method::POST, &address.text()).await?;
    if *json {
        out.line(serde_json::to_string(&replay)?)?;
        return Ok(Exit::Done);
    }
    out.line(line(&replay, out))?;
    out.line(out.styled(Style::Dim, format_args!("signalbox replay show {run} says what becomes of them")))?;
    Ok(Exit::Done)
}

fn line(replay: &Run, out: &Output) -> String {
    let Run { v: _, request, began_at, next, delivered } = replay;
    let Request { run, handler, from, to, types, effects } = request;
    let types = if types.is_empty() { String::new() } else { format!(" of type {}", types.join(", ")) };
    let effects = if *effects { "with effects" } else { "without effects" };
    let rest = if next > to { String::new() } else { format!("; it is cut off before position {next}") };
    let text = format!(
        "{delivered} events{types} from {from} to {to} delivered to {handler} again, {effects}{rest}"
    );
    let began = out.styled(Style::Dim, began_at.to_rfc3339());
    format!("{began}  {}  {}", out.styled(Style::Bold, run), harmless(&text))
}

async fn list(query: &Query, json: bool, out: &mut Output) -> Result<Exit, Stop> {
    let ReplayPage { replays } = query.get("/api/v1/replays").await?;
    for replay in &replays {
        if json {
            out.line(serde_json::to_string(replay)?)?;
        } else {
            out.line(line(replay, out))?;
        }
    }
    if replays.is_empty() && !json {
        out.line("no replays")?;
    }
    Ok(Exit::Done)
}

async fn show(query: &Query, run: &str, json: bool, out: &mut Output) -> Result<Exit, Stop> {
    let path = format!("/api/v1/replays/{}", escape(run));
    let shown: ReplayShown = query.get(&path).await?;
    if json {
        out.line(format_args!("{:#}", serde_json::to_value(&shown)?))?;
        return Ok(Exit::Done);
    }
    let ReplayShown { replay, events } = shown;
    out.line(line(&replay, out))?;
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    for Replayed { v: _, source: _, event, ty, outcome, because, announced, at } in &events {
        let outcome: &'static str = outcome.into();
        *counts.entry(outcome).or_default() += 1;
        let because = because.as_ref().map(|because| format!(": {because}")).unwrap_or_default();
        let announced = match announced.len() {
            0 => String::new(),
            _ => format!(
                " => {}",
                announced
                    .iter()
                    .filter_map(|event| event.get("type")?.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        let at = out.styled(Style::Dim, at.to_rfc3339());
        out.line(format_args!(
            "{at}  {outcome}  {}",
            harmless(&format!("{ty} [{event}]{because}{announced}"))
        ))?;
    }
    let counts: Vec<String> = counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let waiting = replay.delivered.saturating_sub(events.len() as u64);
    let waiting = if waiting == 0 { String::new() } else { format!("{waiting} not handled yet") };
    let told: Vec<String> = counts.into_iter().chain((!waiting.is_empty()).then_some(waiting)).collect();
    if !told.is_empty() {
        out.line(told.join(", "))?;
    }
    Ok(Exit::Done)
}
