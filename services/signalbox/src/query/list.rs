//! `signalbox events list`.

use chassis::{Clock as _, SystemClock};
use console::api::EventPage;

use super::Query;
use super::address::Address;
use crate::cli::ListArgs;
use crate::exit::{Exit, Stop};
use crate::output::{Output, Style};

/// The most that the API gives at once.
const PAGE: usize = 1_000;

/// Prints events of the past.
pub async fn run(query: &Query, args: &ListArgs, out: &mut Output) -> Result<Exit, Stop> {
    let ListArgs { filter, since, until, limit, after, before, oldest_first, json } = args;
    let now = SystemClock.now();
    let mut left = *limit;
    let address = Address::of("/api/v1/events")
        .events(filter)
        .when("since", *since, now)
        .when("until", *until, now)
        .maybe("after", *after)
        .maybe("before", *before)
        .maybe("order", oldest_first.then_some("oldest"))
        .with("limit", left.clamp(1, PAGE));
    let mut next = Some(address.text());
    let mut cursor = None;
    while let (Some(address), true) = (&next, left > 0) {
        let page: EventPage = query.get(address).await?;
        // A page has a limit of its own, and the last one can have more than are wanted.
        for entry in page.events.iter().take(left) {
            if *json {
                out.line(serde_json::to_string(entry)?.replace(['\n', '\r'], " "))?;
            } else {
                out.line(entry.line(out.render_options()))?;
            }
        }
        cursor = if page.events.len() > left {
            page.events.get(left - 1).map(|entry| entry.position)
        } else {
            page.cursor
        };
        left = left.saturating_sub(page.events.len());
        next = page.next;
    }
    if let (false, Some(cursor)) = (json, cursor) {
        let flag = if *oldest_first { "--after" } else { "--before" };
        out.line(out.styled(Style::Dim, format_args!("there may be more: go on with {flag} {cursor}")))?;
    }
    Ok(Exit::Done)
}
