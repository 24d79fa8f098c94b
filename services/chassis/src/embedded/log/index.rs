//! The index of a file of the log that is closed: where its records are and what they are known by. It lies beside the
//! file and can be made anew from it.
//!
//! `magic: 16 bytes | head | filter | crc32 of head and filter | table | its crc32 | ids, sorted | their crc32`,
//! all numbers little-endian. A start reads head and filter; the rest is read when somebody asks.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::entry::Id;
use super::filter::Filter;
use super::table::{Entry, Table};

const MAGIC: &[u8; 16] = b"SIGNALBOX IDX 2\n";
const HEAD_BYTES: usize = 7 * 8;
const ENTRY_BYTES: usize = 24;
const ID_BYTES: usize = 24;

/// What is kept in memory of a closed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The first place.
    pub first: u64,
    /// The last place.
    pub last: u64,
    /// When its oldest record was taken, in milliseconds since 1970.
    pub oldest: i64,
    /// When its newest record was taken.
    pub newest: i64,
    /// How many records it has.
    pub entries: u64,
    /// How many ids it has.
    pub ids: u64,
    /// Where its last record ends.
    pub end: u64,
}

impl Summary {
    /// The summary of a table; `None` of an empty one.
    pub fn of(table: &Table, ids: usize) -> Option<Self> {
        let (oldest, newest) = table.times()?;
        Some(Self {
            first: table.entries.first()?.position,
            last: table.last()?,
            oldest,
            newest,
            entries: table.entries.len() as u64,
            ids: ids as u64,
            end: table.end,
        })
    }

    fn numbers(&self) -> [u64; 7] {
        let Self { first, last, oldest, newest, entries, ids, end } = *self;
        [first, last, oldest.cast_unsigned(), newest.cast_unsigned(), entries, ids, end]
    }

    fn from_numbers(numbers: [u64; 7]) -> Self {
        let [first, last, oldest, newest, entries, ids, end] = numbers;
        Self { first, last, oldest: oldest.cast_signed(), newest: newest.cast_signed(), entries, ids, end }
    }
}

/// Writes an index, durably: whole or not at all.
pub fn write(
    path: &Path,
    summary: &Summary,
    filter: &Filter,
    table: &Table,
    ids: &[(Id, u64)],
) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut head: Vec<u8> = summary.numbers().iter().flat_map(|number| number.to_le_bytes()).collect();
    head.extend_from_slice(filter.bytes());
    let entries: Vec<u8> = table
        .entries
        .iter()
        .flat_map(|entry| [entry.position, entry.offset, entry.recorded.cast_unsigned()])
        .flat_map(u64::to_le_bytes)
        .collect();
    let ids: Vec<u8> =
        ids.iter().flat_map(|(id, position)| id.iter().copied().chain(position.to_le_bytes())).collect();
    let mut file = File::create(&part)?;
    file.write_all(MAGIC)?;
    for section in [head, entries, ids] {
        file.write_all(&section)?;
        file.write_all(&crc32fast::hash(&section).to_le_bytes())?;
    }
    file.sync_all()?;
    fs::rename(&part, path)
}

/// Reads what is kept in memory.
pub fn summary(path: &Path) -> anyhow::Result<(Summary, Filter)> {
    let mut file = File::open(path)?;
    let mut head = [0; MAGIC.len() + HEAD_BYTES];
    file.read_exact(&mut head).context("the index is too short")?;
    ensure!(head.starts_with(MAGIC), "this is no index of version 2");
    let numbers = head[MAGIC.len()..].chunks_exact(8).map(|bytes| u64::from_le_bytes(eight(bytes)));
    let numbers: Vec<u64> = numbers.collect();
    let summary =
        Summary::from_numbers(numbers.try_into().expect("the head has seven numbers: it was read whole"));
    // Before memory is taken for it: a damaged number must not ask for terabytes.
    let filter_bytes =
        Filter::bytes_for(summary.ids).filter(|bytes| file.metadata().is_ok_and(|of| *bytes < of.len()));
    let filter_bytes =
        filter_bytes.and_then(|bytes| usize::try_from(bytes).ok()).context("the index is damaged")?;
    let mut filter = vec![0; filter_bytes + 4];
    file.read_exact(&mut filter).context("the index is too short")?;
    let crc = filter.split_off(filter_bytes);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&head[MAGIC.len()..]);
    hasher.update(&filter);
    ensure!(hasher.finalize().to_le_bytes() == crc[..], "the index is damaged");
    Ok((summary, Filter::from_bytes(filter)))
}

/// Reads where the records are.
pub fn table(path: &Path, summary: &Summary) -> anyhow::Result<Table> {
    let bytes = section(path, table_offset(summary), summary.entries, ENTRY_BYTES)?;
    let entries = bytes.chunks_exact(ENTRY_BYTES).map(|bytes| Entry {
        position: u64::from_le_bytes(eight(&bytes[..8])),
        offset: u64::from_le_bytes(eight(&bytes[8..16])),
        recorded: i64::from_le_bytes(eight(&bytes[16..])),
    });
    Ok(Table { entries: entries.collect(), end: summary.end })
}

/// Reads the ids, sorted.
pub fn ids(path: &Path, summary: &Summary) -> anyhow::Result<Vec<(Id, u64)>> {
    let after = table_offset(summary) + summary.entries * ENTRY_BYTES as u64 + 4;
    let bytes = section(path, after, summary.ids, ID_BYTES)?;
    let pairs = bytes.chunks_exact(ID_BYTES).map(|bytes| {
        let (id, position) = bytes.split_at(16);
        (id.try_into().expect("sixteen bytes were split off"), u64::from_le_bytes(eight(position)))
    });
    Ok(pairs.collect())
}

fn table_offset(summary: &Summary) -> u64 {
    let filter = Filter::bytes_for(summary.ids).unwrap_or(0);
    (MAGIC.len() + HEAD_BYTES) as u64 + filter + 4
}

fn section(path: &Path, offset: u64, count: u64, each: usize) -> anyhow::Result<Vec<u8>> {
    let file = File::open(path)?;
    let bytes = usize::try_from(count)? * each;
    let mut section = vec![0; bytes + 4];
    file.read_exact_at(&mut section, offset).context("the index is too short")?;
    let crc = section.split_off(bytes);
    ensure!(crc32fast::hash(&section).to_le_bytes() == crc[..], "the index is damaged");
    Ok(section)
}

fn eight(bytes: &[u8]) -> [u8; 8] {
    bytes.try_into().expect("eight bytes were cut out")
}
