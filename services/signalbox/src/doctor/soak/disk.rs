//! A full disk under the embedded bus: a small file system in memory, filled by a file beside the bus.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin};

use super::cast::Role;
use super::guarded::guard_command;
use super::plan::{Plan, Point};
use super::storm::Watch;
use crate::doctor::guard;

/// Room for the bus of an event: what the log and the state take, with all that sled has not given back yet.
const BYTES_PER_EVENT: u64 = 48 << 10;
/// And for what does not depend on the number of events.
const BYTES: u64 = 64 << 20;
/// How many deliveries are refused before there is space again.
const REFUSED: u64 = 20;
/// How long the disk stays full at least.
const FULL_FOR: Duration = Duration::from_secs(1);
/// The pieces in which the disk is filled, in bytes.
const PIECE: usize = 1 << 20;

/// A small file system.
pub struct Disk {
    at: PathBuf,
    guard: Child,
    stdin: Option<ChildStdin>,
}

impl Disk {
    /// Mounts one for so many events, if that is allowed here; else says why not.
    #[expect(clippy::disallowed_methods, reason = "except: the soak has a disk to fill")]
    pub async fn mount(at: &Path, events: u64) -> anyhow::Result<Self> {
        std::fs::create_dir_all(at).with_context(|| format!("cannot make the folder {}", at.display()))?;
        let bytes = (BYTES + events * BYTES_PER_EVENT).to_string();
        let mut guard = guard_command()?;
        guard.args(["--tmpfs", &bytes, "--at"]).arg(at);
        guard.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut guard = guard.spawn().context("cannot start a guard")?;
        let (stdin, stdout) = (guard.stdin.take(), guard.stdout.take().context("it has an output")?);
        let mut said = String::new();
        BufReader::new(stdout).read_line(&mut said).await?;
        if said.trim() == guard::MOUNTED {
            return Ok(Self { at: at.to_owned(), guard, stdin });
        }
        let mut why = String::new();
        if let Some(mut stderr) = guard.stderr.take() {
            stderr.read_to_string(&mut why).await?;
        }
        anyhow::bail!("{}", why.trim().trim_start_matches("error: "))
    }

    /// Unmounts it.
    pub async fn unmount(mut self) -> anyhow::Result<()> {
        drop(self.stdin.take());
        self.guard.wait().await.context("cannot wait for the guard of a file system")?;
        Ok(())
    }

    /// Leaves not a byte.
    fn fill(&self) -> anyhow::Result<()> {
        let mut file = File::options().create(true).append(true).open(self.ballast())?;
        let zeros = vec![0; PIECE];
        let mut piece = PIECE;
        while piece > 0 {
            match file.write_all(&zeros[..piece]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => piece /= 2,
                Err(error) => return Err(error).context("cannot fill the disk"),
            }
        }
        Ok(())
    }

    fn free(&self) -> anyhow::Result<()> {
        std::fs::remove_file(self.ballast()).context("cannot free the disk")
    }

    fn ballast(&self) -> PathBuf {
        self.at.join("ballast")
    }
}

impl Watch<'_> {
    /// Fills the disk again and again, by turns under a process that runs, and under one that is killed and has to start on
    /// a full disk. Whoever ends by itself meanwhile, also for want of space, is a finding.
    pub async fn full_disk(&mut self, plan: &Plan, disk: &Disk, fills: u64) -> anyhow::Result<()> {
        for fill in 0..fills {
            let killed = fill % 2 == 1;
            self.reach(Point::Accepted(plan.events * (fill + 1) / (fills + 2))).await?;
            disk.fill()?;
            self.load.open(true);
            if killed {
                self.cast.kill9(Role::Serve).await?;
                self.cast.start_all()?;
            }
            let looked = self.look_at_full_disk().await;
            self.load.open(false);
            let then = self.progress.now();
            // Whatever was seen: what comes next needs the space.
            disk.free()?;
            looked?;
            self.recovered(if killed { "full-disk-killed" } else { "full-disk" }, then).await?;
        }
        Ok(())
    }

    /// Deliveries come in and are refused, and the process is still there after a while.
    async fn look_at_full_disk(&mut self) -> anyhow::Result<()> {
        let (load, progress) = (self.load.clone(), self.progress.clone());
        let (from, refused) = (progress.now(), progress.failed_in_all() + REFUSED);
        let seen = move || {
            let for_long = Duration::from_micros(progress.now() - from) >= FULL_FOR;
            for_long && (progress.failed_in_all() >= refused || load.is_sent())
        };
        self.until("refuse", seen).await
    }
}
