//! All that is kept on the server, as it is kept.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use anyhow::Context as _;
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use strum::IntoEnumIterator as _;

use super::chunk::{Chunk, Id, POSITIONS};
use super::history::{self, Stored};
use super::place::{self, Record};
use super::store::{self, Buckets};
use super::stream::{Assets, STREAM};
use super::{JetStream, blobs::Blobs, dedup, message, verify};
use crate::archive::{Archive, Cursor, KnownId, RawRecord, Report, StateRecord};
use crate::bus::{BusError, Position};
use crate::store::{Bucket, Expect, Store as _};

/// Messages on their way at once.
const IN_FLIGHT: usize = 256;

impl JetStream {
    fn blobs<'a>(&'a self, assets: &'a Assets) -> Blobs<'a> {
        Blobs { assets, context: &self.ground.context }
    }

    /// Deletes the large bodies of which nothing speaks any more, and which are older than the log by `margin`; returns how
    /// many. It is done by itself once a day.
    pub async fn sweep_blobs(&self, margin: TimeDelta) -> anyhow::Result<usize> {
        super::sweep::sweep(&self.ground, margin).await
    }

    /// Makes a large body last as long as what is published now, if its last renewal is older than that.
    pub async fn renew_blob(&self, name: &str, older: TimeDelta) -> anyhow::Result<()> {
        let assets = self.assets().await?;
        self.blobs(&assets).renew(name, older).await
    }

    async fn state_of(&self, bucket: Bucket) -> anyhow::Result<Arc<BTreeMap<String, StateRecord>>> {
        let assets = self.assets().await?;
        let kept = store::all(&self.ground, assets.bucket(bucket)?).await?;
        let records = kept.into_iter().map(|(key, stored)| {
            let expires = expiry(&stored);
            let value = stored.payload.to_vec();
            (key.clone(), StateRecord { bucket, key, value, expires })
        });
        Ok(Arc::new(records.collect()))
    }

    async fn known_ids(&self) -> anyhow::Result<Arc<Vec<KnownId>>> {
        let assets = self.assets().await?;
        let mut ids = Vec::new();
        for (chunk, seen) in dedup::chunks(&assets).await? {
            ids.extend(chunk.ids().iter().map(|(id, position)| KnownId {
                hash: id.hex(),
                position: Position(*position),
                seen,
            }));
        }
        ids.sort_by(|a, b| a.hash.cmp(&b.hash));
        ids.dedup_by(|a, b| a.hash == b.hash);
        Ok(Arc::new(ids))
    }
}

/// When the server forgets an entry.
fn expiry(stored: &Stored) -> Option<DateTime<Utc>> {
    let seconds = stored.headers.get("Nats-TTL")?.as_str().trim_end_matches('s').parse().ok()?;
    Some(stored.recorded + TimeDelta::seconds(seconds))
}

/// A message as it travels: without what only this engine puts on it.
fn raw(stored: Stored) -> RawRecord {
    let mut headers = message::pairs(Some(&stored.headers));
    headers.retain(|(name, _)| !name.starts_with("Nats-") && name != message::RECORDED);
    // The client has them in no order; an archive has them in one.
    headers.sort();
    RawRecord {
        position: Position(stored.sequence),
        recorded: stored.recorded,
        message: Ok(events::nats::Message {
            subject: stored.subject,
            headers,
            payload: stored.payload.to_vec(),
        }),
    }
}

#[async_trait]
impl Archive for JetStream {
    async fn messages(&self, from: Position, limit: usize) -> Result<Vec<RawRecord>, BusError> {
        let failed = self.failed("read the log");
        self.assets().await.map_err(&failed)?;
        let page = history::page(&self.ground, STREAM, ">", from.0, limit).await.map_err(failed)?;
        Ok(page.into_iter().map(raw).collect())
    }

    async fn cursors(&self) -> Result<Vec<Cursor>, BusError> {
        let failed = self.failed("read the places of the consumers");
        let assets = self.assets().await.map_err(&failed)?;
        cursors(self, &assets).await.map_err(failed)
    }

    async fn state(
        &self,
        bucket: Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StateRecord>, BusError> {
        let failed = self.failed("read the state");
        let fresh = async || self.state_of(bucket).await;
        let all = self.listing.state.get(bucket, after.is_some(), fresh).await.map_err(failed)?;
        let rest = all.iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        Ok(rest.take(limit).map(|(_, record)| record.clone()).collect())
    }

    async fn ids(&self, after: Option<&str>, limit: usize) -> Result<Vec<KnownId>, BusError> {
        let failed = self.failed("read the index of event ids");
        let fresh = async || self.known_ids().await;
        let all = self.listing.ids.get((), after.is_some(), fresh).await.map_err(failed)?;
        let from = after.map_or(0, |after| all.partition_point(|id| id.hash.as_str() <= after));
        Ok(all.iter().skip(from).take(limit).cloned().collect())
    }

    async fn blobs(&self) -> Result<Vec<String>, BusError> {
        let failed = self.failed("list the large bodies");
        let assets = self.assets().await.map_err(&failed)?;
        self.blobs(&assets).names().await.map_err(failed)
    }

    async fn is_empty(&self) -> Result<bool, BusError> {
        let failed = self.failed("look whether the bus is empty");
        let assets = self.assets().await.map_err(&failed)?;
        let log = assets.stream.get_info().await.map_err(|error| failed(error.into()))?;
        if log.state.last_sequence > 0 || !cursors(self, &assets).await.map_err(&failed)?.is_empty() {
            return Ok(false);
        }
        for bucket in Bucket::iter() {
            if !self.state(bucket, None, 1).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(self.blobs(&assets).names().await.map_err(failed)?.is_empty())
    }

    async fn restore_messages(&self, records: Vec<RawRecord>) -> Result<Vec<Position>, BusError> {
        let failed = self.failed("restore messages");
        restore_messages(self, records).await.map_err(failed)
    }

    async fn restore_cursor(&self, cursor: Cursor) -> Result<(), BusError> {
        let failed = self.failed("restore the place of a consumer");
        let assets = self.assets().await.map_err(&failed)?;
        let settled: BTreeSet<u64> = cursor.settled.iter().map(|position| position.0).collect();
        // What it hears is known when its handler comes: then the durable is made, there.
        let record = Record::restored(&assets, cursor.floor.0, settled);
        place::write(&assets, &cursor.name, &record).await.map_err(failed)
    }

    async fn forget_cursor(&self, name: &str) -> Result<bool, BusError> {
        let failed = self.failed("forget a consumer");
        let assets = self.assets().await.map_err(&failed)?;
        forget(self, &assets, name).await.map_err(failed)
    }

    async fn restore_state(&self, entries: Vec<StateRecord>) -> Result<(), BusError> {
        let failed = self.failed("restore the state");
        let assets = self.assets().await.map_err(&failed)?;
        let buckets = Buckets { assets, ground: self.ground.clone() };
        // The server counts their time down.
        let now = history::now(&self.ground, STREAM).await.map_err(&failed)?;
        let writes = entries.into_iter().filter_map(|StateRecord { bucket, key, value, expires }| {
            let left = match expires {
                None => None,
                // Whole seconds, and never none.
                Some(expires) => Some((expires - now).to_std().ok()?.max(std::time::Duration::from_secs(1))),
            };
            let buckets = &buckets;
            Some(async move { buckets.put(bucket, &key, value, Expect::Any, left).await })
        });
        let written =
            stream::iter(writes).buffer_unordered(IN_FLIGHT).try_for_each(|_| std::future::ready(Ok(())));
        written.await.map_err(|error| failed(error.into()))
    }

    async fn restore_ids(&self, ids: Vec<KnownId>) -> Result<(), BusError> {
        let failed = self.failed("restore the index of event ids");
        let assets = self.assets().await.map_err(&failed)?;
        for part in ids.chunks(usize::try_from(POSITIONS).unwrap_or(usize::MAX)) {
            let mut chunk = Chunk::default();
            chunk.extend(part.iter().map(|known| (Id::of_text(&known.hash), known.position.0)), 0);
            let key = format!("{}{}", dedup::RESTORED, uuid::Uuid::new_v4().simple());
            dedup::write(&assets.dedup, &key, &chunk, 0).await.map_err(&failed)?;
        }
        self.index.is_stale();
        Ok(())
    }

    async fn verify(&self) -> Result<Report, BusError> {
        let failed = self.failed("check the bus");
        let assets = self.assets().await.map_err(&failed)?;
        verify::verify(&self.ground, &assets, self.blobs(&assets)).await.map_err(failed)
    }
}

async fn cursors(bus: &JetStream, assets: &Assets) -> anyhow::Result<Vec<Cursor>> {
    let mut records = place::all(&bus.ground, assets).await?;
    let mut cursors = Vec::new();
    let mut consumers = assets.stream.consumers();
    while let Some(info) = consumers.try_next().await.context("cannot list the consumers")? {
        if info.config.durable_name.is_none() {
            continue;
        }
        let floor = info.ack_floor.stream_sequence;
        let settled = records.remove(&info.name).map(|record| record.settled).unwrap_or_default();
        let settled = settled.into_iter().filter(|position| *position > floor).map(Position).collect();
        cursors.push(Cursor { name: info.name, floor: Position(floor), settled });
    }
    // Those whose durable is not made yet, or was deleted.
    cursors.extend(records.into_iter().map(|(name, record)| Cursor {
        name,
        floor: Position(record.floor),
        settled: record.settled.into_iter().map(Position).collect(),
    }));
    cursors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cursors)
}

/// Removes the durable first: as long as its place is written down, it is still known, and can be forgotten again.
async fn forget(bus: &JetStream, assets: &Assets, name: &str) -> anyhow::Result<bool> {
    if !cursors(bus, assets).await?.iter().any(|cursor| cursor.name == name) {
        return Ok(false);
    }
    match assets.stream.consumer_info(name).await {
        Ok(_) => {
            assets.stream.delete_consumer(name).await.context("cannot delete the durable")?;
        }
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {}
        Err(error) => return Err(error).context("cannot look at the durable"),
    }
    for position in place::all_put_off(&bus.ground, assets, name).await?.into_keys() {
        let key = format!("p.{name}.{position}");
        assets.places.purge(key).await.context("cannot forget what was put off")?;
    }
    assets.places.purge(format!("c.{name}")).await.context("cannot forget its place")?;
    Ok(true)
}

async fn restore_messages(bus: &JetStream, records: Vec<RawRecord>) -> anyhow::Result<Vec<Position>> {
    bus.assets().await?;
    let mut waiting = VecDeque::new();
    let mut positions = Vec::with_capacity(records.len());
    for RawRecord { position, recorded, message } in records {
        let message = match message {
            Ok(message) => message,
            Err(damage) => anyhow::bail!("position {position} is damaged: {}", damage.reason),
        };
        let subject = message.subject.clone();
        let said = recorded.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        let outgoing = message::outgoing(message)?.header(message::RECORDED, said.as_str());
        let sent = bus.ground.context.send_publish(subject, outgoing).await;
        waiting.push_back(sent.context("cannot send a message")?);
        if waiting.len() == IN_FLIGHT {
            acknowledged(&mut waiting, &mut positions).await?;
        }
    }
    while !waiting.is_empty() {
        acknowledged(&mut waiting, &mut positions).await?;
    }
    Ok(positions)
}

async fn acknowledged(
    waiting: &mut VecDeque<async_nats::jetstream::context::PublishAckFuture>,
    positions: &mut Vec<Position>,
) -> anyhow::Result<()> {
    if let Some(ack) = waiting.pop_front() {
        positions.push(Position(ack.await.context("the server did not take a message")?.sequence));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use async_nats::header::HeaderMap;

    use super::*;

    fn stored(headers: &[(&str, &str)]) -> Stored {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, *value);
        }
        Stored {
            sequence: 7,
            subject: "signalbox.events.t".to_owned(),
            recorded: "2026-11-24T10:00:00Z".parse().unwrap(),
            headers: map,
            payload: b"body".as_slice().into(),
        }
    }

    #[test]
    fn a_raw_message_has_nothing_of_this_engine() {
        let headers = [("ce-id", "1"), ("Nats-Msg-Id", "x"), (message::RECORDED, "2026-11-24T10:00:00Z")];
        let record = raw(stored(&headers));
        assert_eq!(record.message.unwrap().headers, [("ce-id".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn an_entry_expires_by_the_time_that_it_was_given() {
        assert_eq!(expiry(&stored(&[])), None);
        for given in ["90", "90s"] {
            let expires = expiry(&stored(&[("Nats-TTL", given)])).unwrap();
            assert_eq!(expires.to_rfc3339(), "2026-11-24T10:01:30+00:00");
        }
    }
}
