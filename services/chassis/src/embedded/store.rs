//! The state: entries with revisions and expiry.
//!
//! An entry is `revision: u64 | expires: i64 milliseconds since 1970, 0 for never | value`, little-endian, framed.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::{BoxStream, StreamExt as _};
use tokio::sync::oneshot;
use tokio_stream::wrappers::BroadcastStream;

use super::overlay::Overlay;
use super::space::Use;
use super::trouble::WriteError;
use super::writer::{Command, Reply};
use super::{Embedded, keys};
use crate::frame;
use crate::store::{Bucket, Change, Entry, Expect, Store, StoreError};

/// For how long an id is known whose event is gone. GitHub delivers again by hand for three days.
pub const KNOWN_FOR: chrono::Duration = chrono::Duration::days(8);

/// A write of one state entry.
pub struct StateWrite {
    bucket: Bucket,
    key: String,
    /// `None` deletes.
    value: Option<Vec<u8>>,
    expect: Expect,
    /// When it is gone.
    expires: Expires,
    reply: oneshot::Sender<Result<u64, StoreError>>,
}

/// When an entry is gone.
enum Expires {
    /// After so long.
    After(Option<Duration>),
    /// At this time.
    At(Option<DateTime<Utc>>),
}

impl StateWrite {
    /// Answers that it did not happen.
    pub fn fail(self, error: StoreError) {
        let _ = self.reply.send(Err(error));
    }
}

/// A state entry.
pub struct Stored {
    /// Grows with each write.
    pub revision: u64,
    /// When it is gone.
    pub expires: Option<DateTime<Utc>>,
    /// Its bytes.
    pub value: Vec<u8>,
}

/// Checks what is expected and lays the write over; the reply is to be called when the batch is durable.
pub fn apply(
    write: StateWrite,
    overlay: &mut Overlay<'_>,
    revision: &mut u64,
    now: DateTime<Utc>,
) -> sled::Result<(Reply, Option<(Bucket, Change)>)> {
    let StateWrite { bucket, key, value, expect, expires, reply } = write;
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
        let expires = match expires {
            Expires::After(ttl) => {
                ttl.and_then(|ttl| now.checked_add_signed(chrono::Duration::from_std(ttl).ok()?))
            }
            Expires::At(time) => time,
        };
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

/// Whether a state entry has expired; tells the watchers of it.
pub fn is_expired(
    place: &[u8],
    framed: &[u8],
    now: DateTime<Utc>,
    changed: &mut Vec<(Bucket, Change)>,
) -> bool {
    match decode(framed).map(|stored| live(stored, now)) {
        Ok(None) => {
            changed.extend(name(place).map(|(bucket, key)| (bucket, Change { key, entry: None })));
            true
        }
        Ok(Some(_)) => false,
        // Whoever reads it is told; what is damaged is not removed.
        Err(error) => {
            tracing::error!(key = %String::from_utf8_lossy(place), %error, "a state entry is damaged");
            false
        }
    }
}

/// Whether an id whose event is gone need not be known any more.
pub fn is_forgotten(key: &[u8], value: &[u8], now: DateTime<Utc>) -> bool {
    keys::known_id(key, value).is_none_or(|(_, _, seen)| seen < (now - KNOWN_FOR).timestamp_millis())
}

/// The bucket and the key of a place.
pub fn name(place: &[u8]) -> Option<(Bucket, String)> {
    use strum::IntoEnumIterator as _;
    Bucket::iter().find_map(|bucket| {
        let key = place.strip_prefix(&keys::state(bucket, "")[..])?;
        Some((bucket, String::from_utf8_lossy(key).into_owned()))
    })
}

/// The bytes of an entry.
pub fn encode(revision: u64, expires: Option<DateTime<Utc>>, value: &[u8]) -> Vec<u8> {
    let expires = expires.map_or(0, |expires| expires.timestamp_millis());
    frame::wrap(&[&revision.to_le_bytes()[..], &expires.to_le_bytes()[..], value].concat())
}

/// The entry of its bytes.
pub fn decode(framed: &[u8]) -> anyhow::Result<Stored> {
    let body = frame::unwrap(framed)?;
    let torn = || anyhow::anyhow!("a state entry is shorter than its head");
    let (revision, rest) = body.split_first_chunk::<8>().ok_or_else(torn)?;
    let (expires, value) = rest.split_first_chunk::<8>().ok_or_else(torn)?;
    let expires = i64::from_le_bytes(*expires);
    let expires = if expires == 0 { None } else { DateTime::from_timestamp_millis(expires) };
    Ok(Stored { revision: u64::from_le_bytes(*revision), expires, value: value.to_vec() })
}

/// The entry, unless it has expired.
pub fn live(stored: Stored, now: DateTime<Utc>) -> Option<Stored> {
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
        answer.await.map_err(|_| StoreError::from(WriteError::Ended))?
    }

    /// Writes an entry that is gone at that time.
    pub(super) async fn write_until(
        &self,
        bucket: Bucket,
        key: String,
        value: Vec<u8>,
        expires: Option<DateTime<Utc>>,
    ) -> Result<u64, StoreError> {
        let (value, expires) = (Some(value), Expires::At(expires));
        self.write(|reply| StateWrite { bucket, key, value, expect: Expect::Any, expires, reply }).await
    }

    fn entry(&self, framed: &[u8]) -> Result<Option<Entry>, StoreError> {
        let stored = live(decode(framed).map_err(StoreError::unavailable)?, self.0.clock.now());
        Ok(stored.map(|Stored { revision, value, .. }| Entry { value, revision }))
    }
}

#[async_trait]
impl Store for Embedded {
    async fn get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, StoreError> {
        match self.0.state.get(&keys::state(bucket, key)).map_err(StoreError::unavailable)? {
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
        self.write(|reply| StateWrite {
            bucket,
            key,
            value: Some(value),
            expect,
            expires: Expires::After(ttl),
            reply,
        })
        .await
    }

    async fn delete(&self, bucket: Bucket, key: &str, expect: Expect) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.write(|reply| StateWrite {
            bucket,
            key,
            value: None,
            expect,
            expires: Expires::After(None),
            reply,
        })
        .await
        .map(|_| ())
    }

    async fn scan(&self, bucket: Bucket, prefix: &str) -> Result<Vec<(String, Entry)>, StoreError> {
        let skip = keys::state(bucket, "").len();
        let mut found = Vec::new();
        let prefix = keys::state(bucket, prefix);
        let all = self.0.state.scan(&prefix, &prefix, usize::MAX).map_err(StoreError::unavailable)?;
        for (place, framed) in all {
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
        self.0
            .space
            .room_for(Use::Event(bytes.len() as u64))
            .map_err(|text| StoreError::from(WriteError::Full(text)))?;
        let (folder, bytes, now) = (self.0.folder.clone(), bytes.to_vec(), self.0.clock.now());
        let put = tokio::task::spawn_blocking(move || folder.blobs().put(&bytes, now)).await;
        put.map_err(StoreError::unavailable)?.map_err(|error| WriteError::of(&error).into())
    }

    async fn get_blob(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (folder, name) = (self.0.folder.clone(), name.to_owned());
        let get = tokio::task::spawn_blocking(move || folder.blobs().get(&name)).await;
        get.map_err(StoreError::unavailable)?.map_err(StoreError::unavailable)
    }
}
