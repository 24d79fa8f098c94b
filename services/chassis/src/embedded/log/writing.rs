//! What only the thread that writes the log does with it.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use anyhow::Context as _;

use super::seam::Point;
use super::table::Entry;
use super::{Active, Log, New, Sealed, begin, empty, entry, sync_dir};

/// Writes the log. There is one of it.
pub struct Writing {
    log: Arc<Log>,
    buffer: Vec<u8>,
}

impl Writing {
    /// For the thread that writes.
    pub(super) fn of(log: &Arc<Log>) -> Self {
        Self { log: log.clone(), buffer: Vec::new() }
    }

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
        self.log.seam.reach(Point::Sync)?;
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
        self.log.seam.reach(Point::Repair)?;
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

    /// Removes the oldest sealed file. With `headless`, only its records: it goes on knowing their ids.
    pub fn drop_oldest(&self, headless: bool) -> anyhow::Result<()> {
        let sealed = {
            let mut files = self.log.write_files();
            let Some((_, sealed)) = files.sealed.pop_first() else { return Ok(()) };
            if headless {
                files.headless.push(sealed.clone());
            }
            sealed
        };
        self.log.loaded.forget(sealed.name);
        sealed.remove_records().context("cannot remove a file of the log")?;
        if headless {
            sync_dir(&self.log.dir).context("cannot sync the folder of the log")
        } else {
            self.forget(&sealed)
        }
    }

    /// Removes what is left of a file whose records are gone: its ids are known elsewhere.
    pub fn forget(&self, sealed: &Sealed) -> anyhow::Result<()> {
        self.log.write_files().headless.retain(|other| other.name != sealed.name);
        self.log.ids.forget(sealed.name);
        sealed.remove_index().context("cannot remove an index of the log")?;
        sync_dir(&self.log.dir).context("cannot sync the folder of the log")
    }
}
