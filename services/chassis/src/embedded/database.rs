//! Opening and syncing a sled database, with the counter-measures that sled 0.34 needs.

use std::fs::{self, File};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// sled's default cache is 1 GiB; the state is small.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// sled writes a node of its tree that is larger than a quarter of a segment to a file of its own, and never syncs that
/// file. 2 MiB is more than a node of the largest entries has:
/// dead letters, with bodies of [`crate::claim::EMBEDDED_INLINE_BYTES`].
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
/// sled lets its lock go some time after it is dropped.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Opens the database in that folder, or makes it.
pub fn open(path: &Path) -> anyhow::Result<sled::Db> {
    fs::create_dir_all(path).context("cannot make the folder")?;
    remove_torn_snapshots(path).context("cannot remove a torn snapshot")?;
    let patience = Instant::now() + LOCK_PATIENCE;
    let mut moved_aside = false;
    loop {
        let error = match guarded(|| configuration(path).open())? {
            Ok(db) => return Ok(db),
            Err(error) => error,
        };
        if is_lock(&error) && Instant::now() < patience {
            // Not a hidden race: sled offers nothing to wait on, and the patience is bounded.
            thread::sleep(LOCK_POLL);
        } else if matches!(error, sled::Error::Corruption { at: None, .. }) && !moved_aside {
            // A torn snapshot: without one, sled replays the whole log.
            moved_aside = true;
            move_snapshots_aside(path).context("cannot move a damaged snapshot aside")?;
        } else {
            return Err(anyhow::Error::new(error).context("sled cannot open its file"));
        }
    }
}

/// Runs something of sled, which may panic on a damaged file.
pub fn guarded<T>(action: impl FnOnce() -> T) -> anyhow::Result<T> {
    panic::catch_unwind(AssertUnwindSafe(action)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        anyhow::anyhow!("sled panicked: {text}")
    })
}

/// Whether sled's lock is held by somebody else.
pub fn is_locked(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref()).any(is_lock)
}

/// Syncs all that a flush of sled has written: its flush is `sync_file_range`, which neither writes the file's size nor
/// empties the disk's cache.
pub fn sync(path: &Path, file: &File) -> io::Result<()> {
    // With the segment size that we set, sled has no reason to write files beside its log; should it, they are synced
    // before the log that points at them.
    let blobs = blob_folder(path);
    let mut any = false;
    for entry in fs::read_dir(&blobs)? {
        File::open(entry?.path())?.sync_all()?;
        any = true;
    }
    if any {
        File::open(&blobs)?.sync_all()?;
    }
    file.sync_all()
}

/// Where sled puts what does not fit into a segment.
pub fn blob_folder(path: &Path) -> PathBuf {
    path.join("blobs")
}

/// The file whose inode must be synced after sled's flush.
pub fn file(path: &Path) -> PathBuf {
    path.join("db")
}

fn configuration(path: &Path) -> sled::Config {
    // The writer flushes after each batch; sled's own flusher would only add writes that nobody waits for.
    sled::Config::new()
        .path(path)
        .cache_capacity(CACHE_BYTES)
        .segment_size(SEGMENT_BYTES)
        .flush_every_ms(None)
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
