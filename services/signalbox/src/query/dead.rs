//! `signalbox dead`.

use std::collections::BTreeSet;

use chassis::dead::DeadLetter;
use console::api::{DeadPage, DeadSummary};
use reqwest::Method;
use serde_json::Value;

use super::{Query, escape};
use crate::cli::DeadCommand;
use crate::exit::{Exit, Stop};
use crate::output::{Output, Style, harmless};

/// The most that the API gives at once.
const PAGE: usize = 1_000;

/// Looks at or settles dead letters.
pub async fn run(query: &Query, command: DeadCommand, out: &mut Output) -> Result<Exit, Stop> {
    match command {
        DeadCommand::List { json } => list(query, json, out).await,
        DeadCommand::Show { id, json } => show(query, &id, json, out).await,
        DeadCommand::Redrive { all: true, .. } => redrive_all(query, out).await,
        DeadCommand::Redrive { ids, all: false } => each(query, &ids, &Settling::REDRIVE, out).await,
        DeadCommand::Drop { ids } => each(query, &ids, &Settling::DROP, out).await,
    }
}

async fn list(query: &Query, json: bool, out: &mut Output) -> Result<Exit, Stop> {
    let DeadPage { dead_letters, total } = query.get(&format!("/api/v1/dead?limit={PAGE}")).await?;
    for letter in &dead_letters {
        if json {
            out.line(serde_json::to_string(letter)?)?;
        } else {
            out.line(letter.line(out.render_options()))?;
        }
    }
    if json {
        return Ok(Exit::Done);
    }
    match total.saturating_sub(dead_letters.len()) {
        0 if total == 0 => out.line("no dead letters")?,
        0 => {}
        more => out.line(format_args!("and {more} more: settle some of these first"))?,
    }
    Ok(Exit::Done)
}

async fn show(query: &Query, id: &str, json: bool, out: &mut Output) -> Result<Exit, Stop> {
    let path = format!("/api/v1/dead/{}", escape(id));
    if json {
        let letter: Value = query.get(&path).await?;
        out.line(format_args!("{letter:#}"))?;
        return Ok(Exit::Done);
    }
    let letter: DeadLetter = query.get(&path).await?;
    let mut row = |name: &str, value: &str| {
        let name = out.styled(Style::Dim, format_args!("{name:<10}"));
        out.line(format_args!("{name} {}", harmless(value)))
    };
    row("id", &letter.id)?;
    row("handler", &letter.handler)?;
    row("died at", &letter.died_at.to_rfc3339())?;
    row("attempts", &letter.attempts.to_string())?;
    row("position", &letter.position.to_string())?;
    for (index, reason) in letter.reasons.iter().enumerate() {
        row(if index == 0 { "reason" } else { "because" }, reason)?;
    }
    if let Some(message) = &letter.message {
        row("subject", &message.subject)?;
        for (name, value) in &message.headers {
            row("header", &format!("{name}: {value}"))?;
        }
        row("base64", &message.payload_base64)?;
    }
    if let Some(event) = &letter.event {
        out.line(format_args!("\n{}", harmless(&format!("{event:#}"))))?;
    }
    Ok(Exit::Done)
}

/// What becomes of a dead letter.
struct Settling {
    method: Method,
    /// Behind the path of the dead letter.
    path: &'static str,
    done: &'static str,
}

impl Settling {
    const REDRIVE: Self = Self { method: Method::POST, path: "/redrive", done: "driven again" };
    const DROP: Self = Self { method: Method::DELETE, path: "", done: "dropped" };

    async fn one(&self, query: &Query, id: &str, out: &mut Output) -> Result<(), Stop> {
        let path = format!("/api/v1/dead/{}{}", escape(id), self.path);
        let letter: DeadLetter = query.ask(self.method.clone(), &path).await?;
        let summary = DeadSummary::from(&letter);
        let what =
            summary.event.map_or_else(|| "a message that is no event".to_owned(), |event| event.r#type);
        let done = out.styled(Style::Green, self.done);
        out.line(format_args!("{done}: {} ({} on {})", letter.id, letter.handler, harmless(&what)))
    }
}

/// Settles one after the other; one that cannot be settled stops the rest, so that its error is the last line.
async fn each(query: &Query, ids: &[String], settling: &Settling, out: &mut Output) -> Result<Exit, Stop> {
    for id in ids {
        settling.one(query, id, out).await?;
    }
    Ok(Exit::Done)
}

/// Drives each again that can be, once, also when it dies again meanwhile.
async fn redrive_all(query: &Query, out: &mut Output) -> Result<Exit, Stop> {
    let mut known = BTreeSet::new();
    let (mut driven, mut undecodable) = (0_usize, 0_usize);
    loop {
        let DeadPage { dead_letters, .. } = query.get(&format!("/api/v1/dead?limit={PAGE}")).await?;
        let fresh: Vec<DeadSummary> =
            dead_letters.into_iter().filter(|letter| known.insert(letter.id.clone())).collect();
        if fresh.is_empty() {
            break;
        }
        for letter in fresh {
            if letter.event.is_none() {
                undecodable += 1;
                continue;
            }
            match Settling::REDRIVE.one(query, &letter.id, out).await {
                Ok(()) => driven += 1,
                // Somebody else has settled it.
                Err(Stop::Error(Exit::NotFound, _)) => {}
                Err(stop) => return Err(stop),
            }
        }
    }
    let left = if undecodable == 0 {
        String::new()
    } else {
        format!("; {undecodable} cannot be decoded: show and drop them")
    };
    out.line(format_args!("{driven} driven again{left}"))?;
    Ok(Exit::Done)
}
