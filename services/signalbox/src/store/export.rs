//! `signalbox store export`: everything to a file, page by page.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use chassis::archive::{Archive, Cursor, Damage, KnownId, RawRecord, StateRecord};
use chassis::{Bucket, Clock as _, Engine, Position, Store, SystemClock};

use super::format::{Blob, Bytes, Counts, Damaged, Head, Line, Message, State, VERSION};
use super::line::Lines;
use super::marker;
use crate::exit::{Exit, Stop};
use crate::output::{Output, harmless};

/// Messages at once: a page of the largest ones is some 16 MiB.
const MESSAGES: usize = 64;
/// Entries and ids at once.
const ENTRIES: usize = 500;
/// Bytes of a large body in one line.
const PART: usize = 512 * 1024;
/// Read and written by the owner alone.
const PRIVATE: u32 = 0o600;

/// The parts of the state that are about what happened, and not about processes or the engine.
pub(super) const BUCKETS: [Bucket; 6] =
    [Bucket::Ledger, Bucket::DeadLetters, Bucket::Watch, Bucket::Attempts, Bucket::Runs, Bucket::Sources];

/// What was left out, because it is damaged or missing.
type LeftOut = Vec<String>;

/// Writes everything.
pub async fn run(engine: &Engine, file: Option<&Path>, out: &mut Output) -> Result<Exit, Stop> {
    if marker::find(&*engine.store).await?.is_some() {
        return Err(anyhow!(marker::HALF).into());
    }
    let (counts, left_out) = match file {
        Some(path) => {
            let part = Part::beside(path)?;
            let written = write(engine, BufWriter::new(&part.file)).await?;
            part.becomes(path)?;
            written
        }
        None => write(engine, BufWriter::new(io::stdout().lock())).await.map_err(closed_pipe)?,
    };
    // With the export on standard output, what is said about it goes elsewhere.
    let mut say = |text: String| match file {
        Some(_) => out.line(text),
        None => writeln!(io::stderr(), "{text}").map_err(Stop::from),
    };
    for line in &left_out {
        say(harmless(line))?;
    }
    say(format!("exported {}", counts.text()))?;
    if counts.damaged == 0 && left_out.is_empty() {
        return Ok(Exit::Done);
    }
    say("something was damaged: signalbox store verify says what".to_owned())?;
    Ok(Exit::Failed)
}

/// Whoever read the export has gone: that is an error here, unlike elsewhere, because it is not whole.
fn closed_pipe(error: anyhow::Error) -> Stop {
    Stop::from(error.context("the export is not whole"))
}

async fn write(engine: &Engine, to: impl Write) -> anyhow::Result<(Counts, LeftOut)> {
    let archive = &*engine.archive;
    let mut lines = Lines::to(to);
    lines.write(&Line::Archive(Head {
        version: VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made: SystemClock.now(),
    }))?;
    let left_out = blobs(archive, &*engine.store, &mut lines).await?;
    messages(archive, &mut lines).await?;
    ids(archive, &mut lines).await?;
    for bucket in BUCKETS {
        state(archive, bucket, &mut lines).await?;
    }
    for Cursor { name, floor, settled } in archive.cursors().await? {
        lines.write(&Line::Cursor(Cursor { name, floor, settled }))?;
    }
    let (_, counts) = lines.end()?;
    Ok((counts, left_out))
}

async fn blobs(
    archive: &dyn Archive,
    store: &dyn Store,
    lines: &mut Lines<impl Write>,
) -> anyhow::Result<LeftOut> {
    let mut left_out = LeftOut::new();
    for name in archive.blobs().await? {
        let Some(bytes) = store.get_blob(&name).await.with_context(|| format!("cannot read {name}"))? else {
            left_out.push(format!("the large body {name} is damaged or missing: it is left out"));
            continue;
        };
        let of = u32::try_from(bytes.len().div_ceil(PART).max(1)).context("a body is far too large")?;
        // An empty one has one part, too.
        let mut parts = bytes.chunks(PART);
        for part in 1..=of {
            let bytes = Bytes(parts.next().unwrap_or_default().to_vec());
            lines.write(&Line::Blob(Blob { name: name.clone(), part, of, bytes }))?;
        }
    }
    Ok(left_out)
}

async fn messages(archive: &dyn Archive, lines: &mut Lines<impl Write>) -> anyhow::Result<()> {
    let mut from = Position(1);
    loop {
        let page = archive.messages(from, MESSAGES).await?;
        let Some(last) = page.last() else { return Ok(()) };
        from = Position(last.position.0 + 1);
        for RawRecord { position, recorded, message } in page {
            lines.write(&match message {
                Ok(events::nats::Message { subject, headers, payload }) => {
                    Line::Message(Message { position, recorded, subject, headers, payload: Bytes(payload) })
                }
                Err(Damage { reason, bytes }) => {
                    Line::Damaged(Damaged { position, recorded, reason, bytes: Bytes(bytes) })
                }
            })?;
        }
    }
}

async fn ids(archive: &dyn Archive, lines: &mut Lines<impl Write>) -> anyhow::Result<()> {
    let mut after: Option<String> = None;
    loop {
        let page = archive.ids(after.as_deref(), ENTRIES).await?;
        let Some(KnownId { hash, .. }) = page.last() else { return Ok(()) };
        after = Some(hash.clone());
        for id in page {
            lines.write(&Line::Id(id))?;
        }
    }
}

async fn state(archive: &dyn Archive, bucket: Bucket, lines: &mut Lines<impl Write>) -> anyhow::Result<()> {
    let mut after: Option<String> = None;
    loop {
        let page = archive.state(bucket, after.as_deref(), ENTRIES).await?;
        let Some(StateRecord { key, .. }) = page.last() else { return Ok(()) };
        after = Some(key.clone());
        for StateRecord { bucket, key, value, expires } in page {
            let bucket = bucket.name().to_owned();
            lines.write(&Line::State(State { bucket, key, value: Bytes(value), expires }))?;
        }
    }
}

/// The file while it is written: what is not whole never has the name of the export.
struct Part {
    file: File,
    path: PathBuf,
    whole: bool,
}

impl Part {
    fn beside(path: &Path) -> Result<Self, Stop> {
        if path.exists() {
            let error = anyhow!("{} is there already: remove it, or choose another name", path.display());
            return Err(Stop::with(Exit::Usage, error));
        }
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        let part = PathBuf::from(name);
        let made = OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE).open(&part);
        let file = made.with_context(|| format!("cannot write {}", part.display()))?;
        Ok(Self { file, path: part, whole: false })
    }

    fn becomes(mut self, path: &Path) -> anyhow::Result<()> {
        self.file.sync_all().with_context(|| format!("cannot write {}", self.path.display()))?;
        fs::rename(&self.path, path).with_context(|| format!("cannot name the export {}", path.display()))?;
        self.whole = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.whole {
            // It is of no use; and if it cannot be removed, its name says so.
            let _ = fs::remove_file(&self.path);
        }
    }
}
