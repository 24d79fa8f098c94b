//! What is dropped, and when: old files of the log, and large bodies that nothing refers to.
//!
//! A file goes when its newest event is older than is to be kept, or when the log is too large. It stays, with an alarm,
//! while a consumer has not passed it that was open within [`ABANDONED_AFTER`]. A consumer that nobody opened for so long
//! is taken for removed: it loses what it has not seen, and that is said.
//!
//! Nothing must be written to make room: on a full disk the index of a dropped file keeps its ids until the state can.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::oneshot;

use super::consumers::{Consumers, Standing};
use super::folder::Folder;
use super::keys;
use super::log::{Log, Sealed, Writing};
use super::options::Options;
use super::state::State;
use super::store::KNOWN_FOR;
use super::writer::{Changes, Command};
use crate::store::Bucket;

/// A consumer that no process had open for so long keeps nothing from being dropped.
pub const ABANDONED_AFTER: TimeDelta = TimeDelta::days(30);
/// How often it is written down that a consumer is open.
const SAY_OPEN: TimeDelta = TimeDelta::hours(1);
/// How often large bodies are looked through.
const LEFTOVERS: Duration = Duration::from_hours(1);
/// A large body is written before its event: younger than this, it may be waiting for it.
const GRACE: TimeDelta = TimeDelta::hours(1);
/// How long files are kept that were put aside to be looked at.
const ASIDE: TimeDelta = TimeDelta::days(30);
/// How many ids are written at once.
const IDS_AT_ONCE: usize = 4_096;

/// Old events that cannot be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The consumers that have not seen them.
    pub consumers: Vec<String>,
    /// The first event that none but they need.
    pub from: u64,
    /// The last one.
    pub to: u64,
}

/// Drops what is to be dropped.
pub struct Retention {
    consumers: Arc<Consumers>,
    commands: mpsc::Sender<Command>,
    /// Whether the state has ids whose events are gone.
    dropped_ids: Arc<AtomicBool>,
    held: Arc<Mutex<Option<Held>>>,
    said_open: Option<DateTime<Utc>>,
    looked: Option<Instant>,
    /// Where the consumers stood at the last look; `None` before the first.
    standings: Option<Vec<Standing>>,
}

impl Retention {
    /// With what it needs to know and to write.
    pub fn new(
        consumers: Arc<Consumers>,
        commands: mpsc::Sender<Command>,
        held: Arc<Mutex<Option<Held>>>,
        dropped_ids: Arc<AtomicBool>,
    ) -> Self {
        Self { consumers, commands, dropped_ids, held, said_open: None, looked: None, standings: None }
    }

    /// Learns what the state knows; nothing may be written or dropped before.
    pub fn learn(&mut self, state: &State) -> anyhow::Result<()> {
        self.dropped_ids.store(!state.scan(keys::IDS, keys::IDS, 1)?.is_empty(), Ordering::SeqCst);
        self.standings = Some(self.consumers.standings(state)?);
        Ok(())
    }

    /// Whether an id may be known although the log does not have it.
    pub fn has_dropped_ids(&self) -> bool {
        self.dropped_ids.load(Ordering::SeqCst)
    }

    /// Drops the files of the log that are too old or too much.
    pub fn drop_old(
        &mut self,
        writing: &Writing,
        log: &Log,
        state: &State,
        options: &Options,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        self.say_open(now)?;
        let oldest_kept =
            TimeDelta::from_std(options.retention_age).ok().and_then(|age| now.checked_sub_signed(age));
        let oldest_kept = oldest_kept.map_or(i64::MIN, |time| time.timestamp_millis());
        self.behead(writing, log, now);
        let mut bytes = log.size().bytes;
        let (mut held, mut holding) = (None, Vec::new());
        let standings = self.standings(state)?;
        for file in log.sealed() {
            let due = file.summary.newest < oldest_kept || bytes > options.retention_bytes;
            if !due {
                break;
            }
            if holding.is_empty() {
                holding = standings.iter().filter(|standing| holds(standing, &file, now)).cloned().collect();
            }
            bytes = bytes.saturating_sub(file.bytes());
            if !holding.is_empty() {
                // All files behind it stay, too: the log has no holes.
                let from = held.map_or(file.summary.first, |held: Held| held.from);
                let names = holding.iter().map(|standing| standing.name.clone()).collect();
                held = Some(Held { consumers: names, from, to: file.summary.last });
                continue;
            }
            for gone in standings.iter().filter(|standing| standing.floor < file.summary.last) {
                tracing::warn!(
                    consumer = gone.name,
                    after = gone.floor,
                    up_to = file.summary.last,
                    "events are dropped that a consumer has not seen: nobody had it open for 30 days"
                );
            }
            let kept = self.keep_ids(log, &file, now);
            if let Err(error) = &kept {
                // A write must not be what space waits for: the index has the ids until the state can take them.
                ensure!(file.index_damage().is_none(), "cannot keep the ids of old events: {error:#}");
            }
            writing.drop_oldest(kept.is_err())?;
            tracing::info!(first = file.summary.first, last = file.summary.last, "old events were dropped");
        }
        self.alarm(held);
        Ok(())
    }

    /// Removes what is left of files whose records are gone, if the state takes their ids now.
    fn behead(&self, writing: &Writing, log: &Log, now: DateTime<Utc>) {
        for file in log.headless() {
            let forgotten = self.keep_ids(log, &file, now).and_then(|()| writing.forget(&file));
            if let Err(error) = forgotten {
                let error = format!("{error:#}");
                tracing::warn!(error, "the ids of old events stay in the index of their file for now");
                return;
            }
        }
    }

    /// Where the consumers stand. While the state cannot be read, where they stood: places grow, so that too much is kept
    /// rather than too little.
    fn standings(&mut self, state: &State) -> anyhow::Result<Vec<Standing>> {
        match (self.consumers.standings(state), &mut self.standings) {
            (Ok(standings), before) => *before = Some(standings),
            (Err(_), Some(before)) => {
                for here in self.consumers.here() {
                    before.retain(|standing| standing.name != here.name);
                    before.push(here);
                }
            }
            (Err(error), None) => return Err(error),
        }
        Ok(self.standings.clone().unwrap_or_default())
    }

    /// Says once when something cannot be dropped, and once when it can.
    fn alarm(&self, held: Option<Held>) {
        let mut before = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*before, &held) {
            (None, Some(held)) => tracing::error!(
                consumers = held.consumers.join(", "),
                from = held.from,
                to = held.to,
                "old events cannot be dropped: consumers have not seen them; the log grows until they have"
            ),
            (Some(_), None) => tracing::info!("old events can be dropped again"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        *before = held;
    }

    /// Writes down that the consumers of this process are open.
    fn say_open(&mut self, now: DateTime<Utc>) -> anyhow::Result<()> {
        if self.said_open.is_some_and(|said| now < said + SAY_OPEN) {
            return Ok(());
        }
        let time = now.timestamp_millis().to_be_bytes().to_vec();
        let changes: Changes =
            self.consumers.names().iter().map(|name| (keys::opened(name), Some(time.clone()))).collect();
        self.commands.send(Command::Raw { changes, reply: None }).context("the state is closed")?;
        self.said_open = Some(now);
        Ok(())
    }

    /// Remembers the ids of a file that is about to go, for as long as an event could be sent again.
    fn keep_ids(&self, log: &Log, file: &Sealed, now: DateTime<Utc>) -> anyhow::Result<()> {
        let young = (now - KNOWN_FOR).timestamp_millis();
        if file.summary.newest < young {
            return Ok(());
        }
        // Before they are there: a look between the two must not miss them.
        self.dropped_ids.store(true, Ordering::SeqCst);
        let entries = file.table()?.entries;
        for ids in log.ids_of(file)?.chunks(IDS_AT_ONCE) {
            let changes = ids.iter().filter_map(|(id, position)| {
                let at = entries.binary_search_by_key(position, |entry| entry.position).ok()?;
                let seen = entries.get(at)?.recorded;
                (seen >= young).then(|| (keys::id(id), Some(keys::id_value(*position, seen))))
            });
            let (reply, answer) = oneshot::channel();
            let command = Command::Raw { changes: changes.collect(), reply: Some(reply) };
            self.commands.send(command).context("the state is closed")?;
            answer
                .blocking_recv()
                .context("the state is closed")?
                .context("cannot keep the ids of old events")?;
        }
        Ok(())
    }

    /// Removes large bodies that nothing refers to, and files that were put aside long ago.
    pub fn drop_leftovers(
        &mut self,
        folder: &Folder,
        log: &Log,
        state: &State,
        now: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LEFTOVERS) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        // Each event that refers to a body has touched it when it came.
        let oldest =
            log.oldest().and_then(DateTime::from_timestamp_millis).map_or(now, |oldest| oldest.min(now));
        let mut letters = None;
        let gone = folder.blobs().sweep(oldest - GRACE, |name| {
            if letters.is_none() {
                let prefix = keys::state(Bucket::DeadLetters, "");
                letters = Some(state.scan(&prefix, &prefix, usize::MAX)?);
            }
            Ok(letters.iter().flatten().any(|(_, letter)| contains(letter, name.as_bytes())))
        })?;
        for name in gone {
            tracing::info!(body = name, "removed a large body that nothing refers to");
        }
        for dir in [folder.path(), &folder.events(), &folder.state()] {
            drop_aside(dir, now).with_context(|| format!("cannot look through {}", dir.display()))?;
        }
        Ok(())
    }
}

fn holds(standing: &Standing, file: &Sealed, now: DateTime<Utc>) -> bool {
    let alive = standing.opened.is_none_or(|opened| opened >= (now - ABANDONED_AFTER).timestamp_millis());
    alive && standing.floor < file.summary.last
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn drop_aside(dir: &Path, now: DateTime<Utc>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let aside = name.starts_with("damaged-") || name == "format-1";
        if aside && DateTime::<Utc>::from(entry.metadata()?.modified()?) < now - ASIDE {
            let path = entry.path();
            if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_wherever_it_is() {
        assert!(contains(b"abc", b"bc") && contains(b"abc", b"abc") && !contains(b"abc", b"cb"));
    }
}
