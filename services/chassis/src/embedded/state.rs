//! The database of the state, which can be closed and opened anew while the engine runs: after an error of the disk, sled
//! takes nothing more until then.
//!
//! sled takes the first damaged byte of its file for the end of a write that a crash tore, and drops all that follows, for
//! good, without a word. So each batch has a number, and a mark beside the database says which was synced last: a database
//! that knows less is damaged. The file is copied before sled opens it, so that nothing is destroyed by looking.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use anyhow::{Context as _, ensure};

use super::database::{self, guarded};
use super::keys;
use super::trouble::WriteError;

/// The database of the state.
pub struct State {
    path: PathBuf,
    /// Before that, nobody knows whether it is whole.
    was_open: AtomicBool,
    db: RwLock<Option<sled::Db>>,
}

/// The state is being opened anew.
#[derive(Debug, thiserror::Error)]
#[error("the state of the embedded bus is closed because of an error of the disk, and is being opened")]
pub struct Closed;

/// The number of the last batch that was synced: `number: u64 | crc32: u32`, little-endian.
pub struct Mark(File);

impl Mark {
    /// Opens the mark of a database, or makes it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(path.join("mark"))?;
        Ok(Self(file))
    }

    /// The number; 0 when there is none.
    pub fn read(&self) -> u64 {
        let mut bytes = [0; 12];
        let read = self.0.read_exact_at(&mut bytes, 0);
        let (number, crc) = bytes.split_at(8);
        let whole = read.is_ok() && crc32fast::hash(number).to_le_bytes() == crc;
        number.try_into().ok().filter(|_| whole).map_or(0, u64::from_le_bytes)
    }

    /// Sets the number. It is not synced: one that is too low hides damage, and does no harm.
    pub fn write(&self, number: u64) -> io::Result<()> {
        let number = number.to_le_bytes();
        let crc = crc32fast::hash(&number).to_le_bytes();
        self.0.write_all_at(&[&number[..], &crc].concat(), 0)
    }
}

impl State {
    /// Opens the database, or makes it. When there is no space to open it, it is closed, and the error says why:
    /// [`Self::reopen`] may open it later.
    pub fn open(path: &Path) -> anyhow::Result<(Self, Option<WriteError>)> {
        let state = |db: Option<sled::Db>| Self {
            path: path.to_owned(),
            was_open: AtomicBool::new(db.is_some()),
            db: RwLock::new(db),
        };
        let error = match open_copied(path) {
            Ok(db) => return Ok((state(Some(db)), None)),
            Err(error) => error,
        };
        match WriteError::of(&error) {
            full @ WriteError::Full(_) => Ok((state(None), Some(full))),
            WriteError::Broken(_) | WriteError::Behind | WriteError::Ended => Err(error),
        }
    }

    /// The database.
    pub fn db(&self) -> Result<sled::Db, Closed> {
        self.db.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Closed)
    }

    /// The file whose inode must be synced after sled's flush.
    pub fn file(&self) -> anyhow::Result<File> {
        File::open(database::file(&self.path)).context("cannot open sled's file for fsync")
    }

    /// The mark of what is synced.
    pub fn mark(&self) -> anyhow::Result<Mark> {
        Mark::open(&self.path).context("cannot open the mark of the state")
    }

    /// Syncs what sled has flushed.
    pub fn sync(&self, file: &File) -> io::Result<()> {
        database::sync(&self.path, file)
    }

    /// Closes the database and opens it anew. After an error it is closed.
    pub fn reopen(&self) -> anyhow::Result<()> {
        let old = self.db.write().unwrap_or_else(PoisonError::into_inner).take();
        // sled writes what it has when it is dropped.
        guarded(|| drop(old))?;
        let was_open = self.was_open.load(Ordering::SeqCst);
        let db = if was_open { open_whole(&self.path)? } else { open_copied(&self.path)? };
        self.was_open.store(true, Ordering::SeqCst);
        *self.db.write().unwrap_or_else(PoisonError::into_inner) = Some(db);
        Ok(())
    }

    /// Lets go of the database, as after an error of the disk that does not end.
    #[cfg(test)]
    pub fn hide(&self) {
        *self.db.write().unwrap() = None;
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> anyhow::Result<Option<sled::IVec>> {
        let db = self.db()?;
        Ok(guarded(|| db.get(key))??)
    }

    /// A number that is kept under a key; 0 when there is none.
    pub fn number(&self, key: &[u8]) -> anyhow::Result<u64> {
        Ok(self.get(key)?.as_deref().and_then(keys::number).unwrap_or(0))
    }

    /// Keys that begin with `prefix`, from `from` on, with their values, up to `limit`.
    pub fn scan(
        &self,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> anyhow::Result<Vec<(sled::IVec, sled::IVec)>> {
        let db = self.db()?;
        guarded(|| {
            let mut found = Vec::new();
            for item in db.range(from..).take(limit) {
                let (key, value) = item?;
                if !key.starts_with(prefix) {
                    break;
                }
                found.push((key, value));
            }
            Ok(found)
        })?
    }
}

/// Opens the database and compares it with its mark.
fn open_whole(path: &Path) -> anyhow::Result<sled::Db> {
    let synced = Mark::open(path).context("cannot open the mark of the state")?.read();
    let db = database::open(path)?;
    let known = guarded(|| db.get(keys::BATCH_KEY))??.as_deref().and_then(keys::number).unwrap_or(0);
    ensure!(known >= synced, "{synced} batches were written, and {known} can be read");
    Ok(db)
}

/// As [`open_whole`], with the file as it was put aside when it is damaged.
fn open_copied(path: &Path) -> anyhow::Result<sled::Db> {
    fs::create_dir_all(path).context("cannot make the folder of the state")?;
    let (file, copy) = (database::file(path), path.join("before-opening"));
    let synced = Mark::open(path).context("cannot open the mark of the state")?.read();
    // Some file systems share the blocks. On a full disk there is no copy, and the comparison still tells.
    let copied = synced > 0 && file.exists() && fs::copy(&file, &copy).is_ok();
    if !copied {
        // Half a copy must not take the space that sled needs to open its file.
        let _ = fs::remove_file(&copy);
    }
    let opened = open_whole(path);
    let of_the_disk = opened.as_ref().is_err_and(is_of_the_disk);
    if !copied || opened.is_ok() || of_the_disk {
        let _ = fs::remove_file(&copy);
    }
    match opened {
        Ok(db) => Ok(db),
        Err(error) if synced > 0 && !of_the_disk => {
            let kept = path.with_file_name(format!("damaged-state-{synced}.db"));
            if !kept.exists() {
                let _ = fs::rename(&copy, &kept);
            }
            Err(error).with_context(|| {
                format!(
                    "the state in {0} is damaged. The events are apart from it and safe; the file as it was is {1}. Best \
                     is an import of an export of the store. To go on with what can be read, remove {2}; to begin \
                     without any state, move {0} aside: then handlers begin where their settings say, and the ledger \
                     and the dead letters are gone",
                    path.display(),
                    kept.display(),
                    path.join("mark").display(),
                )
            })
        }
        Err(error) => Err(error.context("cannot open the state")),
    }
}

/// Whether the file may be whole, and the disk did not let it be opened.
fn is_of_the_disk(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| match cause.downcast_ref::<sled::Error>() {
        Some(sled::Error::Io(_)) => true,
        Some(_) => false,
        None => cause.is::<io::Error>(),
    })
}
