//! The changes of a bucket: also when the connection breaks, and when somebody deletes the bucket under whoever watches
//! it. What changed meanwhile is told as the difference to what was told before.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::kv;
use futures::stream::{BoxStream, StreamExt as _};
use time::OffsetDateTime;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::ground::Ground;
use super::store::{all, decode, live};
use crate::store::{Bucket, Change, Entry};

/// How often is looked whether the bucket is still the one that is watched: the client does not tell when it is not.
const LOOK: Duration = Duration::from_secs(5);
/// Between two attempts to watch it anew.
const PAUSE: Duration = Duration::from_secs(1);

/// The changes from now on to keys that begin with `prefix`.
pub async fn watch(
    ground: Arc<Ground>,
    bucket: Bucket,
    prefix: &str,
) -> anyhow::Result<BoxStream<'static, Change>> {
    let mut looks = tokio::time::interval_at(Instant::now() + LOOK, LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (known, ready) = (BTreeMap::new(), VecDeque::new());
    let (known_of, open, prefix) = (None, None, prefix.to_owned());
    let mut watcher = Watcher { ground, bucket, prefix, known, known_of, ready, open, looks };
    watcher.resume().await?;
    // What is there already is no change.
    watcher.ready.clear();
    Ok(futures::stream::unfold(watcher, async |mut watcher| Some((watcher.next().await, watcher))).boxed())
}

struct Watcher {
    ground: Arc<Ground>,
    bucket: Bucket,
    prefix: String,
    /// The revisions of the keys that are there, as they were told.
    known: BTreeMap<String, u64>,
    /// When the bucket was made that these revisions are of: one that is made anew counts from the beginning.
    known_of: Option<OffsetDateTime>,
    /// Found out and not told yet.
    ready: VecDeque<Change>,
    /// What comes from the server, and when the bucket was made that it comes from; nothing after trouble.
    open: Option<(kv::Watch, OffsetDateTime)>,
    looks: Interval,
}

impl Watcher {
    async fn next(&mut self) -> Change {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return change;
            }
            let Some((watch, made)) = &mut self.open else {
                if let Err(error) = self.resume().await {
                    tracing::debug!(error = format!("{error:#}"), "a bucket cannot be watched, trying again");
                    self.ground.doubt();
                    tokio::time::sleep(PAUSE).await;
                }
                continue;
            };
            let made = *made;
            tokio::select! {
                entry = watch.next() => match entry {
                    Some(Ok(entry)) => self.came(entry),
                    Some(Err(_)) | None => self.open = None,
                },
                _ = self.looks.tick() => if self.made().await.ok() != Some(made) {
                    self.ground.doubt();
                    self.open = None;
                },
            }
        }
    }

    /// When the bucket was made that is on the server now.
    async fn made(&mut self) -> anyhow::Result<OffsetDateTime> {
        let assets = self.ground.assets().await?;
        let info = assets.bucket(self.bucket)?.stream.get_info().await;
        Ok(info.context("cannot look at the bucket")?.created)
    }

    /// Begins to watch, and finds out what is otherwise than it was told.
    async fn resume(&mut self) -> anyhow::Result<()> {
        let made = self.made().await?;
        let assets = self.ground.assets().await?;
        let bucket = assets.bucket(self.bucket)?;
        // First this, so that nothing is missed between the two.
        let watch = bucket.watch_all().await.context("cannot watch the bucket")?;
        let mut present = all(&self.ground, bucket).await?;
        present.retain(|key, _| key.starts_with(&self.prefix));
        let gone = self.known.keys().filter(|key| !present.contains_key(*key)).cloned();
        self.ready.extend(gone.map(|key| Change { key, entry: None }));
        let mut before = std::mem::take(&mut self.known);
        if self.known_of.replace(made) != Some(made) {
            before.clear();
        }
        for (key, stored) in present {
            let (value, revision) = (stored.payload.into(), stored.sequence);
            if before.get(&key) != Some(&revision) {
                self.ready.push_back(Change { key: key.clone(), entry: Some(Entry { value, revision }) });
            }
            self.known.insert(key, revision);
        }
        self.open = Some((watch, made));
        Ok(())
    }

    /// A change came from the server; it may be known already from having looked.
    fn came(&mut self, entry: kv::Entry) {
        let Some(key) = decode(&entry.key).filter(|key| key.starts_with(&self.prefix)) else { return };
        if self.known.get(&key).is_some_and(|known| entry.revision <= *known) {
            return;
        }
        let entry = live(entry);
        let was = match &entry {
            Some(entry) => self.known.insert(key.clone(), entry.revision),
            None => self.known.remove(&key),
        };
        // The mark of an expiry may follow that of a deletion.
        if entry.is_some() || was.is_some() {
            self.ready.push_back(Change { key, entry });
        }
    }
}
