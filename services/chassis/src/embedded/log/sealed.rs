//! A file of the log that is closed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use super::entry::Id;
use super::filter::Filter;
use super::index::{self, Summary};
use super::scan::{self, Scanned};
use super::table::{Entry, Table};
use super::{index_path, log_path, sync_dir};

/// The ids of a file, sorted, each with its place.
pub type Ids = Vec<(Id, u64)>;

/// What is always in memory of a sealed file.
#[derive(Debug)]
pub struct Sealed {
    /// The first place that it may hold: its name.
    pub name: u64,
    /// What it holds.
    pub summary: Summary,
    /// What it surely does not hold.
    pub filter: Filter,
    log: PathBuf,
    index: PathBuf,
}

/// What is in memory of a sealed file that is being read.
pub struct Loaded {
    /// The file.
    pub file: Arc<File>,
    /// Where its records are.
    pub table: Table,
}

impl Sealed {
    /// Seals a file whose content is known: writes its index.
    pub fn make(dir: &Path, name: u64, table: &Table, mut ids: Ids) -> anyhow::Result<Self> {
        ids.sort_unstable();
        let summary = Summary::of(table, ids.len()).context("an empty file of the log cannot be sealed")?;
        let (log, index) = (log_path(dir, name), index_path(dir, name));
        let filter = Filter::of(&ids);
        index::write(&index, &summary, &filter, table, &ids)
            .and_then(|()| sync_dir(dir))
            .context("cannot write the index of a file of the log")?;
        Ok(Self { name, summary, filter, log, index })
    }

    /// Opens a file that was sealed; an index that is missing or damaged is made anew. `None` when nothing is in it.
    ///
    /// `following` is the name of the next file: places up to there were written.
    pub fn open(dir: &Path, name: u64, following: u64) -> anyhow::Result<Option<Self>> {
        let (log, index) = (log_path(dir, name), index_path(dir, name));
        let shorter = match index::summary(&index) {
            Ok((summary, filter)) if fs::metadata(&log).is_ok_and(|of| of.len() >= summary.end) => {
                return Ok(Some(Self { name, summary, filter, log, index }));
            }
            Ok(_) => "its log is shorter than it says".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        tracing::warn!(file = %log.display(), why = shorter, "making an index of the log anew");
        let Scanned { mut table, ids, damage, torn } = scan_file(&log, name)?;
        for damage in &damage {
            tracing::error!(file = %log.display(), damage, "a file of the log is damaged; the rest of it is read");
        }
        if torn > 0 {
            tracing::error!(file = %log.display(), bytes = torn, "the end of a file of the log is damaged");
            let missing = table.last().map_or(name, |last| last + 1);
            if missing < following {
                // It stands for what was there, so that nobody passes it in silence.
                let recorded = table.entries.last().map_or(0, |last| last.recorded);
                table.entries.push(Entry { position: missing, offset: table.end, recorded });
                table.end += torn;
            }
        }
        if table.entries.is_empty() {
            return Ok(None);
        }
        Self::make(dir, name, &table, ids).map(Some)
    }

    /// A file that is gone, of whose ids the index is left.
    pub fn headless(dir: &Path, name: u64) -> anyhow::Result<Self> {
        let (log, index) = (log_path(dir, name), index_path(dir, name));
        let (summary, filter) = index::summary(&index)?;
        Ok(Self { name, summary, filter, log, index })
    }

    /// Opens it for reading.
    pub fn load(&self) -> anyhow::Result<Loaded> {
        let file = File::open(&self.log).with_context(|| format!("cannot open {}", self.log.display()))?;
        Ok(Loaded { file: Arc::new(file), table: self.table()? })
    }

    /// Where its records are.
    pub fn table(&self) -> anyhow::Result<Table> {
        index::table(&self.index, &self.summary).or_else(|error| Ok(self.scan_instead(&error)?.table))
    }

    /// Reads its ids, sorted.
    pub fn ids(&self) -> anyhow::Result<Ids> {
        index::ids(&self.index, &self.summary).or_else(|error| {
            let mut ids = self.scan_instead(&error)?.ids;
            ids.sort_unstable();
            Ok(ids)
        })
    }

    fn scan_instead(&self, error: &anyhow::Error) -> anyhow::Result<Scanned> {
        let scanned = scan_file(&self.log, self.name)?;
        let why = format!("{error:#}");
        tracing::error!(file = %self.index.display(), why, "an index is damaged: its log was read instead");
        Ok(scanned)
    }

    /// How many bytes it takes on the disk.
    pub fn bytes(&self) -> u64 {
        [&self.log, &self.index].iter().filter_map(|path| fs::metadata(path).ok()).map(|of| of.len()).sum()
    }

    /// Removes its records.
    pub fn remove_records(&self) -> io::Result<()> {
        fs::remove_file(&self.log)
    }

    /// Removes its index.
    pub fn remove_index(&self) -> io::Result<()> {
        fs::remove_file(&self.index)
    }

    /// What is wrong with its index.
    pub fn index_damage(&self) -> Option<String> {
        let read = index::table(&self.index, &self.summary)
            .and_then(|_| index::ids(&self.index, &self.summary))
            .and_then(|_| index::summary(&self.index));
        read.err().map(|error| format!("{}: {error:#}", self.index.display()))
    }
}

fn scan_file(path: &Path, name: u64) -> anyhow::Result<Scanned> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    scan::scan(&file, name).with_context(|| format!("cannot read {}", path.display()))
}
