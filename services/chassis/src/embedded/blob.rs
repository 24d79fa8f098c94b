//! Large bodies: files named by the SHA-256 of their bytes, written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use sha2::{Digest, Sha256};

const SCHEME: &str = "sha256:";

/// Keeps the bytes, durably, and returns their name.
pub fn put(dir: &Path, bytes: &[u8]) -> anyhow::Result<String> {
    let hash = hex::encode(Sha256::digest(bytes));
    let folder = dir.join(&hash[..2]);
    let path = folder.join(&hash);
    fs::create_dir_all(&folder).context("cannot make the folder of the large bodies")?;
    if path.exists() {
        // Whoever wrote it may not have come to sync it.
        File::open(&path).and_then(|file| file.sync_all()).context("cannot fsync a large body")?;
    } else {
        let (part, mut file) = tempfile(&folder, &hash).context("cannot make a file for a large body")?;
        file.write_all(bytes).and_then(|()| file.sync_all()).context("cannot write a large body")?;
        fs::rename(&part, &path).context("cannot name a large body")?;
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
    let hash = name
        .strip_prefix(SCHEME)
        .filter(|hash| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()));
    let Some(hash) = hash else { bail!("`{name}` is not the name of a large body") };
    match fs::read(dir.join(&hash[..2]).join(hash)) {
        Ok(bytes) if hex::encode(Sha256::digest(&bytes)) == hash => Ok(Some(bytes)),
        Ok(_) => bail!("the large body {name} is damaged: its bytes do not fit its name"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read the large body {name}")),
    }
}

fn tempfile(folder: &Path, hash: &str) -> io::Result<(PathBuf, File)> {
    let path = folder.join(format!("{hash}.{}.part", uuid::Uuid::new_v4().simple()));
    Ok((path.clone(), File::create_new(path)?))
}
