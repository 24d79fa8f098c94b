//! `signalbox dead`.

mod settle;

use chassis::attempts::Failed;
use chassis::dead::DeadLetter;
use chassis::{Clock as _, SystemClock};
use console::api::DeadPage;
use serde_json::Value;

use super::address::Address;
use super::{Query, escape};
use crate::cli::{DeadCommand, LetterFilter, RedriveArgs};
use crate::exit::{Exit, Stop};
use crate::output::{Output, Style, harmless};

use settle::{Settling, settle};

/// The most that the API gives at once.
const PAGE: usize = 1_000;

/// Looks at or settles dead letters.
pub async fn run(query: &Query, command: DeadCommand, out: &mut Output) -> Result<Exit, Stop> {
    match command {
        DeadCommand::List { filter, json } => list(query, &filter, json, out).await,
        DeadCommand::Show { id, json } => show(query, &id, json, out).await,
        DeadCommand::Redrive(RedriveArgs { which, force }) => {
            settle(query, &which, &Settling::redrive(force), out).await
        }
        DeadCommand::Drop(args) => settle(query, &args, &Settling::DROP, out).await,
    }
}

async fn list(query: &Query, filter: &LetterFilter, json: bool, out: &mut Output) -> Result<Exit, Stop> {
    let first = Address::of("/api/v1/dead").letters(filter, SystemClock.now()).with("limit", PAGE);
    let mut next = Some(first.text());
    let mut none = true;
    while let Some(address) = next {
        let page: DeadPage = query.get(&address).await?;
        none &= page.total == 0 && page.damaged.is_empty();
        for damaged in &page.damaged {
            if json {
                out.line(serde_json::json!({"id": damaged.id, "damaged": damaged.reason}))?;
            } else {
                out.line(damaged.line(out.render_options()))?;
            }
        }
        for letter in &page.dead_letters {
            if json {
                out.line(serde_json::to_string(letter)?)?;
            } else {
                out.line(letter.line(out.render_options()))?;
            }
        }
        next = page.next;
    }
    if none && !json {
        out.line("no dead letters")?;
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
    row("tried at", &letter.first_tried().to_rfc3339())?;
    row("died at", &letter.died_at.to_rfc3339())?;
    row("attempts", &letter.attempts.to_string())?;
    row("position", &letter.position.to_string())?;
    for (index, reason) in letter.reasons.iter().enumerate() {
        row(if index == 0 { "reason" } else { "because" }, reason)?;
    }
    for Failed { at, reasons } in &letter.failures {
        row("failed at", &format!("{}: {}", at.to_rfc3339(), reasons.join(": ")))?;
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
