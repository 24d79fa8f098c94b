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
pub mod table;

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
use table::{Entry, Table};

pub use sealed::Sealed;

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
}

struct Files {
    sealed: BTreeMap<u64, Arc<Sealed>>,
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
            let loaded = self.load(&sealed)?;
            if let Some((entry, range)) = loaded.table.find(from) {
                return read(&loaded.file, entry, range).map(Some);
            }
        }
        let Some(((entry, range), file)) = active else { return Ok(None) };
        read(&file, entry, range).map(Some)
    }

    /// Where the event of that id stands.
    pub fn known(&self, id: &Id) -> anyhow::Result<Option<u64>> {
        let candidates: Vec<_> = {
            let files = self.read_files();
            if let Some(position) = files.active.ids.get(id) {
                return Ok(Some(*position));
            }
            files.sealed.values().rev().filter(|sealed| sealed.filter.may_have(id)).cloned().collect()
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
        let sealed = {
            let files = self.read_files();
            files.sealed.values().find(|sealed| sealed.summary.newest >= millis).cloned()
        };
        if let Some(sealed) = sealed
            && let Some(found) = self.load(&sealed)?.table.seek(millis)
        {
            return Ok(Some(found));
        }
        Ok(self.read_files().active.table.seek(millis))
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

    fn load(&self, sealed: &Sealed) -> anyhow::Result<Arc<Loaded>> {
        self.loaded.get(sealed.name, || sealed.load())
    }

    /// The ids of a sealed file, sorted.
    pub fn ids_of(&self, sealed: &Sealed) -> anyhow::Result<Arc<Ids>> {
        self.ids.get(sealed.name, || sealed.ids())
    }

    /// Shows the ids of each file, with its records.
    pub fn for_each_ids(&self, mut show: impl FnMut(&[(Id, u64)], &[Entry])) -> anyhow::Result<()> {
        for sealed in self.sealed() {
            show(&self.ids_of(&sealed)?, &self.load(&sealed)?.table.entries);
        }
        let (ids, table) = {
            let active = &self.read_files().active;
            let ids: Vec<_> = active.ids.iter().map(|(id, position)| (*id, *position)).collect();
            (ids, active.table.clone())
        };
        show(&ids, &table.entries);
        Ok(())
    }

    /// The times at which the records of a sealed file were taken, by place.
    pub fn table_of(&self, sealed: &Sealed) -> anyhow::Result<Vec<Entry>> {
        Ok(self.load(sealed)?.table.entries.clone())
    }

    /// What only the thread that writes may do.
    pub fn writing(self: &Arc<Self>) -> Writing {
        Writing { log: self.clone(), buffer: Vec::new() }
    }
}

/// Writes the log. There is one of it.
pub struct Writing {
    log: Arc<Log>,
    buffer: Vec<u8>,
}

impl Writing {
    /// Appends the records and returns when they are durable. After an error nothing was appended; what may have reached
    /// the file is cut off by [`Self::repair`].
    pub fn append(&mut self, records: Vec<New>) -> io::Result<()> {
        let (file, end) = {
            let files = self.log.read_files();
            (files.active.file.clone(), files.active.table.end)
        };
        self.buffer.clear();
        let mut entries = Vec::with_capacity(records.len());
        let mut ids = Vec::with_capacity(records.len());
        for New { position, id, recorded, framed, damaged } in records {
            entries.push(Entry { position, offset: end + self.buffer.len() as u64, recorded });
            if !damaged {
                ids.push((id, position));
            }
            let body = u32::try_from(framed.len()).map_err(io::Error::other)?;
            self.buffer.extend_from_slice(&entry::Head { body, position, id }.encode());
            self.buffer.extend_from_slice(&framed);
        }
        file.write_all_at(&self.buffer, end)?;
        // The size of the file is among what fdatasync writes.
        file.sync_data()?;
        let mut files = self.log.write_files();
        files.active.table.entries.extend(entries);
        files.active.table.end = end + self.buffer.len() as u64;
        files.active.ids.extend(ids);
        drop(files);
        self.buffer.shrink_to(1024 * 1024);
        Ok(())
    }

    /// Cuts off what a failed append may have left, durably.
    pub fn repair(&self) -> io::Result<()> {
        let (file, end) = {
            let files = self.log.read_files();
            (files.active.file.clone(), files.active.table.end)
        };
        file.set_len(end)?;
        file.sync_all()
    }

    /// How many records and bytes the active file has, and when its oldest was taken.
    pub fn active(&self) -> (usize, u64, Option<i64>) {
        let files = self.log.read_files();
        let table = &files.active.table;
        (table.entries.len(), table.end, table.entries.first().map(|entry| entry.recorded))
    }

    /// Syncs the active file once more: fails when the disk is broken.
    pub fn probe(&self) -> io::Result<()> {
        let file = self.log.read_files().active.file.clone();
        file.sync_data()
    }

    /// Seals the active file, unless it is empty, and begins the next one.
    pub fn rotate(&self) -> anyhow::Result<()> {
        let (name, table, ids) = {
            let files = self.log.read_files();
            let active = &files.active;
            let ids: Vec<_> = active.ids.iter().map(|(id, position)| (*id, *position)).collect();
            (active.name, active.table.clone(), ids)
        };
        let Some(last) = table.last() else { return Ok(()) };
        let sealed = Sealed::make(&self.log.dir, name, &table, ids)?;
        let next = last + 1;
        let file = begin(&self.log.dir, next).context("cannot begin the next file of the log")?;
        let mut files = self.log.write_files();
        files.sealed.insert(name, Arc::new(sealed));
        files.active = Active { name: next, file, table: empty(), ids: HashMap::new() };
        Ok(())
    }

    /// Removes the oldest sealed file.
    pub fn drop_oldest(&self) -> anyhow::Result<()> {
        let oldest = self.log.write_files().sealed.pop_first();
        let Some((name, sealed)) = oldest else { return Ok(()) };
        self.log.loaded.forget(name);
        self.log.ids.forget(name);
        sealed.remove().context("cannot remove a file of the log")?;
        sync_dir(&self.log.dir).context("cannot sync the folder of the log")
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
