//! The log: files of records, one after another. The last one is *active* and grows; the others are *sealed*, each with
//! an index beside it, and are never written again. Space comes back by removing the oldest.
//!
//! A file has the name of the first place that it may hold. What is durable is visible, and nothing else is.

mod cache;
pub mod entry;
mod filter;
mod index;
mod open;
pub mod scan;
mod sealed;
pub mod seam;
pub mod table;
mod writing;

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use anyhow::Context as _;

use super::record::Raw;
use cache::Cache;
use entry::{Id, MAGIC};
use sealed::{Ids, Loaded};
use seam::{Point, Seam};
use table::{Entry, Table};

pub use sealed::Sealed;
pub use writing::Writing;

/// How many sealed files are open for reading, with their tables (at most 2.5 MiB each).
const LOADED: usize = 8;
/// Of how many sealed files the ids are in memory (at most 2.5 MiB each): only duplicates ask for them.
const IDS: usize = 2;
/// Most records of one file: bounds what is kept in memory of the active one.
pub const MOST_ENTRIES: usize = 100_000;

/// The log.
pub struct Log {
    dir: PathBuf,
    files: RwLock<Files>,
    loaded: Cache<Loaded>,
    ids: Cache<Ids>,
    seam: Seam,
}

struct Files {
    sealed: BTreeMap<u64, Arc<Sealed>>,
    /// Their records are gone; their indexes know the ids until the state does.
    headless: Vec<Arc<Sealed>>,
    active: Active,
}

/// The file that grows.
struct Active {
    /// The first place that it may hold.
    name: u64,
    file: Arc<File>,
    table: Table,
    ids: HashMap<Id, u64>,
}

/// A record to be written.
pub struct New {
    /// Its place: after all others.
    pub position: u64,
    /// What it is known by.
    pub id: Id,
    /// When the bus took it, in milliseconds since 1970.
    pub recorded: i64,
    /// The framed event.
    pub framed: Vec<u8>,
    /// Whether the bytes are known to be damaged: then the id is forgotten.
    pub damaged: bool,
}

/// What the log takes on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// How many files it has.
    pub files: usize,
    /// How many bytes they have, with their indexes.
    pub bytes: u64,
    /// How many records they have.
    pub records: u64,
}

impl Log {
    fn read_files(&self) -> RwLockReadGuard<'_, Files> {
        self.files.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_files(&self) -> RwLockWriteGuard<'_, Files> {
        self.files.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last place that was written; 0 when there is none.
    pub fn last(&self) -> u64 {
        let files = self.read_files();
        let sealed = files.sealed.values().next_back().map(|sealed| sealed.summary.last);
        // The active file is never named by a place that was given: when all others are dropped, its name still tells.
        let before = files.active.name.saturating_sub(1);
        files.active.table.last().or(sealed).map_or(before, |last| last.max(before))
    }

    /// The oldest place that is kept.
    pub fn first(&self) -> Option<u64> {
        let files = self.read_files();
        let sealed = files.sealed.values().next().map(|sealed| sealed.summary.first);
        sealed.or_else(|| files.active.table.entries.first().map(|entry| entry.position))
    }

    /// The first record at or after that place.
    pub fn find(&self, from: u64) -> anyhow::Result<Option<Raw>> {
        loop {
            let (sealed, active) = {
                let files = self.read_files();
                let name = files.sealed.range(..=from).next_back().map_or(from, |(name, _)| *name);
                // The one that holds it, or else the next one: between two files there may be a gap.
                let mut later = files.sealed.range(name..).map(|(_, sealed)| sealed);
                let sealed = later.find(|sealed| sealed.summary.last >= from).cloned();
                let active = &files.active;
                (sealed, active.table.find(from).map(|found| (found, active.file.clone())))
            };
            if let Some(sealed) = sealed {
                let loaded = match self.load(&sealed) {
                    Ok(loaded) => loaded,
                    // It was dropped meanwhile: the next one that is kept.
                    Err(_) if !self.keeps(&sealed) => continue,
                    Err(error) => return Err(error),
                };
                if let Some((entry, range)) = loaded.table.find(from) {
                    return read(&loaded.file, entry, range).map(Some);
                }
            }
            let Some(((entry, range), file)) = active else { return Ok(None) };
            return read(&file, entry, range).map(Some);
        }
    }

    /// Where the event of that id stands.
    pub fn known(&self, id: &Id) -> anyhow::Result<Option<u64>> {
        let candidates: Vec<_> = {
            let files = self.read_files();
            if let Some(position) = files.active.ids.get(id) {
                return Ok(Some(*position));
            }
            let all = files.sealed.values().rev().chain(files.headless.iter().rev());
            all.filter(|sealed| sealed.filter.may_have(id)).cloned().collect()
        };
        for sealed in candidates {
            let ids = self.ids_of(&sealed)?;
            if let Ok(at) = ids.binary_search_by(|(other, _)| other.cmp(id)) {
                return Ok(ids.get(at).map(|(_, position)| *position));
            }
        }
        Ok(None)
    }

    /// The first place that was recorded at or after that time.
    pub fn seek(&self, millis: i64) -> anyhow::Result<Option<u64>> {
        loop {
            let sealed = {
                let files = self.read_files();
                files.sealed.values().find(|sealed| sealed.summary.newest >= millis).cloned()
            };
            let Some(sealed) = sealed else { return Ok(self.read_files().active.table.seek(millis)) };
            match self.load(&sealed) {
                Ok(loaded) => match loaded.table.seek(millis) {
                    Some(found) => return Ok(Some(found)),
                    None => return Ok(self.read_files().active.table.seek(millis)),
                },
                // It was dropped meanwhile.
                Err(_) if !self.keeps(&sealed) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What it takes on the disk.
    pub fn size(&self) -> Size {
        let files = self.read_files();
        let sealed = files.sealed.values();
        let bytes: u64 = sealed.clone().map(|sealed| sealed.bytes()).sum();
        let records: u64 = sealed.map(|sealed| sealed.summary.entries).sum();
        Size {
            files: files.sealed.len() + 1,
            bytes: bytes + files.active.table.end,
            records: records + files.active.table.entries.len() as u64,
        }
    }

    /// The sealed files, oldest first.
    pub fn sealed(&self) -> Vec<Arc<Sealed>> {
        self.read_files().sealed.values().cloned().collect()
    }

    /// When the oldest record that is kept was taken, in milliseconds since 1970.
    pub fn oldest(&self) -> Option<i64> {
        let files = self.read_files();
        let active = files.active.table.times().map(|(oldest, _)| oldest);
        files.sealed.values().map(|sealed| sealed.summary.oldest).chain(active).min()
    }

    /// Files whose records are gone, and whose ids the state does not have yet, oldest first.
    pub fn headless(&self) -> Vec<Arc<Sealed>> {
        self.read_files().headless.clone()
    }

    /// Where a test steps in.
    #[cfg(test)]
    pub fn seam(&self) -> &Seam {
        &self.seam
    }

    fn keeps(&self, sealed: &Sealed) -> bool {
        self.read_files().sealed.contains_key(&sealed.name)
    }

    fn load(&self, sealed: &Sealed) -> anyhow::Result<Arc<Loaded>> {
        let loaded = self.loaded.get(sealed.name, || {
            self.seam.reach(Point::Load)?;
            sealed.load()
        });
        if !self.keeps(sealed) {
            // Dropped meanwhile: who keeps it open keeps its space.
            self.loaded.forget(sealed.name);
        }
        loaded
    }

    /// The ids of a sealed file, sorted.
    pub fn ids_of(&self, sealed: &Sealed) -> anyhow::Result<Arc<Ids>> {
        self.ids.get(sealed.name, || sealed.ids())
    }

    /// Shows the ids of each file, with its records. One that is dropped meanwhile may be left out: its ids are in the
    /// state by then.
    pub fn for_each_ids(&self, mut show: impl FnMut(&[(Id, u64)], &[Entry])) -> anyhow::Result<()> {
        for sealed in self.headless().into_iter().chain(self.sealed()) {
            match self.ids_of(&sealed).and_then(|ids| Ok((ids, sealed.table()?))) {
                Ok((ids, table)) => show(&ids, &table.entries),
                Err(_) if !self.keeps(&sealed) => {}
                Err(error) => return Err(error),
            }
        }
        let (ids, table) = {
            let active = &self.read_files().active;
            let ids: Vec<_> = active.ids.iter().map(|(id, position)| (*id, *position)).collect();
            (ids, active.table.clone())
        };
        show(&ids, &table.entries);
        Ok(())
    }

    /// What only the thread that writes may do.
    pub fn writing(self: &Arc<Self>) -> Writing {
        Writing::of(self)
    }
}

fn read(file: &File, entry: Entry, range: std::ops::Range<u64>) -> anyhow::Result<Raw> {
    let mut bytes = vec![0; usize::try_from(range.end.saturating_sub(range.start))?];
    file.read_exact_at(&mut bytes, range.start).context("cannot read a record of the log")?;
    Ok(Raw { position: entry.position, bytes })
}

/// The table of a file that was just begun.
fn empty() -> Table {
    Table { entries: Vec::new(), end: MAGIC.len() as u64 }
}

/// Makes a file that begins with that place, durably.
fn begin(dir: &Path, name: u64) -> io::Result<Arc<File>> {
    let path = log_path(dir, name);
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    let written = file.write_all_at(MAGIC, 0).and_then(|()| file.sync_all()).and_then(|()| sync_dir(dir));
    if let Err(error) = written {
        let _ = fs::remove_file(&path);
        return Err(error);
    }
    Ok(Arc::new(file))
}

fn log_path(dir: &Path, name: u64) -> PathBuf {
    dir.join(format!("{name:020}.log"))
}

fn index_path(dir: &Path, name: u64) -> PathBuf {
    dir.join(format!("{name:020}.index"))
}

/// Makes the names in a folder durable.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
