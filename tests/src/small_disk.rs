//! A disk that is full when the test wants it to be.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::{skip, watchdog};

/// A file system of a few MiB in memory, unmounted when this is dropped or the test program has ended.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts one of so many MiB on a new folder. `None`, and the test named as skipped, where that is not allowed.
    pub fn mount(path: &Path, mib: u32) -> anyhow::Result<Option<Self>> {
        fs::create_dir(path)?;
        let size = format!("size={mib}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).output();
        match mounted {
            Ok(output) if output.status.success() => {}
            Ok(_) | Err(_) => {
                skip::say("a small disk cannot be mounted here: it takes root, and the right to mount");
                return Ok(None);
            }
        }
        watchdog::mount(path)?;
        Ok(Some(Self { path: path.to_owned() }))
    }

    /// Writes a file of so many bytes.
    pub fn ballast(&self, name: &str, bytes: usize) -> anyhow::Result<()> {
        fs::write(self.path.join(name), vec![0; bytes]).context("cannot write ballast")
    }

    /// Writes to a file until not a byte is left.
    pub fn fill(&self, name: &str) -> anyhow::Result<()> {
        let mut file = File::options().create(true).append(true).open(self.path.join(name))?;
        let mut bytes = vec![0; 64 * 1024];
        while !bytes.is_empty() {
            match file.write_all(&bytes) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => bytes.truncate(bytes.len() / 2),
                Err(error) => bail!("the disk does not fill: {error}"),
            }
        }
        Ok(())
    }

    /// Removes a file.
    pub fn free(&self, name: &str) -> anyhow::Result<()> {
        fs::remove_file(self.path.join(name)).with_context(|| format!("cannot remove {name}"))
    }

    /// Makes it larger, to so many MiB.
    pub fn grow(&self, mib: u32) -> anyhow::Result<()> {
        let size = format!("remount,size={mib}m");
        let output = Command::new("mount").args(["-o", &size]).arg(&self.path).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// Unmounts it.
    pub fn unmount(&self) -> anyhow::Result<()> {
        let output = Command::new("umount").arg("-l").arg(&self.path).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A second time, or when the watchdog was faster, there is nothing to unmount.
        let _ = self.unmount();
    }
}
