//! Temporary folders.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::watchdog;

/// A temporary folder: removed when this is dropped, or at the latest when the test program has ended.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// None when the folder is to be kept.
    _folder: Option<TempDir>,
}

impl Scratch {
    /// A new folder. With `TESTS_KEEP` set it stays, and its place is printed.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix(&format!("signalbox-{name}-")).tempdir();
        let folder = folder.context("cannot make a temporary folder")?;
        if env::var_os("TESTS_KEEP").is_some() {
            let path = folder.keep();
            eprintln!("kept: {}", path.display());
            return Ok(Self { path, _folder: None });
        }
        watchdog::folder(folder.path())?;
        Ok(Self { path: folder.path().to_owned(), _folder: Some(folder) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }
}
