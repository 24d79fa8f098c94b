//! Drives dead letters again, or drops them: by their ids, by a filter, or all.

use chassis::{Clock as _, SystemClock};
use chrono::SecondsFormat;
use console::api::{DeadBulk, DeadPage, DeadSummary, Unsettled};
use reqwest::Method;
use serde_json::json;

use crate::cli::SettleArgs;
use crate::confirm::confirm;
use crate::exit::{Exit, Stop};
use crate::output::{Output, Style, harmless};
use crate::query::address::Address;
use crate::query::{Query, escape};

/// How many are shown before it is asked about more.
const SHOWN: usize = 20;
/// How many are settled by one request.
const AT_ONCE: usize = 100;

/// What becomes of a dead letter.
pub(super) struct Settling {
    method: Method,
    /// Behind the path of the dead letter.
    path: &'static str,
    /// Of many.
    all: &'static str,
    /// `driven again: …`
    done: &'static str,
    /// `Drive 3 dead letters again?`
    question: fn(usize) -> String,
    /// Also what is so old that the ledger may have forgotten what was done.
    force: bool,
}

impl Settling {
    pub(super) const fn redrive(force: bool) -> Self {
        Self {
            method: Method::POST,
            path: "/redrive",
            all: "/api/v1/dead/redrive",
            done: "driven again",
            question: |count| format!("Drive {} again?", letters(count)),
            force,
        }
    }
    pub(super) const DROP: Self = Self {
        method: Method::DELETE,
        path: "",
        all: "/api/v1/dead/drop",
        done: "dropped",
        question: |count| format!("Drop {} for ever?", letters(count)),
        force: false,
    };

    fn told(&self, letter: &DeadSummary, json: bool, out: &mut Output) -> Result<(), Stop> {
        if json {
            return out.line(json!({"became": self.done, "dead_letter": letter}));
        }
        let done = out.styled(Style::Green, self.done);
        let DeadSummary { id, handler, event, .. } = letter;
        if handler.is_empty() {
            return out.line(format_args!("{done}: {} (it was damaged)", harmless(id)));
        }
        let what = event.as_ref().map_or("a message that is no event", |event| event.r#type.as_str());
        out.line(format_args!("{done}: {id} ({handler} on {})", harmless(what)))
    }
}

fn letters(count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} dead letter{plural}")
}

pub(super) async fn settle(
    query: &Query,
    args: &SettleArgs,
    settling: &Settling,
    out: &mut Output,
) -> Result<Exit, Stop> {
    if args.ids.is_empty() {
        return many(query, args, settling, out).await;
    }
    let mut ended = Exit::Done;
    for id in &args.ids {
        let path = format!("/api/v1/dead/{}{}", escape(id), settling.path);
        let address = Address::of(&path).maybe("force", settling.force.then_some(true)).text();
        match query.ask::<DeadSummary>(settling.method.clone(), &address).await {
            Ok(letter) => settling.told(&letter, args.json, out)?,
            // It says nothing about the others; of one alone it is the error.
            Err(Stop::Error(exit, error)) if args.ids.len() > 1 && exit != Exit::Unreachable => {
                untold(id, &format!("{error:#}"), args.json, out)?;
                ended = exit;
            }
            Err(stop) => return Err(stop),
        }
    }
    Ok(ended)
}

fn untold(id: &str, error: &str, json: bool, out: &mut Output) -> Result<(), Stop> {
    if json {
        return out.line(json!({"id": id, "error": error}));
    }
    let not = out.styled(Style::Red, "not done");
    out.line(format_args!("{not}: {}: {}", harmless(id), harmless(error)))
}

/// Says which, asks, and settles them: those that had died when it was asked, and no other.
async fn many(query: &Query, args: &SettleArgs, settling: &Settling, out: &mut Output) -> Result<Exit, Stop> {
    let SettleArgs { ids: _, filter, all, yes, json } = args;
    let now = SystemClock.now();
    let address = Address::of("/api/v1/dead").letters(filter, now).with("limit", SHOWN);
    let DeadPage { dead_letters, damaged, total, as_of, .. } = query.get(&address.text()).await?;
    // Nothing is known of them, so they are among what is wanted when that is everything.
    let damaged = if *all { damaged } else { Vec::new() };
    if total == 0 && damaged.is_empty() {
        if !json {
            out.line("no dead letters")?;
        }
        return Ok(Exit::Done);
    }
    if !yes {
        for letter in &dead_letters {
            out.line(letter.line(out.render_options()))?;
        }
        if total > dead_letters.len() {
            out.line(format_args!("and {} more", total - dead_letters.len()))?;
        }
    }
    if total > 0 {
        confirm(*yes, &(settling.question)(total))?;
    }

    let mut address = Address::of(settling.all).letters(filter, now);
    if filter.until.is_none() {
        address = address.with("until", as_of.to_rfc3339_opts(SecondsFormat::Nanos, true));
    }
    let address = address.maybe("force", settling.force.then_some(true));
    let mut next = Some(address.maybe("all", all.then_some(true)).with("limit", AT_ONCE).text());
    let (mut done, mut undone) = (0_usize, 0_usize);
    while let Some(address) = next {
        let bulk: DeadBulk = query.ask(Method::POST, &address).await?;
        for letter in &bulk.settled {
            settling.told(letter, *json, out)?;
        }
        for Unsettled { id, error } in &bulk.unsettled {
            untold(id, error, *json, out)?;
        }
        done += bulk.settled.len();
        undone += bulk.unsettled.len();
        next = bulk.next;
    }
    if !json {
        let undone =
            if undone == 0 { String::new() } else { format!(", {undone} not, for the reasons above") };
        out.line(format_args!("{done} {}{undone}", settling.done))?;
    }
    Ok(if undone == 0 { Exit::Done } else { Exit::Failed })
}
