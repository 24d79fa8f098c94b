//! Large bodies: files named by the SHA-256 of their bytes, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

const SCHEME: &str = "sha256:";

/// Keeps the bytes, durably, and returns their name.
///
/// The time of the file is set to `now`, also when it was there: whoever looks for old ones must not find it.
pub fn put(dir: &Path, bytes: &[u8], now: DateTime<Utc>) -> anyhow::Result<String> {
    let hash = hex::encode(Sha256::digest(bytes));
    let folder = dir.join(&hash[..2]);
    let path = folder.join(&hash);
    fs::create_dir_all(&folder).context("cannot make the folder of the large bodies")?;
    if path.exists() {
        // Whoever wrote it may not have come to sync it.
        let file = File::open(&path).context("cannot open a large body")?;
        file.set_modified(now.into()).and_then(|()| file.sync_all()).context("cannot fsync a large body")?;
    } else {
        let (part, mut file) = tempfile(&folder, &hash).context("cannot make a file for a large body")?;
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
    }
    // The name must be as durable as the bytes: in its folder, and each folder in its own.
    for parent in [Some(folder.as_path()), Some(dir), dir.parent()].into_iter().flatten() {
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .context("cannot fsync a folder of large bodies")?;
    }
    Ok(format!("{SCHEME}{hash}"))
}

/// The bytes of that name.
pub fn get(dir: &Path, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let Some((hash, path)) = place(dir, name) else { bail!("`{name}` is not the name of a large body") };
    match fs::read(path) {
        Ok(bytes) if hex::encode(Sha256::digest(&bytes)) == hash => Ok(Some(bytes)),
        Ok(_) => bail!("the large body {name} is damaged: its bytes do not fit its name"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read the large body {name}")),
    }
}

/// Sets the time of the body of that name, if it is there: something new refers to it.
pub fn touch(dir: &Path, name: &str, now: DateTime<Utc>) -> io::Result<()> {
    let Some((_, path)) = place(dir, name) else { return Ok(()) };
    match File::open(path) {
        Ok(file) => file.set_modified(now.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The names of all bodies, sorted, with their files.
pub fn all(dir: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for path in files(dir).context("cannot list the large bodies")? {
        let name = path.file_name().and_then(|name| name.to_str()).filter(|name| is_hash(name));
        found.extend(name.map(|name| (format!("{SCHEME}{name}"), path.clone())));
    }
    found.sort_unstable();
    Ok(found)
}

/// The bodies that nobody put or touched since that time; parts that were left behind are removed.
pub fn older_than(dir: &Path, time: DateTime<Utc>) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for path in files(dir).context("cannot list the large bodies")? {
        // It may be gone by now, or be renamed: then it is not old.
        let Ok(modified) = fs::metadata(&path).and_then(|of| of.modified()) else { continue };
        if DateTime::<Utc>::from(modified) >= time {
            continue;
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if is_hash(&name) {
            found.push((format!("{SCHEME}{name}"), path));
        } else if path.extension().is_some_and(|extension| extension == "part") {
            fs::remove_file(&path).context("cannot remove what is left of a large body")?;
        }
    }
    Ok(found)
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

/// The hash in a name, and its file.
fn place<'a>(dir: &Path, name: &'a str) -> Option<(&'a str, PathBuf)> {
    let hash = name.strip_prefix(SCHEME).filter(|hash| is_hash(hash))?;
    Some((hash, dir.join(&hash[..2]).join(hash)))
}

fn tempfile(folder: &Path, hash: &str) -> io::Result<(PathBuf, File)> {
    let path = folder.join(format!("{hash}.{}.part", uuid::Uuid::new_v4().simple()));
    Ok((path.clone(), File::create_new(path)?))
}
