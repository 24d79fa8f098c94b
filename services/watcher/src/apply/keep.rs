//! The writes: a state with its events, a state in silence, the mark of a baseline.

use chassis::{Bucket, Expect, failpoint};
use chrono::{DateTime, Utc};
use futures::StreamExt as _;

use super::{Announcer, Known, Stop};
use crate::key::Key;
use crate::record::Record;
use crate::watched::{Verdict, Watched};

/// States that are written at once while a list runs: both buses write many for the price of one.
const AT_ONCE: usize = 64;
/// Where it is kept which kinds were listed to the end once.
const MARKS: &str = "baseline";

impl<W: Watched> Announcer<W> {
    /// Keeps and says what a verdict on `sight` says.
    pub(super) async fn settle(
        &mut self,
        key: &Key,
        sight: &W::Sight,
        verdict: Verdict<W::Sight, W::Transition>,
        now: DateTime<Utc>,
    ) -> Result<(), Stop> {
        let Verdict { changes, keep, again: _ } = verdict;
        let before = self.known.get(key);
        let revision = before.and_then(|known| known.revision);
        let before = before.map(|known| &known.record);
        if changes.is_empty() {
            let record = keep.map(|seen| Record {
                first_seen: before.map_or(now, |before| before.first_seen),
                sequence: before.map_or(0, |before| before.sequence),
                seen,
                gone: false,
                unpublished: Vec::new(),
            });
            return self.settle_in_silence(key, record, revision).await;
        }
        let place = Record::next(before, now);
        let events = changes.iter().map(|change| self.watched.event(key, place, sight, change, now));
        let unpublished = events.collect();
        let gone = keep.is_none();
        let seen = keep.unwrap_or_else(|| sight.clone());
        let record =
            Record { first_seen: place.first_seen, sequence: place.sequence, seen, gone, unpublished };
        self.keep(key, record, revision).await?;
        self.finish(key).await
    }

    async fn settle_in_silence(
        &mut self,
        key: &Key,
        record: Option<Record<W::Sight>>,
        revision: Option<u64>,
    ) -> Result<(), Stop> {
        match record {
            Some(record) if self.is_listing() => {
                self.quiet.insert(key.clone(), Known { record, revision });
                if self.quiet.len() < AT_ONCE { Ok(()) } else { self.flush().await }
            }
            Some(record) => self.keep(key, record, revision).await,
            None => {
                self.drop_record(key, revision).await?;
                self.forget(key);
                Ok(())
            }
        }
    }

    /// Writes the states that are kept in silence.
    pub(super) async fn flush(&mut self) -> Result<(), Stop> {
        let quiet = std::mem::take(&mut self.quiet);
        let this = &*self;
        let writes = quiet.into_iter().map(|(key, Known { record, revision })| async move {
            let revision = this.write(&key, &record, revision).await?;
            Ok::<_, Stop>((key, Known { record, revision: Some(revision) }))
        });
        let written: Vec<_> = futures::stream::iter(writes).buffer_unordered(AT_ONCE).collect().await;
        for one in written {
            let (key, known) = one?;
            self.remember(key, known);
        }
        Ok(())
    }

    /// Steps 2 and 3.
    pub(super) async fn finish(&mut self, key: &Key) -> Result<(), Stop> {
        failpoint::hit("watcher-kept");
        let Some(Known { record, revision }) = self.known.get(key) else { return Ok(()) };
        let revision = *revision;
        for event in &record.unpublished {
            self.publish(key, event).await;
        }
        failpoint::hit("watcher-published");
        if record.gone {
            self.drop_record(key, revision).await?;
            self.forget(key);
            Ok(())
        } else {
            let record = Record { unpublished: Vec::new(), ..record.clone() };
            self.keep(key, record, revision).await
        }
    }

    async fn keep(&mut self, key: &Key, record: Record<W::Sight>, revision: Option<u64>) -> Result<(), Stop> {
        let revision = self.write(key, &record, revision).await?;
        self.remember(key.clone(), Known { record, revision: Some(revision) });
        Ok(())
    }

    async fn write(&self, key: &Key, record: &Record<W::Sight>, revision: Option<u64>) -> Result<u64, Stop> {
        let (name, bytes) = (key.in_store(&self.watched.what().prefix), record.encode());
        let expect = revision.map_or(Expect::Absent, Expect::Revision);
        let write = || self.ports.store.put(Bucket::Watch, &name, bytes.clone(), expect, None);
        self.insist_on_write(key, write).await
    }

    async fn drop_record(&self, key: &Key, revision: Option<u64>) -> Result<(), Stop> {
        // What is not there need not go.
        let Some(revision) = revision else { return Ok(()) };
        let (name, expect) = (key.in_store(&self.watched.what().prefix), Expect::Revision(revision));
        self.insist_on_write(key, || self.ports.store.delete(Bucket::Watch, &name, expect)).await
    }

    pub(super) fn remember(&mut self, key: Key, known: Known<W::Sight>) {
        if self.known.insert(key, known).is_none() {
            self.ports.watcher_metrics.objects.inc();
        }
    }

    fn forget(&mut self, key: &Key) {
        if self.known.remove(key).is_some() {
            self.ports.watcher_metrics.objects.dec();
        }
    }

    pub(super) fn forget_all(&mut self) {
        let keys = std::mem::take(&mut self.known);
        self.ports.watcher_metrics.objects.sub(i64::try_from(keys.len()).unwrap_or(i64::MAX));
    }

    /// Whether the objects of this watch (or those of all namespaces) were listed to the end once.
    pub(super) async fn marked(&self) -> bool {
        self.get(&self.mark_of(None)).await
            || match &self.namespace {
                None => false,
                Some(namespace) => self.get(&self.mark_of(Some(namespace))).await,
            }
    }

    /// Keeps that they were.
    pub(super) async fn mark(&self) {
        let name = self.mark_of(self.namespace.as_deref());
        let text = format!(r#"{{"version":1,"since":"{}"}}"#, self.ports.clock.now().to_rfc3339());
        self.put(&name, text.into_bytes()).await;
    }

    fn mark_of(&self, namespace: Option<&str>) -> String {
        let prefix = &self.watched.what().prefix;
        namespace
            .map_or_else(|| format!("{MARKS}/{prefix}"), |namespace| format!("{MARKS}/{prefix}/{namespace}"))
    }

    pub(super) fn prefix(&self) -> String {
        Key::prefix(&self.watched.what().prefix, self.namespace.as_deref())
    }
}
