//! `signalbox doctor soak`: many events through the whole program while it is killed, and an account of every one.

mod account;
mod cast;
mod chance;
mod config;
mod disk;
mod gather;
mod guarded;
mod load;
mod plan;
mod progress;
mod receiver;
mod report;
mod settle;
mod storm;
mod world;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use chassis::Shutdown;
use rand::RngCore as _;
use tempfile::TempDir;
use tokio::time::Instant;

use self::disk::Disk;
use self::plan::Plan;
use self::report::Report;
use self::world::World;
use crate::cli::{SoakArgs, SoakEngine};
use crate::exit::{Exit, Stop};
use crate::output::Output;

/// The disk is filled once for so many kills, and twice at least.
const KILLS_PER_FILL: u64 = 10;
const FILLS: std::ops::RangeInclusive<u64> = 2..=20;
/// A full disk is tried with this part of the events, on a bus of its own.
const FULL_DISK_PART: u64 = 20;
const FULL_DISK_EVENTS: std::ops::RangeInclusive<u64> = 200..=2_000;

/// The delivery id of an event.
fn id(n: u64) -> String {
    format!("soak-{n:07}")
}

/// The event of a delivery id.
fn number(id: &str) -> Option<u64> {
    id.strip_prefix("soak-")?.parse().ok()
}

/// Runs it, and says what it came to.
pub async fn run(args: SoakArgs, out: &mut Output) -> Result<Exit, Stop> {
    let shutdown = Shutdown::new();
    shutdown.on_signals().context("cannot listen for signals")?;
    let mut place = Place::new(args.dir.as_deref())?;
    // A JSON number holds 53 bits; nobody needs more.
    let seed = args.seed.unwrap_or_else(|| rand::rng().next_u64() >> 11);
    let mut report = Report::new(&args, seed);
    report.head(place.path(), out)?;
    let ended = all(&args, seed, place.path(), &shutdown, &mut report).await;
    shutdown.trigger();
    if report.is_wrong() {
        place.keep();
    }
    report.end(place.kept(), ended.is_ok(), out)?;
    ended?;
    Ok(if report.is_wrong() { Exit::Failed } else { Exit::Done })
}

async fn all(
    args: &SoakArgs,
    seed: u64,
    dir: &Path,
    shutdown: &Shutdown,
    report: &mut Report,
) -> anyhow::Result<()> {
    let plan = Plan::new(seed, args.events, args.kills, args.engine);
    let main = dir.join("main");
    let world = World::new(args, &plan, &main, &main.join("bus"), shutdown).await?;
    world.run(None, shutdown, report).await?;
    match args.engine {
        SoakEngine::Embedded if args.no_full_disk => Ok(()),
        SoakEngine::Embedded => full_disk(args, seed, dir, shutdown, report).await,
        SoakEngine::Jetstream => Ok(()),
    }
}

async fn full_disk(
    args: &SoakArgs,
    seed: u64,
    dir: &Path,
    shutdown: &Shutdown,
    report: &mut Report,
) -> anyhow::Result<()> {
    let part = args.events / FULL_DISK_PART;
    let events = part.clamp(*FULL_DISK_EVENTS.start(), *FULL_DISK_EVENTS.end());
    let (folder, at) = (dir.join("full"), dir.join("full").join("disk"));
    let disk = match Disk::mount(&at, events).await {
        Ok(disk) => disk,
        Err(error) => {
            report.left_out = Some(format!("the full disk is left out: {error:#}"));
            return Ok(());
        }
    };
    let plan = Plan::new(seed, events, 0, args.engine);
    let played = async {
        let world = World::new(args, &plan, &folder, &at.join("bus"), shutdown).await?;
        let fills = (args.kills / KILLS_PER_FILL).clamp(*FILLS.start(), *FILLS.end());
        world.run(Some((&disk, fills)), shutdown, report).await
    };
    let played = played.await;
    disk.unmount().await?;
    played
}

/// Where a run has its files.
struct Place {
    path: PathBuf,
    temporary: Option<TempDir>,
}

impl Place {
    fn new(dir: Option<&Path>) -> anyhow::Result<Self> {
        let Some(dir) = dir else {
            let made = tempfile::Builder::new().prefix("signalbox-soak-").tempdir();
            let made = made.context("cannot make a temporary folder")?;
            return Ok(Self { path: made.path().to_owned(), temporary: Some(made) });
        };
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
        // Absolute: the processes work in folders of their own.
        let path = dir.canonicalize().with_context(|| format!("cannot find {}", dir.display()))?;
        let mut entries = path.read_dir().with_context(|| format!("cannot read {}", dir.display()))?;
        ensure!(entries.next().is_none(), "the folder {} is not empty", dir.display());
        Ok(Self { path, temporary: None })
    }

    fn path(&self) -> &Path {
        &self.path
    }

    /// From now on it stays, to be looked at.
    fn keep(&mut self) {
        if let Some(temporary) = self.temporary.take() {
            self.path = temporary.keep();
        }
    }

    /// Where it stays, if it does.
    fn kept(&self) -> Option<&Path> {
        self.temporary.is_none().then_some(self.path.as_path())
    }
}

/// Ends early when it is interrupted.
async fn unless_interrupted<T>(
    shutdown: &Shutdown,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let begun = Instant::now();
    tokio::select! {
        done = work => done,
        () = shutdown.triggered() => Err(anyhow!("it was interrupted after {} s", begun.elapsed().as_secs())),
    }
}
