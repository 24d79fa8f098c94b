//! Large bodies: files named by the SHA-256 of their bytes, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::log::sync_dir;

const SCHEME: &str = "sha256:";

/// The folder of the large bodies. There is one of it, so that nobody puts a body while it is being removed.
#[derive(Debug)]
pub struct Blobs {
    dir: PathBuf,
    /// Shared by whoever puts or touches a body, from its first look until what it did is on the disk; not shared by whoever
    /// removes one, from its last look on.
    gate: RwLock<()>,
}

impl Blobs {
    /// In that folder, which need not be there.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, gate: RwLock::default() }
    }

    /// Keeps the bytes, durably, and returns their name.
    ///
    /// The time of the file is set to `now`, also when it was there: whoever looks for old ones must not find it.
    pub fn put(&self, bytes: &[u8], now: DateTime<Utc>) -> anyhow::Result<String> {
        let hash = hex::encode(Sha256::digest(bytes));
        let path = self.path(&hash);
        let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        if !self.renew(&path, now)? {
            let folder = path.parent().unwrap_or(&self.dir);
            fs::create_dir_all(folder).context("cannot make the folder of the large bodies")?;
            let (part, mut file) = tempfile(folder, &hash).context("cannot make a file for a large body")?;
            let written = file
                .write_all(bytes)
                .and_then(|()| file.set_modified(now.into()))
                .and_then(|()| file.sync_all())
                .and_then(|()| fs::rename(&part, &path));
            if let Err(error) = written {
                // On a full disk, what is left of it is in the way.
                let _ = fs::remove_file(&part);
                return Err(error).context("cannot write a large body");
            }
            self.sync_names(&path)?;
        }
        Ok(format!("{SCHEME}{hash}"))
    }

    /// Sets the time of the body of that name, durably, if it is there: something new refers to it.
    pub fn touch(&self, name: &str, now: DateTime<Utc>) -> anyhow::Result<()> {
        let Some(hash) = hash_in(name) else { return Ok(()) };
        let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        // One that is gone is told by whoever looks for it.
        self.renew(&self.path(hash), now).map(|_| ())
    }

    /// Sets the time of a body, durably; whether it is there.
    fn renew(&self, path: &Path, now: DateTime<Utc>) -> anyhow::Result<bool> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error).context("cannot open a large body"),
        };
        // All of it, and its names: whoever wrote it may not have come to sync them.
        file.set_modified(now.into()).and_then(|()| file.sync_all()).context("cannot fsync a large body")?;
        self.sync_names(path)?;
        Ok(true)
    }

    /// The name must be as durable as the bytes: in its folder, and each folder in its own.
    fn sync_names(&self, path: &Path) -> anyhow::Result<()> {
        for parent in [path.parent(), Some(self.dir.as_path()), self.dir.parent()].into_iter().flatten() {
            sync_dir(parent).context("cannot fsync a folder of large bodies")?;
        }
        Ok(())
    }

    /// The bytes of that name.
    pub fn get(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(hash) = hash_in(name) else { bail!("`{name}` is not the name of a large body") };
        match fs::read(self.path(hash)) {
            Ok(bytes) if hex::encode(Sha256::digest(&bytes)) == hash => Ok(Some(bytes)),
            Ok(_) => bail!("the large body {name} is damaged: its bytes do not fit its name"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read the large body {name}")),
        }
    }

    /// The names of all bodies, sorted, with their files.
    pub fn all(&self) -> anyhow::Result<Vec<(String, PathBuf)>> {
        let mut found = Vec::new();
        for path in files(&self.dir).context("cannot list the large bodies")? {
            found.extend(name_of(&path).map(|name| (name, path)));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Removes the bodies that nobody put or touched since that time, and that are not wanted; what was left behind of others
    /// goes, too. Returns the names of those that went.
    ///
    /// Whether one is wanted is asked without the gate, which may take long. So it is looked at once more behind the gate:
    /// one that was put again in between is not old.
    pub fn sweep(
        &self,
        time: DateTime<Utc>,
        mut is_wanted: impl FnMut(&str) -> anyhow::Result<bool>,
    ) -> anyhow::Result<Vec<String>> {
        let mut gone = Vec::new();
        for path in files(&self.dir).context("cannot list the large bodies")? {
            let name = name_of(&path);
            let is_part = path.extension().is_some_and(|extension| extension == "part");
            let goes = match &name {
                Some(name) => is_older(&path, time) && !is_wanted(name)?,
                None => is_part,
            };
            if !goes {
                continue;
            }
            let _gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
            // A part is nobody's by now: it may be gone, or be renamed.
            if path.exists() && (is_part || is_older(&path, time)) {
                fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
                gone.extend(name);
            }
        }
        Ok(gone)
    }

    fn path(&self, hash: &str) -> PathBuf {
        self.dir.join(&hash[..2]).join(hash)
    }
}

fn is_older(path: &Path, time: DateTime<Utc>) -> bool {
    // One that is gone by now is not old.
    let modified = fs::metadata(path).and_then(|of| of.modified());
    modified.is_ok_and(|modified| DateTime::<Utc>::from(modified) < time)
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let folders = match fs::read_dir(dir) {
        Ok(folders) => folders,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for folder in folders {
        let folder = folder?.path();
        if folder.is_dir() {
            for file in fs::read_dir(folder)? {
                found.push(file?.path());
            }
        }
    }
    Ok(found)
}

fn is_hash(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The hash in a name.
fn hash_in(name: &str) -> Option<&str> {
    name.strip_prefix(SCHEME).filter(|hash| is_hash(hash))
}

/// The name of the body in a file.
fn name_of(path: &Path) -> Option<String> {
    let hash = path.file_name()?.to_str().filter(|hash| is_hash(hash))?;
    Some(format!("{SCHEME}{hash}"))
}

fn tempfile(folder: &Path, hash: &str) -> io::Result<(PathBuf, File)> {
    let path = folder.join(format!("{hash}.{}.part", uuid::Uuid::new_v4().simple()));
    Ok((path.clone(), File::create_new(path)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"a large body";

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::days(day)
    }

    fn blobs() -> (tempfile::TempDir, Blobs, String) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(dir.path().join("blobs"));
        let name = blobs.put(BODY, day(1)).unwrap();
        (dir, blobs, name)
    }

    #[test]
    fn a_body_that_is_put_again_while_it_is_swept_stays() {
        let (_dir, blobs, name) = blobs();
        let gone = blobs.sweep(day(10), |found| {
            assert_eq!(found, name);
            blobs.put(BODY, day(20)).unwrap();
            Ok(false)
        });
        assert_eq!(gone.unwrap(), Vec::<String>::new());
        assert_eq!(blobs.get(&name).unwrap().unwrap(), BODY);
    }

    #[test]
    fn a_body_that_is_touched_while_it_is_swept_stays() {
        let (_dir, blobs, name) = blobs();
        let gone = blobs.sweep(day(10), |_| {
            blobs.touch(&name, day(20)).unwrap();
            Ok(false)
        });
        assert_eq!(gone.unwrap(), Vec::<String>::new());
        assert!(blobs.get(&name).unwrap().is_some());
    }

    #[test]
    fn an_old_body_goes_unless_it_is_wanted_and_a_part_goes_in_any_case() {
        let (dir, blobs, name) = blobs();
        let part = dir.path().join("blobs").join("00").join("x.part");
        fs::create_dir_all(part.parent().unwrap()).unwrap();
        fs::write(&part, b"half").unwrap();
        assert!(blobs.sweep(day(10), |_| Ok(true)).unwrap().is_empty());
        assert!(!part.exists());
        assert!(blobs.sweep(day(1), |_| Ok(false)).unwrap().is_empty(), "it is not older");
        assert_eq!(blobs.sweep(day(10), |_| Ok(false)).unwrap(), std::slice::from_ref(&name));
        assert_eq!(blobs.get(&name).unwrap(), None);
        // Put after it went, it is written anew.
        assert_eq!(blobs.put(BODY, day(20)).unwrap(), name);
        assert_eq!(blobs.get(&name).unwrap().unwrap(), BODY);
    }

    #[test]
    fn while_a_body_is_put_or_touched_none_is_removed_and_none_is_put_while_one_is_removed() {
        let (_dir, blobs, name) = blobs();
        std::thread::scope(|scope| {
            let removing = blobs.gate.write().unwrap();
            let (done, putting) = std::sync::mpsc::channel();
            for touches in [false, true] {
                let (blobs, name, done) = (&blobs, &name, done.clone());
                scope.spawn(move || {
                    if touches {
                        blobs.touch(name, day(20)).unwrap();
                    } else {
                        blobs.put(BODY, day(20)).unwrap();
                    }
                    done.send(()).unwrap();
                });
            }
            // What the remover sees now holds until it is through.
            fs::remove_file(blobs.path(hash_in(&name).unwrap())).unwrap();
            assert!(putting.try_recv().is_err(), "nobody gets in");
            drop(removing);
            putting.recv().unwrap();
            putting.recv().unwrap();
        });
        assert_eq!(blobs.get(&name).unwrap().unwrap(), BODY, "put behind it");
    }
}
