//! Opening the log: sealed files by their index, the active one by reading it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, RwLock};

use anyhow::Context as _;

use super::cache::Cache;
use super::entry::MAGIC;
use super::scan::{self, Scanned};
use super::seam::Seam;
use super::{Active, Files, IDS, LOADED, Log, Sealed, begin, empty, log_path, sync_dir};

impl Log {
    /// Opens the log in that folder, or makes it.
    pub fn open(dir: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(dir).context("cannot make the folder of the log")?;
        let (mut names, indexes) = names(dir).context("cannot list the folder of the log")?;
        let active = names.pop();
        let oldest = names.first().copied().or(active).unwrap_or(u64::MAX);
        let mut headless: Vec<Arc<Sealed>> = Vec::new();
        for index in indexes.into_iter().filter(|index| !names.contains(index)) {
            // Of a file that was being removed: its ids may not be known elsewhere.
            if index < oldest
                && let Ok(left) = Sealed::headless(dir, index)
            {
                headless.push(Arc::new(left));
                continue;
            }
            // Of a file that was being sealed when the process died, or damaged.
            fs::remove_file(super::index_path(dir, index)).context("cannot remove an index without a log")?;
        }
        let mut sealed = BTreeMap::new();
        let following = names.iter().copied().skip(1).chain(active);
        for (name, following) in names.iter().copied().zip(following) {
            if let Some(file) = Sealed::open(dir, name, following)? {
                sealed.insert(name, Arc::new(file));
            }
        }
        let active = match active {
            Some(name) => {
                resume(dir, name).with_context(|| format!("cannot open {}", log_path(dir, name).display()))?
            }
            None => fresh(dir, headless.last().map_or(1, |last| last.summary.last + 1))?,
        };
        let files = RwLock::new(Files { sealed, headless, active });
        let (loaded, ids) = (Cache::new(LOADED), Cache::new(IDS));
        Ok(Self { dir: dir.to_owned(), files, loaded, ids, seam: Seam::default() })
    }
}

fn fresh(dir: &Path, name: u64) -> anyhow::Result<Active> {
    let file = begin(dir, name).context("cannot begin a file of the log")?;
    Ok(Active { name, file, table: empty(), ids: [].into() })
}

/// The active file: what a crash left of its last write is put aside.
fn resume(dir: &Path, name: u64) -> anyhow::Result<Active> {
    let path = log_path(dir, name);
    let mut file = File::options().read(true).write(true).open(&path)?;
    if file.metadata()?.len() < MAGIC.len() as u64 {
        // It was being begun.
        return fresh(dir, name);
    }
    let Scanned { table, ids, damage, torn } = scan::scan(&file, name)?;
    for damage in damage {
        tracing::error!(file = %path.display(), damage, "the log is damaged; the rest of it is read");
    }
    if torn > 0 {
        let aside = dir.join(format!("damaged-{name:020}-{}", table.end));
        tracing::warn!(
            bytes = torn, aside = %aside.display(),
            "the log ends with half a write, of which nobody was told that it is kept: it is put aside"
        );
        file.seek(SeekFrom::Start(table.end))?;
        let mut cut = Vec::new();
        file.read_to_end(&mut cut)?;
        if let Err(error) = fs::write(&aside, cut) {
            tracing::warn!(%error, "cannot put it aside: it is dropped");
            let _ = fs::remove_file(&aside);
        }
        file.set_len(table.end)?;
    }
    if table.entries.is_empty() {
        file.write_all_at(MAGIC, 0)?;
    }
    // Whoever wrote the end of it may not have come to sync it.
    file.sync_all()?;
    sync_dir(dir)?;
    Ok(Active { name, file: Arc::new(file), table, ids: ids.into_iter().collect() })
}

/// The names of the logs and of the indexes in the folder, sorted; parts of indexes are removed.
fn names(dir: &Path) -> io::Result<(Vec<u64>, Vec<u64>)> {
    let (mut logs, mut indexes) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        match (name, path.extension().and_then(|extension| extension.to_str())) {
            (Some(name), Some("log")) => logs.push(name),
            (Some(name), Some("index")) => indexes.push(name),
            (Some(_), Some("part")) => fs::remove_file(&path)?,
            _ => {}
        }
    }
    logs.sort_unstable();
    indexes.sort_unstable();
    Ok((logs, indexes))
}
