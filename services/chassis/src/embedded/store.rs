//! The state: entries with revisions and expiry.
//!
//! An entry is `revision: u64 | expires: i64 milliseconds since 1970, 0 for never | value`, little-endian, framed.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::{BoxStream, StreamExt as _};
use tokio::sync::oneshot;
use tokio_stream::wrappers::BroadcastStream;

use super::overlay::Overlay;
use super::writer::{Command, Reply, ended};
use super::{Embedded, blob, keys};
use crate::frame;
use crate::store::{Bucket, Change, Entry, Expect, Store, StoreError};

const STATE: &[u8] = b"k/";
/// How often expired state is looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How many entries one look may pass: bounds what a batch waits for it.
const SWEEP_ENTRIES: usize = 1_000;

/// A write of one state entry.
pub struct StateWrite {
    bucket: Bucket,
    key: String,
    /// `None` deletes.
    value: Option<Vec<u8>>,
    expect: Expect,
    ttl: Option<Duration>,
    reply: oneshot::Sender<Result<u64, StoreError>>,
}

struct Stored {
    revision: u64,
    expires: Option<DateTime<Utc>>,
    value: Vec<u8>,
}

/// Checks what is expected and lays the write over; the reply is to be called when the batch is durable.
pub fn apply(
    write: StateWrite,
    overlay: &mut Overlay<'_>,
    revision: &mut u64,
    now: DateTime<Utc>,
) -> sled::Result<(Reply, Option<(Bucket, Change)>)> {
    let StateWrite { bucket, key, value, expect, ttl, reply } = write;
    let place = keys::state(bucket, &key);
    let present = match overlay.get(&place)?.map(|framed| decode(&framed)).transpose() {
        Ok(stored) => stored.and_then(|stored| live(stored, now)),
        Err(damaged) => {
            let answer: Reply = Box::new(move |_| drop(reply.send(Err(StoreError::Unavailable(damaged)))));
            return Ok((answer, None));
        }
    };
    let holds = match (expect, &present) {
        (Expect::Any, _) | (Expect::Absent, None) => true,
        (Expect::Revision(wanted), Some(stored)) => stored.revision == wanted,
        (Expect::Absent, Some(_)) | (Expect::Revision(_), None) => false,
    };
    if !holds {
        return Ok((Box::new(move |_| drop(reply.send(Err(StoreError::Conflict)))), None));
    }
    let entry = if let Some(value) = value {
        *revision += 1;
        let expires = ttl.and_then(|ttl| now.checked_add_signed(chrono::Duration::from_std(ttl).ok()?));
        overlay.put(place, encode(*revision, expires, &value));
        Some(Entry { value, revision: *revision })
    } else {
        overlay.remove(place);
        None
    };
    let given = *revision;
    let changed = entry.is_some() || present.is_some();
    let answer: Reply = Box::new(move |written| {
        let _ = reply.send(written.map(|()| given).map_err(StoreError::from));
    });
    Ok((answer, changed.then_some((bucket, Change { key, entry }))))
}

/// Looks for expired state, a piece at a time.
#[derive(Default)]
pub struct Sweep {
    looked: Option<Instant>,
    /// Where the next look begins.
    from: Option<sled::IVec>,
}

impl Sweep {
    /// Removes some of what has expired, if the last look was long enough ago.
    pub fn some(
        &mut self,
        overlay: &mut Overlay<'_>,
        db: &sled::Db,
        now: DateTime<Utc>,
    ) -> sled::Result<Vec<(Bucket, Change)>> {
        if self.looked.is_some_and(|looked| looked.elapsed() < SWEEP_EVERY) {
            return Ok(Vec::new());
        }
        self.looked = Some(Instant::now());
        let from = self.from.take().unwrap_or_else(|| STATE.into());
        let mut gone = Vec::new();
        for (count, found) in db.range(from..).enumerate() {
            let (place, framed) = found?;
            if !place.starts_with(STATE) {
                break;
            }
            if count == SWEEP_ENTRIES {
                self.from = Some(place);
                break;
            }
            match decode(&framed).map(|stored| live(stored, now)) {
                // A command of this batch may have just written it anew.
                Ok(None) if overlay.is_untouched(&place) => {
                    gone.extend(name(&place).map(|(bucket, key)| (bucket, Change { key, entry: None })));
                    overlay.remove(place.to_vec());
                }
                Ok(Some(_) | None) => {}
                // Whoever reads it is told; what is damaged is not removed.
                Err(error) => {
                    tracing::error!(key = %String::from_utf8_lossy(&place), %error, "a state entry is damaged");
                }
            }
        }
        Ok(gone)
    }
}

/// The bucket and the key of a place.
fn name(place: &[u8]) -> Option<(Bucket, String)> {
    use strum::IntoEnumIterator as _;
    Bucket::iter().find_map(|bucket| {
        let key = place.strip_prefix(&keys::state(bucket, "")[..])?;
        Some((bucket, String::from_utf8_lossy(key).into_owned()))
    })
}

fn encode(revision: u64, expires: Option<DateTime<Utc>>, value: &[u8]) -> Vec<u8> {
    let expires = expires.map_or(0, |expires| expires.timestamp_millis());
    frame::wrap(&[&revision.to_le_bytes()[..], &expires.to_le_bytes()[..], value].concat())
}

fn decode(framed: &[u8]) -> anyhow::Result<Stored> {
    let body = frame::unwrap(framed)?;
    let torn = || anyhow::anyhow!("a state entry is shorter than its head");
    let (revision, rest) = body.split_first_chunk::<8>().ok_or_else(torn)?;
    let (expires, value) = rest.split_first_chunk::<8>().ok_or_else(torn)?;
    let expires = i64::from_le_bytes(*expires);
    let expires = if expires == 0 { None } else { DateTime::from_timestamp_millis(expires) };
    Ok(Stored { revision: u64::from_le_bytes(*revision), expires, value: value.to_vec() })
}

fn live(stored: Stored, now: DateTime<Utc>) -> Option<Stored> {
    let expired = stored.expires.is_some_and(|expires| expires <= now);
    (!expired).then_some(stored)
}

impl Embedded {
    async fn write(
        &self,
        build: impl FnOnce(oneshot::Sender<Result<u64, StoreError>>) -> StateWrite,
    ) -> Result<u64, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.0.writer.send(Command::State(build(reply)))?;
        answer.await.map_err(|_| StoreError::from(ended()))?
    }

    fn entry(&self, framed: &[u8]) -> Result<Option<Entry>, StoreError> {
        let stored = live(decode(framed).map_err(StoreError::unavailable)?, self.0.clock.now());
        Ok(stored.map(|Stored { revision, value, .. }| Entry { value, revision }))
    }
}

#[async_trait]
impl Store for Embedded {
    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, StoreError> {
        match self.0.db.get(keys::state(bucket, key)).map_err(StoreError::unavailable)? {
            Some(framed) => self.entry(&framed),
            None => Ok(None),
        }
    }

    async fn put(
        &self,
        bucket: Bucket,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
        ttl: Option<Duration>,
    ) -> Result<u64, StoreError> {
        let key = key.to_owned();
        self.write(|reply| StateWrite { bucket, key, value: Some(value), expect, ttl, reply }).await
    }

    async fn delete(&self, bucket: Bucket, key: &str, expect: Expect) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.write(|reply| StateWrite { bucket, key, value: None, expect, ttl: None, reply })
            .await
            .map(|_| ())
    }

    async fn scan(&self, bucket: Bucket, prefix: &str) -> Result<Vec<(String, Entry)>, StoreError> {
        let skip = keys::state(bucket, "").len();
        let mut found = Vec::new();
        for item in self.0.db.scan_prefix(keys::state(bucket, prefix)) {
            let (place, framed) = item.map_err(StoreError::unavailable)?;
            if let Some(entry) = self.entry(&framed)? {
                found.push((String::from_utf8_lossy(&place[skip..]).into_owned(), entry));
            }
        }
        Ok(found)
    }

    async fn watch(&self, bucket: Bucket, prefix: &str) -> Result<BoxStream<'static, Change>, StoreError> {
        let prefix = prefix.to_owned();
        let changes = BroadcastStream::new(self.0.changes.subscribe());
        Ok(changes
            .filter_map(move |change| {
                // A lagging watcher misses changes; it reads the state anyway when it hears of the next one.
                let wanted =
                    change.ok().filter(|(of, change)| *of == bucket && change.key.starts_with(&prefix));
                futures::future::ready(wanted.map(|(_, change)| change))
            })
            .boxed())
    }

    async fn put_blob(&self, bytes: &[u8]) -> Result<String, StoreError> {
        let (dir, bytes) = (self.0.dir.join("blobs"), bytes.to_vec());
        let put = tokio::task::spawn_blocking(move || blob::put(&dir, &bytes)).await;
        put.map_err(StoreError::unavailable)?.map_err(StoreError::unavailable)
    }

    async fn get_blob(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (dir, name) = (self.0.dir.join("blobs"), name.to_owned());
        let get = tokio::task::spawn_blocking(move || blob::get(&dir, &name)).await;
        get.map_err(StoreError::unavailable)?.map_err(StoreError::unavailable)
    }
}
