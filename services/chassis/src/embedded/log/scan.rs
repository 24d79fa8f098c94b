//! Finding the records of a file by reading it: after a crash, and when its index is lost.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::entry::{HEAD_BYTES, Head, Id, MAGIC};
use super::table::{Entry, Table};
use crate::embedded::record;

/// How much is read at once.
const CHUNK: usize = 1024 * 1024;
/// A head that was found after damage may be this many places further than the one before: more is taken for chance.
const FARTHEST: u64 = 10_000_000;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The records; a stretch of damaged bytes that lost its head stands for the first place that is missing.
    pub table: Table,
    /// The ids of the records that can be read. (An id whose event is gone is no duplicate.)
    pub ids: Vec<(Id, u64)>,
    /// What is damaged, one line each.
    pub damage: Vec<String>,
    /// How many bytes after the last record are no record: what a crash left of a write that nobody was told of.
    pub torn: u64,
}

/// Reads the file; `first` is the place of which its name speaks.
pub fn scan(file: &File, first: u64) -> io::Result<Scanned> {
    let mut window = Window { file, start: 0, bytes: Vec::new() };
    let size = file.metadata()?.len();
    let mut found = Scanned::default();
    let (mut at, mut next) = (MAGIC.len() as u64, first);
    if window.bytes(0, MAGIC.len())? != MAGIC {
        found.damage.push("the beginning of the file is not what it should be".to_owned());
    }
    found.table.end = at.min(size);
    let mut recorded = 0;
    while at < size {
        let Some(head) = window.head(at, size, next)? else {
            let Some((resumed, head)) = window.resync(at + 1, size, next)? else {
                found.torn = size - at;
                break;
            };
            let bytes = resumed - at;
            if head.position > next {
                let last = head.position - 1;
                found.damage.push(format!("events {next} to {last}: {bytes} bytes are damaged"));
                found.table.entries.push(Entry { position: next, offset: at, recorded });
            } else {
                found.damage.push(format!("{bytes} bytes before event {next} are no record"));
            }
            (at, next) = (resumed, head.position);
            continue;
        };
        let body = window.bytes(at + HEAD_BYTES as u64, head.body as usize)?;
        match record::time(body) {
            Ok(time) => {
                recorded = time;
                found.ids.push((head.id, head.position));
            }
            Err(reason) => found.damage.push(format!("event {}: {reason}", head.position)),
        }
        found.table.entries.push(Entry { position: head.position, offset: at, recorded });
        at += head.record_bytes();
        next = head.position + 1;
        found.table.end = at;
    }
    Ok(found)
}

/// A piece of the file in memory.
struct Window<'a> {
    file: &'a File,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// The bytes from there on, as many as asked for, or up to the end of the file.
    fn bytes(&mut self, at: u64, count: usize) -> io::Result<&[u8]> {
        let end = self.start + self.bytes.len() as u64;
        if at < self.start || at + count as u64 > end {
            self.start = at;
            self.bytes.resize(count.max(CHUNK), 0);
            let mut read = 0;
            while read < self.bytes.len() {
                match self.file.read_at(&mut self.bytes[read..], at + read as u64) {
                    Ok(0) => break,
                    Ok(more) => read += more,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.bytes.truncate(read);
        }
        let from = usize::try_from(at - self.start).unwrap_or(usize::MAX).min(self.bytes.len());
        let to = from.saturating_add(count).min(self.bytes.len());
        Ok(&self.bytes[from..to])
    }

    /// The head there, if it is one that can follow and whose record is there whole.
    fn head(&mut self, at: u64, size: u64, next: u64) -> io::Result<Option<Head>> {
        let head = Head::decode(self.bytes(at, HEAD_BYTES)?);
        Ok(head.filter(|head| head.position >= next && at + head.record_bytes() <= size))
    }

    /// The next head at or after that place.
    fn resync(&mut self, from: u64, size: u64, next: u64) -> io::Result<Option<(u64, Head)>> {
        let mut at = from;
        while at + HEAD_BYTES as u64 <= size {
            let bytes = self.bytes(at, CHUNK)?;
            let plausible = bytes.windows(HEAD_BYTES).position(|bytes| {
                let position = bytes[8..16].try_into().map_or(0, u64::from_le_bytes);
                // Two comparisons, before a checksum of every byte of the file.
                (next..next + FARTHEST).contains(&position) && Head::decode(bytes).is_some()
            });
            let passed = bytes.len() - (HEAD_BYTES - 1).min(bytes.len() - 1);
            match plausible {
                Some(offset) => {
                    at += offset as u64;
                    if let Some(head) = self.head(at, size, next)? {
                        return Ok(Some((at, head)));
                    }
                    at += 1;
                }
                None => at += passed as u64,
            }
        }
        Ok(None)
    }
}
