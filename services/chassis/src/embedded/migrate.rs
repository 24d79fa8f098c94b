//! Format 1 to format 2. In format 1 one sled database, `log/`, had everything in one tree, and grew for ever.
//!
//! The new log and state are built beside it, synced, put in place, and only then is the folder said to have format 2. A
//! crash before that begins anew; the old database is only read. It stays as `format-1/` for a month. The counts of
//! attempts at events that had failed are not taken over: they begin anew.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};

use super::bus::id_of_token;
use super::folder::Folder;
use super::log::entry::Id;
use super::log::{Log, New, sync_dir};
use super::options::Options;
use super::{database, keys, record};
use crate::engine::OpenError;

/// How many records are written at once.
const AT_ONCE: usize = 1_000;
const LOG: &[u8] = b"l/";
const IDS: &[u8] = b"d/";
const FORMAT_KEY: &[u8] = b"m/format";

/// Migrates the folder.
pub fn from_format_1(folder: &Folder, now: DateTime<Utc>) -> Result<(), OpenError> {
    let failed = |source: anyhow::Error| OpenError::Embedded { dir: folder.path().to_owned(), source };
    let old = match database::open(&folder.old()) {
        // A program for format 1 knows no lock but sled's.
        Err(error) if database::is_locked(&error) => return Err(OpenError::Locked(folder.path().to_owned())),
        opened => opened.context("cannot open the database of format 1").map_err(failed)?,
    };
    migrate(folder, &old, now).map_err(failed)
}

fn migrate(folder: &Folder, old: &sled::Db, now: DateTime<Utc>) -> anyhow::Result<()> {
    check_format(old)?;
    tracing::info!(folder = %folder.path().display(), "migrating the embedded bus from format 1 to format 2");
    let building = folder.path().join("migrating");
    for left in [&building, &folder.events(), &folder.state()] {
        if left.exists() {
            fs::remove_dir_all(left).context("cannot remove what an interrupted migration left")?;
        }
    }
    let (events, state) = (building.join("events"), building.join("state"));
    let written = copy_log(old, &events).context("cannot write the log")?;
    copy_state(old, &state, now).context("cannot write the state")?;
    let found = old.scan_prefix(LOG).count();
    ensure!(written == found, "{written} of {found} events were written: nothing was changed");
    fs::rename(&events, folder.events())?;
    fs::rename(&state, folder.state())?;
    fs::remove_dir(&building)?;
    sync_dir(folder.path())?;
    folder.mark().context("cannot say that the folder has format 2")?;
    tracing::info!(
        events = written,
        "the embedded bus has format 2 now; the old one is kept as format-1 for a month"
    );
    Ok(())
}

fn check_format(old: &sled::Db) -> anyhow::Result<()> {
    let found = old.get(FORMAT_KEY)?;
    let version = found.as_deref().map_or_else(|| "1".into(), String::from_utf8_lossy);
    ensure!(
        version == "1",
        "the folder has format version {version}, this program reads versions 1 and {}: use the program that wrote it",
        super::folder::FORMAT
    );
    Ok(())
}

fn copy_log(old: &sled::Db, to: &Path) -> anyhow::Result<usize> {
    let mut ids: HashMap<u64, Id> = HashMap::new();
    for item in old.scan_prefix(IDS) {
        let (key, value) = item?;
        let name = String::from_utf8_lossy(&key[IDS.len()..]).into_owned();
        let id = if let Some(token) = name.strip_prefix("redrive/") {
            id_of_token(token)
        } else {
            let mut id = Id::default();
            hex::decode_to_slice(&name, &mut id).with_context(|| format!("`{name}` is not an id"))?;
            id
        };
        ids.extend(keys::number(&value).map(|position| (position, id)));
    }
    let log = Arc::new(Log::open(to)?);
    let mut writing = log.writing();
    let (mut records, mut written) = (Vec::with_capacity(AT_ONCE), 0);
    for item in old.scan_prefix(LOG) {
        let (key, framed) = item?;
        let position = keys::number(&key).context("an event has no position")?;
        let time = record::time(&framed);
        records.push(New {
            position,
            // An event that nobody can know by an id: no other has this one.
            id: ids.get(&position).copied().unwrap_or_default(),
            recorded: time.clone().unwrap_or(0),
            damaged: time.is_err() || !ids.contains_key(&position),
            framed: framed.to_vec(),
        });
        written += 1;
        if records.len() == AT_ONCE {
            writing.append(std::mem::take(&mut records))?;
            if writing.active().1 > Options::default().generation_bytes {
                writing.rotate()?;
            }
        }
    }
    writing.append(records)?;
    Ok(written)
}

fn copy_state(old: &sled::Db, to: &Path, now: DateTime<Utc>) -> anyhow::Result<()> {
    let new = database::open(to)?;
    let mut batch = sled::Batch::default();
    for prefix in [keys::STATE, keys::CONSUMERS] {
        for (count, item) in old.scan_prefix(prefix).enumerate() {
            let (key, value) = item?;
            if let Some(name) = keys::consumer_of(&key, keys::Part::Floor) {
                // Each gets the full time in which its events are kept for it.
                batch.insert(keys::opened(&name), now.timestamp_millis().to_be_bytes().to_vec());
            }
            batch.insert(key, value);
            if count % AT_ONCE == AT_ONCE - 1 {
                new.apply_batch(std::mem::take(&mut batch))?;
            }
        }
    }
    if let Some(revision) = old.get(keys::REVISION_KEY)? {
        batch.insert(keys::REVISION_KEY, revision);
    }
    new.apply_batch(batch)?;
    new.flush()?;
    database::sync(to, &fs::File::open(database::file(to))?)?;
    sync_dir(to)?;
    Ok(())
}
