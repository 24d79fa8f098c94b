//! Events as they come: one line of JSON for each, or server-sent events.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use chassis::{BusError, Position, Recorded, Shutdown};
use futures::stream::BoxStream;
use futures::{FutureExt as _, Stream, StreamExt as _};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::params::{Pairs, Params};
use super::problem::Problem;
use super::{Console, accept};
use crate::api::{Entry, ErrorBody};
use crate::query;

const LINES: &str = "application/x-ndjson";
const SERVER_SENT: &str = "text/event-stream";

/// A sign of life when nothing happens, more often than proxies lose their patience.
const ALIVE: Duration = Duration::from_secs(15);

/// What is sent next.
enum Item {
    Event(Box<Recorded>),
    /// Nothing happened for a while.
    Alive,
    /// The log cannot be read: the last item.
    Failed(BusError),
}

/// `GET /api/v1/events/tail`.
///
/// As lines: an [`Entry`] each, an empty one as a sign of life, and an [`ErrorBody`] as the last when the log cannot be
/// read. As server-sent events: the id is the position, and a reader that comes back with `Last-Event-ID` misses nothing.
pub(super) async fn tail(
    State(console): State<Arc<Console>>,
    headers: HeaderMap,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let mut params = Params::of(pairs)?;
    let filter = params.filter(console.clock.now())?;
    let after = params.after()?;
    params.end("type, source, key, correlation, since, until, after")?;
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok());
    let permit = console.tails.clone().try_acquire_owned().map_err(|_| Problem::TooManyTails)?;
    let events = query::tail(console.bus.clone(), filter, last.map(Position).or(after)).boxed();
    let items = items(events, console.shutdown.clone(), permit);
    Ok(if accept::choose(&headers, &[LINES, SERVER_SENT]) == Some(SERVER_SENT) {
        Sse::new(items.map(|item| Ok::<_, Infallible>(server_sent(item)))).into_response()
    } else {
        let lines = Body::from_stream(items.map(|item| Ok::<_, Infallible>(line(item))));
        ([(header::CONTENT_TYPE, LINES)], lines).into_response()
    })
}

struct Tail {
    /// `None` after the last item.
    events: Option<BoxStream<'static, Result<Recorded, BusError>>>,
    alive: Interval,
    shutdown: Shutdown,
    _permit: OwnedSemaphorePermit,
}

fn items(
    events: BoxStream<'static, Result<Recorded, BusError>>,
    shutdown: Shutdown,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Item> + Send {
    let mut alive = interval_at(Instant::now() + ALIVE, ALIVE);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let tail = Tail { events: Some(events), alive, shutdown, _permit: permit };
    futures::stream::unfold(tail, |mut tail| async move {
        let item = tail.item().await?;
        Some((item, tail))
    })
}

impl Tail {
    async fn item(&mut self) -> Option<Item> {
        let events = self.events.as_mut()?;
        let mut shutdown = pin!(self.shutdown.triggered().fuse());
        let item = tokio::select! {
            biased;
            () = &mut shutdown => return None,
            next = events.next() => match next? {
                Ok(recorded) => Item::Event(Box::new(recorded)),
                Err(error) => Item::Failed(error),
            },
            _ = self.alive.tick() => return Some(Item::Alive),
        };
        self.alive.reset();
        if let Item::Failed(_) = item {
            self.events = None;
        }
        Some(item)
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("entries and errors are plain data with string keys")
}

fn failure(error: BusError) -> ErrorBody {
    ErrorBody { error: format!("{:#}", anyhow::Error::new(error)), hint: None, candidates: Vec::new() }
}

/// One line, whatever the body looks like: inside JSON, a line break that is no part of a text is white space.
fn line(item: Item) -> String {
    let line = match item {
        Item::Event(recorded) => json(&Entry::from(&*recorded)),
        Item::Alive => String::new(),
        Item::Failed(error) => json(&failure(error)),
    };
    line.replace(['\n', '\r'], " ") + "\n"
}

fn server_sent(item: Item) -> Event {
    match item {
        Item::Event(recorded) => Event::default()
            .event("entry")
            .id(recorded.position.to_string())
            .data(json(&Entry::from(&*recorded))),
        Item::Alive => Event::default().comment(""),
        Item::Failed(error) => Event::default().event("failure").data(json(&failure(error))),
    }
}
