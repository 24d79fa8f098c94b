//! All that the engine keeps, as it is kept.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use super::appender::Command;
use super::keys::{self, Part};
use super::log::New;
use super::log::entry::Id;
use super::record::{self, Raw};
use super::store::{self, Stored};
use super::trouble::WriteError;
use super::writer::Changes;
use super::{Embedded, verify};
use crate::archive::{Archive, Cursor, Damage, KnownId, RawRecord, Report, StateRecord};
use crate::bus::{BusError, Position};
use crate::ledger;
use crate::store::Bucket;

/// How many keys are written at once.
const AT_ONCE: usize = 1_000;

impl Embedded {
    async fn write_all(&self, doing: &'static str, changes: Changes) -> Result<(), BusError> {
        let mut changes = changes.into_iter().peekable();
        while changes.peek().is_some() {
            let some = changes.by_ref().take(AT_ONCE).collect();
            self.0.writer.write(some).await.map_err(|error| BusError::new(doing, error))?;
        }
        Ok(())
    }
}

#[async_trait]
impl Archive for Embedded {
    async fn messages(&self, from: Position, limit: usize) -> Result<Vec<RawRecord>, BusError> {
        self.page(from, limit, |raw| Some(raw_record(raw)))
    }

    async fn cursors(&self) -> Result<Vec<Cursor>, BusError> {
        let failed = |error: anyhow::Error| BusError::new("read the places of the consumers", error);
        let mut cursors = BTreeMap::new();
        for (key, value) in self.0.state.scan(keys::CONSUMERS, keys::CONSUMERS, usize::MAX).map_err(failed)? {
            if let Some(name) = keys::consumer_of(&key, Part::Floor) {
                let floor = Position(keys::number(&value).unwrap_or(0));
                cursors.insert(name.clone(), Cursor { name, floor, settled: Vec::new() });
            }
        }
        for cursor in cursors.values_mut() {
            let prefix = keys::consumer(&cursor.name, Part::Settled);
            for (key, value) in self.0.state.scan(&prefix, &prefix, usize::MAX).map_err(failed)? {
                let from = keys::number(&key).unwrap_or(u64::MAX);
                let to = keys::number(&value).unwrap_or(from);
                cursor.settled.extend((from.max(cursor.floor.0 + 1)..=to).map(Position));
            }
        }
        Ok(cursors.into_values().collect())
    }

    async fn state(
        &self,
        bucket: Bucket,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StateRecord>, BusError> {
        let failed = |error: anyhow::Error| BusError::new("read the state", error);
        let (prefix, now) = (keys::state(bucket, ""), self.0.clock.now());
        let (mut page, mut from) = (Vec::new(), after_key(&prefix, after.map(str::as_bytes)));
        while page.len() < limit {
            let found = self.0.state.scan(&prefix, &from, limit).map_err(failed)?;
            let Some((last, _)) = found.last() else { break };
            from = [&last[..], &[0]].concat();
            for (place, framed) in found {
                let stored = store::decode(&framed).map_err(failed)?;
                let Some(Stored { expires, value, revision: _ }) = store::live(stored, now) else { continue };
                let key = String::from_utf8_lossy(&place[prefix.len()..]).into_owned();
                page.push(StateRecord { bucket, key, value, expires });
            }
        }
        page.truncate(limit);
        Ok(page)
    }

    async fn ids(&self, after: Option<&str>, limit: usize) -> Result<Vec<KnownId>, BusError> {
        let failed = |error: anyhow::Error| BusError::new("read the known ids", error);
        let after = after.map(id).transpose().map_err(failed)?;
        let now = self.0.clock.now();
        let page = self.known_ids(after, limit, now).map_err(failed)?;
        Ok(page
            .into_iter()
            .map(|(id, (position, seen))| KnownId {
                hash: hex::encode(id),
                position: Position(position),
                seen: DateTime::from_timestamp_millis(seen).unwrap_or(now),
            })
            .collect())
    }

    async fn blobs(&self) -> Result<Vec<String>, BusError> {
        let all = self.0.folder.blobs().all();
        let all = all.map_err(|error| BusError::new("list the large bodies", error))?;
        Ok(all.into_iter().map(|(name, _)| name).collect())
    }

    async fn is_empty(&self) -> Result<bool, BusError> {
        let failed = |error: anyhow::Error| BusError::new("read the state", error);
        let mut empty = self.0.log.first().is_none();
        for prefix in [keys::STATE, keys::CONSUMERS, keys::IDS] {
            empty &= self.0.state.scan(prefix, prefix, 1).map_err(failed)?.is_empty();
        }
        Ok(empty && self.blobs().await?.is_empty())
    }

    async fn restore_messages(&self, records: Vec<RawRecord>) -> Result<Vec<Position>, BusError> {
        const DOING: &str = "restore messages";
        let last =
            records.first().map(|record| record.position.0).filter(|first| *first <= *self.0.last.borrow());
        let ordered = records.windows(2).all(|pair| pair[0].position < pair[1].position);
        if last.is_some() || !ordered {
            return Err(BusError::new(
                DOING,
                anyhow::anyhow!("the places must grow, and be after all that is here"),
            ));
        }
        let positions = records.iter().map(|record| record.position).collect();
        let records = records.into_iter().map(new_record).collect();
        let (reply, answer) = oneshot::channel();
        let command = Command::Restore { records, reply };
        self.0.appender.send(command).map_err(|error| BusError::new(DOING, error))?;
        let restored = answer.await.map_err(|_| BusError::new(DOING, WriteError::Ended))?;
        restored.map_err(|error| BusError::new(DOING, error))?;
        Ok(positions)
    }

    async fn restore_cursor(&self, cursor: Cursor) -> Result<(), BusError> {
        let Cursor { name, floor, settled } = cursor;
        let now = self.0.clock.now().timestamp_millis().to_be_bytes().to_vec();
        let mut changes = vec![
            (keys::floor(&name), Some(floor.0.to_be_bytes().to_vec())),
            (keys::opened(&name), Some(now)),
        ];
        let mut stretches = super::ranges::Ranges::default();
        for position in settled {
            stretches.insert(position.0, position.0);
        }
        let stretches =
            stretches.iter().map(|(from, to)| (keys::settled(&name, from), Some(to.to_be_bytes().to_vec())));
        changes.extend(stretches);
        self.write_all("restore a consumer", changes).await
    }

    async fn forget_cursor(&self, name: &str) -> Result<bool, BusError> {
        const DOING: &str = "forget a consumer";
        let failed = |error: anyhow::Error| BusError::new(DOING, error);
        let state = &self.0.state;
        let known = state.get(&keys::floor(name)).map_err(failed)?.is_some();
        let mut changes = Changes::new();
        for part in [Part::Settled, Part::Returned] {
            let prefix = keys::consumer(name, part);
            let found = state.scan(&prefix, &prefix, usize::MAX).map_err(failed)?;
            changes.extend(found.into_iter().map(|(key, _)| (key.to_vec(), None)));
        }
        // Its floor last: while that is there, it is still known, and can be forgotten again.
        changes.extend([(keys::opened(name), None), (keys::floor(name), None)]);
        self.write_all(DOING, changes).await?;
        Ok(known)
    }

    async fn restore_state(&self, entries: Vec<StateRecord>) -> Result<(), BusError> {
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            let some = entries.by_ref().take(AT_ONCE);
            let writes = some.map(|StateRecord { bucket, key, value, expires }| {
                self.write_until(bucket, key, value, expires)
            });
            let restored = futures::future::try_join_all(writes).await;
            restored.map_err(|error| BusError::new("restore the state", error))?;
        }
        Ok(())
    }

    async fn restore_ids(&self, ids: Vec<KnownId>) -> Result<(), BusError> {
        const DOING: &str = "restore the known ids";
        let mut changes = Changes::new();
        for KnownId { hash, position, seen } in ids {
            let id = id(&hash).map_err(|error| BusError::new(DOING, error))?;
            changes.push((keys::id(&id), Some(keys::id_value(position.0, seen.timestamp_millis()))));
        }
        self.0.dropped_ids.store(true, std::sync::atomic::Ordering::SeqCst);
        self.write_all(DOING, changes).await
    }

    async fn verify(&self) -> Result<Report, BusError> {
        let engine = self.clone();
        let verified = tokio::task::spawn_blocking(move || verify::all(&engine)).await;
        let failed = |error: anyhow::Error| BusError::new("read everything", error);
        verified.map_err(|error| failed(error.into()))?.map_err(failed)
    }
}

fn raw_record(raw: &Raw) -> RawRecord {
    let position = Position(raw.position);
    match raw.decode() {
        Ok(record) => RawRecord { position, recorded: record.recorded, message: Ok(record.message) },
        Err(reason) => {
            let bytes = raw.framed().map_or_else(|_| raw.bytes.clone(), <[u8]>::to_vec);
            RawRecord { position, recorded: DateTime::UNIX_EPOCH, message: Err(Damage { reason, bytes }) }
        }
    }
}

/// What is written of a record: a damaged one stays what it is.
fn new_record(raw: RawRecord) -> New {
    let RawRecord { position, recorded, message } = raw;
    let known = message.as_ref().ok().and_then(id_of_message);
    let damaged = known.is_none();
    let framed = match message {
        Ok(message) => record::encode(recorded, message),
        Err(Damage { bytes, reason: _ }) => bytes,
    };
    let recorded = recorded.timestamp_millis();
    New { position: position.0, id: known.unwrap_or_default(), recorded, framed, damaged }
}

/// The id of an event; a redelivery's token is not in its message, but among the known ids.
fn id_of_message(message: &events::nats::Message) -> Option<Id> {
    if message.subject.starts_with(super::bus::REDRIVE) {
        return None;
    }
    let headers = message.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let event = events::nats::decode(headers, &message.payload).ok()?;
    id(&ledger::event_hash(&event)).ok()
}

fn id(hash: &str) -> anyhow::Result<Id> {
    let mut id = Id::default();
    hex::decode_to_slice(hash, &mut id).map_err(|error| anyhow::anyhow!("`{hash}` is not an id: {error}"))?;
    Ok(id)
}

fn after_key(prefix: &[u8], after: Option<&[u8]>) -> Vec<u8> {
    match after {
        Some(after) => [prefix, after, &[0]].concat(),
        None => prefix.to_vec(),
    }
}

impl Embedded {
    /// The known ids after that one, sorted: those of the log, and those whose events are gone.
    fn known_ids(
        &self,
        after: Option<Id>,
        limit: usize,
        now: DateTime<Utc>,
    ) -> anyhow::Result<BTreeMap<Id, (u64, i64)>> {
        let mut page: BTreeMap<Id, (u64, i64)> = BTreeMap::new();
        self.0.log.for_each_ids(|ids, times| {
            for (id, position) in ids.iter().filter(|(id, _)| after.is_none_or(|after| *id > after)) {
                let at = times.binary_search_by_key(position, |entry| entry.position).ok();
                let seen = at.and_then(|at| times.get(at)).map_or(0, |entry| entry.recorded);
                page.insert(*id, (*position, seen));
                if page.len() > limit {
                    page.pop_last();
                }
            }
        })?;
        // After the log: what retention moves from there to here meanwhile is not missed.
        let from = after_key(keys::IDS, after.as_ref().map(<[u8; 16]>::as_slice));
        let gone = self.0.state.scan(keys::IDS, &from, limit)?;
        let gone = gone.iter().filter(|(key, value)| !store::is_forgotten(key, value, now));
        for (id, at, seen) in gone.filter_map(|(key, value)| keys::known_id(key, value)) {
            page.entry(id).or_insert((at, seen));
        }
        while page.len() > limit {
            page.pop_last();
        }
        Ok(page)
    }
}
