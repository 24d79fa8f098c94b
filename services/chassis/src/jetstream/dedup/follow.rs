//! How the index follows the log, and the filter the index.

use std::sync::PoisonError;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::kv;
use async_nats::jetstream::stream::DirectGetErrorKind;
use futures::StreamExt as _;

use super::{Index, Moment, Piece, SIXTHS_OF_WINDOW, next, prefix};
use crate::jetstream::chunk::{Chunk, Id, POSITIONS};
use crate::jetstream::filter::Filter;
use crate::jetstream::ground::Ground;
use crate::jetstream::message;
use crate::jetstream::stream::Assets;

/// Messages in one request.
const BATCH: usize = 2048;
/// The server forgets the reader when nobody asks for this long.
const FORGOTTEN: Duration = Duration::from_secs(30);

impl Index {
    /// Brings the index and the filter up to date; returns the server's window.
    pub(super) async fn refresh(&self, ground: &Ground) -> anyhow::Result<Duration> {
        let assets = ground.assets().await?;
        let started = Moment::now();
        let log = assets.stream.get_info().await.context("cannot look at the log")?;
        ensure!(log.created == assets.stream.cached_info().created, "the log is another one than before");
        let last = log.state.last_sequence;
        loop {
            let to = self.read(&assets).await?;
            if to > last {
                self.cut(&assets, to).await?;
            }
            if to >= last {
                break;
            }
            let from = (to + 1).max(log.state.first_sequence);
            follow(&assets, from, last).await?;
        }
        let window = log.config.duplicate_window;
        let limit = window * SIXTHS_OF_WINDOW / 6;
        self.fresh.send_replace(Some((started, limit)));
        Ok(window)
    }

    /// Takes in what the chunks of the bucket have become; returns up to where they cover this log.
    async fn read(&self, assets: &Assets) -> anyhow::Result<u64> {
        let bucket = &assets.dedup;
        let info = bucket.stream.get_info().await.context("cannot look at the index of event ids")?;
        let mut seen = {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if known.bucket != Some(info.created) {
                // Another bucket of the same name.
                *known = super::Known { bucket: Some(info.created), ..super::Known::default() };
                self.fresh.send_replace(None);
            }
            // What is older than the oldest message has expired.
            known.pieces.retain(|_, piece| piece.revision >= info.state.first_sequence);
            known.seen
        };
        while let Some(entry) = next(bucket, seen).await? {
            seen = entry.sequence;
            let key = entry.subject.strip_prefix(&bucket.prefix).unwrap_or_default().to_owned();
            let piece = if entry.payload.is_empty() {
                None
            } else {
                let chunk = Chunk::decode(&entry.payload);
                let chunk = chunk.with_context(|| format!("chunk {key} of the index of event ids"))?;
                let ids: Vec<Id> = chunk.ids().iter().map(|(id, _)| *id).collect();
                Some(Piece { revision: seen, to: chunk.to, filter: Filter::of(ids.iter()) })
            };
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            match piece {
                Some(piece) => known.pieces.insert(key, piece),
                None => known.pieces.remove(&key),
            };
            known.seen = seen;
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let prefix = prefix(assets);
        let ours = known.pieces.iter().filter(|(key, _)| key.starts_with(&prefix));
        Ok(ours.map(|(_, piece)| piece.to).max().unwrap_or(0))
    }

    /// The index may know more than the log has: another process saw more meanwhile. But a server that lost its power
    /// without having synced loses the end of its log, and gives those places to other events.
    async fn cut(&self, assets: &Assets, to: u64) -> anyhow::Result<()> {
        let last = assets.stream.get_info().await.context("cannot look at the log")?.state.last_sequence;
        if last >= to {
            return Ok(());
        }
        tracing::error!(
            last,
            indexed = to,
            "the NATS server lost the end of its log: what was there may be sent again"
        );
        let prefix = prefix(assets);
        for number in last / POSITIONS..=to / POSITIONS {
            let key = format!("{prefix}{number}");
            let (mut chunk, revision) = current(&assets.dedup, &key).await?;
            chunk.cut(last);
            write(&assets.dedup, &key, &chunk, revision).await?;
        }
        anyhow::bail!("the index of event ids was cut to the log")
    }
}

/// Puts the ids of the places `from..=last` into the index, or some of them when somebody else is at it, too.
async fn follow(assets: &Assets, from: u64, last: u64) -> anyhow::Result<()> {
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
        ack_policy: AckPolicy::None,
        headers_only: true,
        inactive_threshold: FORGOTTEN,
        memory_storage: true,
        ..pull::Config::default()
    };
    let consumer = assets.stream.create_consumer(config).await.context("cannot follow the log")?;
    let mut open = Open { number: (from - 1) / POSITIONS, ids: Vec::new() };
    let (mut expected, mut covered) = (1, from - 1);
    while covered < last {
        let batch = consumer.fetch().max_messages(BATCH).messages().await;
        let mut batch = batch.context("cannot follow the log")?;
        let mut pending = None;
        while let Some(message) = batch.next().await {
            let message = message.map_err(anyhow::Error::from_boxed).context("cannot follow the log")?;
            let info = message.info().map_err(anyhow::Error::from_boxed).context("it has no place")?;
            ensure!(info.consumer_sequence == expected, "the connection was lost on the way");
            (expected, covered, pending) = (expected + 1, info.stream_sequence, Some(info.pending));
            if !open.reach(assets, covered).await? {
                return Ok(());
            }
            open.ids.extend(id(assets, &message, covered).await?.map(|id| (id, covered)));
        }
        let pending = match pending {
            Some(pending) => pending,
            None => consumer.get_info().await.context("cannot follow the log")?.num_pending,
        };
        if pending == 0 {
            // What is missing up to there was deleted.
            covered = covered.max(last);
        }
    }
    // It would go by itself; this only spares the server.
    let _ = assets.stream.delete_consumer(&consumer.cached_info().name).await;
    let _ = open.reach(assets, covered).await? && open.flush(assets, covered).await?;
    Ok(())
}

/// The chunk that is being filled.
struct Open {
    number: u64,
    ids: Vec<(Id, u64)>,
}

impl Open {
    /// Goes on to the chunk of that place; false when somebody else has written the one before.
    async fn reach(&mut self, assets: &Assets, position: u64) -> anyhow::Result<bool> {
        let number = (position - 1) / POSITIONS;
        if number == self.number {
            return Ok(true);
        }
        let end = (self.number + 1) * POSITIONS;
        let written = self.flush(assets, end).await?;
        self.number = number;
        Ok(written)
    }

    async fn flush(&mut self, assets: &Assets, to: u64) -> anyhow::Result<bool> {
        let key = format!("{}{}", prefix(assets), self.number);
        let (mut chunk, revision) = current(&assets.dedup, &key).await?;
        chunk.extend(self.ids.drain(..), to);
        write(&assets.dedup, &key, &chunk, revision).await
    }
}

async fn id(
    assets: &Assets,
    message: &async_nats::jetstream::Message,
    position: u64,
) -> anyhow::Result<Option<Id>> {
    if let Ok(id) = message::id(&message.subject, message.headers.as_ref(), None) {
        return Ok(id);
    }
    match assets.stream.direct_get(position).await {
        Ok(whole) => {
            let id = message::id(&whole.subject, Some(&whole.headers), Some(&whole.payload));
            Ok(id.ok().flatten())
        }
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("cannot read a message of the log"),
    }
}

/// The chunk as it is now, and its revision.
async fn current(bucket: &kv::Store, key: &str) -> anyhow::Result<(Chunk, u64)> {
    let entry = bucket.entry(key).await.context("cannot read the index of event ids")?;
    match entry {
        None => Ok((Chunk::default(), 0)),
        Some(entry) if entry.operation != kv::Operation::Put => Ok((Chunk::default(), entry.revision)),
        Some(entry) => {
            let chunk = Chunk::decode(&entry.value);
            Ok((chunk.with_context(|| format!("chunk {key} of the index of event ids"))?, entry.revision))
        }
    }
}

/// Writes it if nobody else has; says whether it did.
pub async fn write(bucket: &kv::Store, key: &str, chunk: &Chunk, revision: u64) -> anyhow::Result<bool> {
    match bucket.update(key, chunk.encode().into(), revision).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(false),
        Err(error) => Err(error).context("cannot write the index of event ids"),
    }
}
