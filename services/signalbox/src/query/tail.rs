//! `signalbox events tail`.

use std::time::Duration;

use chassis::{Clock as _, SystemClock};
use console::RenderOptions;
use console::api::{Entry, ErrorBody, EventPage};
use futures::StreamExt as _;
use reqwest::Method;

use super::Query;
use super::address::Address;
use crate::cli::{Since, TailArgs};
use crate::exit::{Exit, Stop};
use crate::output::Output;

/// The most that the API gives at once.
const PAGE: usize = 1_000;
/// How often it is looked whether anybody still reads.
const LOOK: Duration = Duration::from_millis(500);

/// Prints events as they come.
pub async fn run(query: &Query, args: &TailArgs, out: &mut Output) -> Result<Exit, Stop> {
    let TailArgs { filter, json, since, no_follow } = args;
    let since = since.or(no_follow.then_some(Since::All));
    let (after, since) = match since {
        None => (None, None),
        Some(Since::All) => (Some(0), None),
        Some(Since::When(when)) => (None, Some(when)),
    };
    let wanted = |path: &str| {
        Address::of(path).events(filter).maybe("after", after).when("since", since, SystemClock.now())
    };
    let printer = Printer { json: *json, options: out.render_options() };
    if *no_follow {
        let first = wanted("/api/v1/events").with("order", "oldest").with("limit", PAGE);
        pages(query, first.text(), &printer, out).await
    } else {
        follow(query, &wanted("/api/v1/events/tail").text(), &printer, out).await
    }
}

/// All that there is.
async fn pages(query: &Query, first: String, printer: &Printer, out: &mut Output) -> Result<Exit, Stop> {
    let mut next = Some(first);
    while let Some(address) = next {
        let page: EventPage = query.get(&address).await?;
        for entry in &page.events {
            printer.print(entry, out)?;
        }
        next = page.next;
    }
    Ok(Exit::Done)
}

/// What comes, until Ctrl-C or the end of the server.
async fn follow(query: &Query, address: &str, printer: &Printer, out: &mut Output) -> Result<Exit, Stop> {
    let mut answer = query.send(Method::GET, address).await?;
    let mut lines = Lines::default();
    let mut looks = tokio::time::interval(LOOK);
    loop {
        let piece = tokio::select! {
            piece = answer.body.next() => piece,
            _ = looks.tick() => if out.is_closed() { return Err(Stop::ClosedPipe) } else { continue },
        };
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|error| Stop::with(Exit::Unreachable, error))?;
        for item in lines.push(&piece)? {
            match item {
                Item::Entry(entry) => printer.print(&entry, out)?,
                Item::Failed(ErrorBody { error, .. }) => {
                    let error = anyhow::anyhow!("the tail has ended: {error}");
                    return Err(Stop::with(Exit::Unreachable, error));
                }
            }
        }
    }
    let error = anyhow::anyhow!("the server has ended the tail: it is shutting down");
    Err(Stop::with(Exit::Unreachable, error))
}

struct Printer {
    json: bool,
    options: RenderOptions,
}

impl Printer {
    fn print(&self, entry: &Entry, out: &mut Output) -> Result<(), Stop> {
        if !self.json {
            return out.line(entry.line(self.options));
        }
        // A body keeps the text that it came in. A line break in JSON stands only where a space could.
        out.line(entry.json().replace(['\n', '\r'], " "))
    }
}

enum Item {
    Entry(Entry),
    Failed(ErrorBody),
}

/// Puts the pieces of a stream together to JSON values, one after the other with white space between.
#[derive(Default)]
struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    /// The values that are whole with this piece. Looked for only where a line ends.
    fn push(&mut self, piece: &[u8]) -> Result<Vec<Item>, Stop> {
        self.pending.extend_from_slice(piece);
        if !piece.contains(&b'\n') {
            return Ok(Vec::new());
        }
        let mut items = Vec::new();
        let mut values =
            serde_json::Deserializer::from_slice(&self.pending).into_iter::<&serde_json::value::RawValue>();
        for value in values.by_ref() {
            match value {
                Ok(value) => items.push(item(value.get())?),
                Err(error) if error.is_eof() => break,
                Err(error) => return Err(anyhow::Error::new(error).context("the tail is not JSON").into()),
            }
        }
        let rest = values.byte_offset();
        self.pending.drain(..rest);
        Ok(items)
    }
}

fn item(text: &str) -> Result<Item, Stop> {
    match serde_json::from_str::<ErrorBody>(text) {
        Ok(failed) => Ok(Item::Failed(failed)),
        Err(_) => Ok(Item::Entry(serde_json::from_str(text)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Item, Lines};

    const ENTRY: &str = "{\"position\":7,\"recorded\":\"2026-01-31T12:00:00Z\",\"event\":{\"specversion\":\"1.0\",\n \"id\":\"a\",\"source\":\"/s\",\"type\":\"t\"}}";

    fn positions(items: &[Item]) -> Vec<u64> {
        let position = |item: &Item| match item {
            Item::Entry(entry) => entry.position.0,
            Item::Failed(_) => 0,
        };
        items.iter().map(position).collect()
    }

    #[test]
    fn entries_are_put_together_wherever_the_stream_is_cut() {
        let stream = format!("{ENTRY}\n\n{ENTRY}\n");
        for cut in 0..stream.len() {
            let mut lines = Lines::default();
            let mut items = lines.push(&stream.as_bytes()[..cut]).expect("it is JSON");
            items.extend(lines.push(&stream.as_bytes()[cut..]).expect("it is JSON"));
            assert_eq!(positions(&items), [7, 7], "cut at {cut}");
        }
    }

    #[test]
    fn a_sign_of_life_is_no_entry_and_a_failure_is_told() {
        let mut lines = Lines::default();
        assert!(lines.push(b"\n\n").expect("white space is nothing").is_empty());
        let items = lines.push(b"{\"error\":\"the log cannot be read\"}\n").expect("it is JSON");
        assert!(matches!(&items[..], [Item::Failed(failed)] if failed.error == "the log cannot be read"));
        assert!(lines.push(b"<html>\n").is_err());
    }
}
