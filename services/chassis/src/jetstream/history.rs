//! The log is read: by the server's direct access, which needs no consumer.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::header::HeaderMap;
use async_nats::jetstream;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::DirectGetErrorKind;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use events::subject::PREFIX;
use futures::StreamExt as _;

use super::ground::Ground;
use super::message;
use super::stream::Assets;

/// Messages in one request.
const BATCH: usize = 512;
/// Bytes in one request: what an answer may take of the connection and of memory.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// How long the server may be silent in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(5);

/// A message as it is stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its place.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// When the bus took it.
    pub recorded: DateTime<Utc>,
    /// Its headers, without those that the answer adds.
    pub headers: HeaderMap,
    /// Its payload.
    pub payload: Bytes,
}

/// Up to `limit` messages of a stream at or after `from`, oldest first, whose subject fits.
pub async fn page(
    ground: &Ground,
    stream: &str,
    subject: &str,
    mut from: u64,
    limit: usize,
) -> anyhow::Result<Vec<Stored>> {
    let mut page = Vec::new();
    while page.len() < limit {
        let more = batch(ground, stream, subject, from, BATCH.min(limit - page.len()), &mut page).await?;
        match page.last() {
            Some(last) if more => from = last.sequence + 1,
            Some(_) | None => break,
        }
    }
    Ok(page)
}

/// One request; says whether there is more.
async fn batch(
    ground: &Ground,
    stream: &str,
    subject: &str,
    from: u64,
    limit: usize,
    page: &mut Vec<Stored>,
) -> anyhow::Result<bool> {
    let request = serde_json::json!({
        "seq": from.max(1), "next_by_subj": subject, "batch": limit, "max_bytes": BATCH_BYTES,
    });
    let inbox = ground.client.new_inbox();
    let mut answers = ground.client.subscribe(inbox.clone()).await.context("cannot ask for messages")?;
    let to = format!("$JS.API.DIRECT.GET.{stream}");
    let sent = ground.client.publish_with_reply(to, inbox, request.to_string().into()).await;
    sent.context("cannot ask for messages")?;
    loop {
        let answer = tokio::time::timeout(SILENCE, answers.next()).await;
        let answer = answer.context("the server stopped answering")?.context("the connection is closing")?;
        match answer.status.map_or(200, |status| status.as_u16()) {
            200 => page.push(stored(answer)?),
            // The end of the answer, which says how many messages follow.
            204 => return Ok(number(answer.headers.as_ref(), "Nats-Num-Pending").unwrap_or(0) > 0),
            404 => return Ok(false),
            503 => anyhow::bail!(
                "nobody answers for the stream {stream}: it does not exist, or allows no direct access"
            ),
            status => anyhow::bail!("{status} {}", answer.description.unwrap_or_default()),
        }
    }
}

fn stored(answer: async_nats::Message) -> anyhow::Result<Stored> {
    let headers = answer.headers.unwrap_or_default();
    let said = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
    let sequence = number(Some(&headers), "Nats-Sequence").context("a message has no place")?;
    let subject = said("Nats-Subject").context("a message has no subject")?;
    let recorded = said(message::RECORDED).or_else(|| said("Nats-Time-Stamp"));
    let recorded = recorded.and_then(|text| text.parse().ok()).unwrap_or_default();
    let own = headers.iter().filter(|(name, _)| !ADDED.contains(&AsRef::<str>::as_ref(name)));
    let mut kept = HeaderMap::new();
    for (name, values) in own {
        for value in values {
            kept.append(name.clone(), value.clone());
        }
    }
    Ok(Stored { sequence, subject, recorded, headers: kept, payload: answer.payload })
}

/// Headers that the answer adds to those of the message.
const ADDED: [&str; 6] = [
    "Nats-Stream",
    "Nats-Subject",
    "Nats-Sequence",
    "Nats-Time-Stamp",
    "Nats-Num-Pending",
    "Nats-Last-Sequence",
];

fn number(headers: Option<&HeaderMap>, name: &str) -> Option<u64> {
    headers?.get(name)?.as_str().parse().ok()
}

/// What time it is by the clock of the server.
pub async fn now(ground: &Ground, stream: &str) -> anyhow::Result<DateTime<Utc>> {
    time(&ground.context, stream).await
}

/// The same, where there is no more than a connection.
pub async fn time(context: &jetstream::Context, stream: &str) -> anyhow::Result<DateTime<Utc>> {
    /// The part of the answer that the client's own type leaves out.
    #[derive(serde::Deserialize)]
    struct Said {
        ts: DateTime<Utc>,
    }
    let answer = context.request(format!("STREAM.INFO.{stream}"), &()).await;
    let answer: Response<Said> = answer.context("cannot ask the server for the time")?;
    match answer {
        Response::Ok(Said { ts }) => Ok(ts),
        Response::Err { error } => Err(error).context("the server does not say the time"),
    }
}

/// The oldest place that is kept.
pub async fn first(assets: &Assets) -> anyhow::Result<u64> {
    let info = assets.stream.get_info().await.context("cannot look at the log")?;
    Ok(info.state.first_sequence.max(1))
}

/// The last place.
pub async fn last(assets: &Assets) -> anyhow::Result<u64> {
    let info = assets.stream.get_info().await.context("cannot look at the log")?;
    Ok(info.state.last_sequence)
}

/// The last event's place; 0 when there is none.
pub async fn last_event(assets: &Assets) -> anyhow::Result<u64> {
    match assets.stream.direct_get_last_for_subject(format!("{PREFIX}>")).await {
        Ok(found) => Ok(found.sequence),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(0),
        Err(error) => Err(error).context("cannot read the end of the log"),
    }
}

/// The first place that was recorded at or after this time. By bisection, since restored messages say themselves when
/// they were recorded; the times of a log grow.
pub async fn seek(assets: &Assets, time: DateTime<Utc>) -> anyhow::Result<u64> {
    let info = assets.stream.get_info().await.context("cannot look at the log")?;
    let end = info.state.last_sequence + 1;
    let (mut low, mut high) = (info.state.first_sequence.max(1), end);
    while low < high {
        let middle = low + (high - low) / 2;
        match next(assets, middle).await? {
            // Everything up to the message that was found is too early; it stands at or after the middle.
            Some((found, recorded)) if recorded < time => low = found + 1,
            Some(_) | None => high = middle,
        }
    }
    Ok(next(assets, low).await?.map_or(end, |(sequence, _)| sequence))
}

/// The first place at or after `from` with one of these subjects, which may have wildcards.
pub async fn next_of(assets: &Assets, subjects: &[String], from: u64) -> anyhow::Result<Option<u64>> {
    let mut first = None;
    for subject in subjects {
        let found = match assets.stream.direct_get_next_for_subject(subject.as_str(), Some(from)).await {
            Ok(found) => found.sequence,
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => continue,
            Err(error) => return Err(error).context("cannot read the log"),
        };
        first = Some(first.map_or(found, |first: u64| first.min(found)));
    }
    Ok(first)
}

async fn next(assets: &Assets, from: u64) -> anyhow::Result<Option<(u64, DateTime<Utc>)>> {
    match assets.stream.direct_get_next_for_subject(format!("{PREFIX}>"), Some(from)).await {
        Ok(found) => Ok(Some((found.sequence, message::recorded(&found)))),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("cannot read the log"),
    }
}
