//! Opening the folder, with the counter-measures that sled 0.34 needs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::keys;
use crate::engine::OpenError;

/// sled's default cache is 1 GiB; the log is read in order and the state is small.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// sled writes a node of its tree that is larger than a quarter of a segment to a file of its own, and never syncs that
/// file. 2 MiB is more than a node of the largest records has ([`crate::claim::EMBEDDED_INLINE_BYTES`]).
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
/// sled lets its lock go some time after it is dropped.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Opens the database in `dir/log`.
pub fn open(dir: &Path) -> Result<sled::Db, OpenError> {
    let failed = |source: anyhow::Error| OpenError::Embedded { dir: dir.to_owned(), source };
    let path = dir.join("log");
    fs::create_dir_all(&path).context("cannot make the folder").map_err(failed)?;
    remove_torn_snapshots(&path).context("cannot remove a torn snapshot").map_err(failed)?;
    let patience = Instant::now() + LOCK_PATIENCE;
    let mut moved_aside = false;
    loop {
        let error = match configuration(&path).open() {
            Ok(db) => {
                check_format(&db).map_err(failed)?;
                return Ok(db);
            }
            Err(error) => error,
        };
        if is_lock(&error) {
            if Instant::now() >= patience {
                return Err(OpenError::Locked(dir.to_owned()));
            }
            // Not a hidden race: sled offers nothing to wait on, and the patience is bounded.
            thread::sleep(LOCK_POLL);
        } else if matches!(error, sled::Error::Corruption { at: None, .. }) && !moved_aside {
            // A torn snapshot: without one, sled replays the whole log.
            moved_aside = true;
            move_snapshots_aside(&path).context("cannot move a damaged snapshot aside").map_err(failed)?;
        } else {
            return Err(failed(anyhow::Error::new(error).context("sled cannot open its log")));
        }
    }
}

/// Where sled puts what does not fit into a segment.
pub fn blob_folder(dir: &Path) -> PathBuf {
    dir.join("log").join("blobs")
}

/// The file whose inode must be synced after sled's flush.
pub fn log_file(dir: &Path) -> PathBuf {
    dir.join("log").join("db")
}

/// The last position of the log; 0 when it is empty. Never below one that was given before: a position that is used
/// twice would hide the second event from whoever has settled the first.
pub fn last_position(db: &sled::Db) -> anyhow::Result<u64> {
    let last =
        db.scan_prefix(keys::LOG).keys().next_back().transpose().context("cannot read the end of the log")?;
    let last = last.as_deref().and_then(keys::log_position).unwrap_or(0);
    let given = db.get(keys::LAST_KEY)?.as_deref().and_then(keys::number).unwrap_or(0);
    if given > last {
        tracing::error!(
            last,
            given,
            "the end of the log is missing: the disk has lost what it said it had written"
        );
    }
    Ok(last.max(given))
}

fn configuration(path: &Path) -> sled::Config {
    // The writer flushes after each batch; sled's own flusher would only add writes that nobody waits for.
    sled::Config::new()
        .path(path)
        .cache_capacity(CACHE_BYTES)
        .segment_size(SEGMENT_BYTES)
        .flush_every_ms(None)
}

fn check_format(db: &sled::Db) -> anyhow::Result<()> {
    match db.get(keys::FORMAT_KEY)? {
        Some(found) if &*found == keys::FORMAT => Ok(()),
        Some(found) => anyhow::bail!(
            "the folder has format version {}, this program reads and writes version {}: use the program that wrote it",
            String::from_utf8_lossy(&found),
            String::from_utf8_lossy(keys::FORMAT)
        ),
        None => {
            db.insert(keys::FORMAT_KEY, keys::FORMAT)?;
            Ok(())
        }
    }
}

fn is_lock(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(io) if io.kind() == io::ErrorKind::WouldBlock)
        || error.to_string().contains("could not acquire lock")
}

fn remove_torn_snapshots(path: &Path) -> io::Result<()> {
    for file in snapshots(path)? {
        // Half a snapshot, from a kill during an earlier opening. sled would read it first and refuse to open.
        if file.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(file)?;
        }
    }
    Ok(())
}

fn move_snapshots_aside(path: &Path) -> io::Result<()> {
    for file in snapshots(path)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        fs::rename(&file, file.with_file_name(format!("damaged-{name}")))?;
    }
    Ok(())
}

fn snapshots(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            found.push(entry.path());
        }
    }
    Ok(found)
}
