//! The folder of an embedded bus, and the version of its format.
//!
//! | name | what |
//! |---|---|
//! | `format` | the version: 2 |
//! | `lock` | locked by the process that has the folder |
//! | `events/` | the log ([`super::log`]) |
//! | `state/` | places of consumers, state, ids of dropped events: sled ([`super::keys`]) |
//! | `blobs/` | large bodies ([`super::blob`]) |
//! | `log` | a file where format 1 had its folder, so that an old program does not begin anew beside it |

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};

use super::blob::Blobs;
use super::log::sync_dir;
use crate::engine::OpenError;

/// The version that is written.
pub const FORMAT: &str = "2";
/// A process that is just ending lets the folder go in this time.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(50);

/// The folder, locked.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    blobs: Blobs,
    _lock: File,
}

/// What was found in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// Format 1: everything in one sled database.
    One,
    /// What this program writes.
    Present,
}

impl Folder {
    /// Makes the folder if need be, and locks it.
    pub fn lock(dir: &Path) -> Result<Self, OpenError> {
        let failed = |source: anyhow::Error| OpenError::Embedded { dir: dir.to_owned(), source };
        fs::create_dir_all(dir).context("cannot make the folder").map_err(failed)?;
        let lock = File::options().create(true).truncate(false).write(true).open(dir.join("lock"));
        let lock = lock.context("cannot make the lock").map_err(failed)?;
        let patience = Instant::now() + PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => {
                    let blobs = Blobs::new(dir.join("blobs"));
                    return Ok(Self { dir: dir.to_owned(), blobs, _lock: lock });
                }
                Err(TryLockError::WouldBlock) if Instant::now() >= patience => {
                    return Err(OpenError::Locked(dir.to_owned()));
                }
                // Not a hidden race: who has it tells nobody when it ends, and the patience is bounded.
                Err(TryLockError::WouldBlock) => thread::sleep(POLL),
                Err(TryLockError::Error(error)) => {
                    return Err(failed(anyhow::Error::new(error).context("cannot lock the folder")));
                }
            }
        }
    }

    /// What is in it; fails when that is not for this program.
    pub fn found(&self) -> anyhow::Result<Found> {
        match fs::read_to_string(self.dir.join("format")) {
            Ok(version) if version.trim() == FORMAT => Ok(Found::Present),
            Ok(version) => bail!(
                "the folder has format version {}, this program reads and writes version {FORMAT}: use the program that wrote it",
                version.trim()
            ),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).context("cannot read the version of the folder's format")
            }
            Err(_) if self.old().is_dir() => Ok(Found::One),
            Err(_) if self.events().exists() => bail!(
                "the folder has a log and no file `format`, which says how to read it: was it copied in part? Copy it \
                 whole; if its version was {FORMAT}, write that into `format`"
            ),
            Err(_) => Ok(Found::Nothing),
        }
    }

    /// Says what format it has from now on, durably, and keeps programs for format 1 out.
    pub fn mark(&self) -> io::Result<()> {
        let part = self.dir.join("format.part");
        let mut file = File::create(&part)?;
        writeln!(file, "{FORMAT}")?;
        file.sync_all()?;
        fs::rename(&part, self.dir.join("format"))?;
        sync_dir(&self.dir)
    }

    /// Puts what format 1 left out of the way: it is kept a while to be looked at.
    pub fn retire_old(&self, now: DateTime<Utc>) -> io::Result<()> {
        let old = self.old();
        if old.is_dir() {
            // Whoever removes what was put aside long ago looks at this.
            File::open(&old)?.set_modified(now.into())?;
            fs::rename(&old, self.dir.join("format-1"))?;
        }
        if !old.exists() {
            fs::write(&old, "This embedded bus has format 2: see `format`, `events` and `state`.\n")?;
        }
        sync_dir(&self.dir)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The log.
    pub fn events(&self) -> PathBuf {
        self.dir.join("events")
    }

    /// The state.
    pub fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// The large bodies.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Where format 1 has everything.
    pub fn old(&self) -> PathBuf {
        self.dir.join("log")
    }
}
