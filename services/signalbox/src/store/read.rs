//! Lines of an export, read: nothing is believed before the last one.

use std::io::{self, BufRead, Read as _};

use chassis::Position;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::format::{Blob, Counts, Damaged, End, Line, Message, VERSION};

/// The longest line: an entry or a message is far below.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Why a file is no export that can be restored.
#[derive(Debug, Error)]
pub enum BadArchive {
    /// It cannot be read.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// A line is none of the format's.
    #[error("line {line} is not of an export: {reason}")]
    Line {
        /// From 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// Another version.
    #[error("it has version {0} of the format, this program reads version {VERSION}: use a newer program")]
    Version(u64),
    /// It ends too early.
    #[error("it ends after line {0} without its last line: it is cut off")]
    CutOff(u64),
    /// There is something after the end.
    #[error("there is something behind its last line, {0}")]
    BehindTheEnd(u64),
    /// The checksum is wrong.
    #[error("its checksum is wrong: it is damaged somewhere between line 1 and line {0}")]
    Sum(u64),
    /// The counts are wrong.
    #[error("it should have {said}, and has {found}")]
    Counts {
        /// By its last line.
        said: String,
        /// Counted.
        found: String,
    },
}

/// What a whole file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    pub counts: Counts,
    pub sha256: String,
    /// Where the damaged messages stood; the first few.
    pub damaged: Vec<Position>,
}

/// How many places of damaged messages are named.
const NAMED: usize = 10;

/// Reads lines.
pub struct Reader<R> {
    from: R,
    number: u64,
    sum: Sha256,
    counts: Counts,
    /// The kind of the last line, the position of the last message, and the last part of a large body.
    stage: u8,
    position: Position,
    part: Option<Blob>,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    pub fn of(from: R) -> Self {
        Self {
            from,
            number: 0,
            sum: Sha256::new(),
            counts: Counts::default(),
            stage: 0,
            position: Position(0),
            part: None,
            ended: false,
        }
    }

    /// The next line; `None` behind the last one, which was found to be right.
    pub fn next(&mut self) -> Result<Option<Line>, BadArchive> {
        let mut text = Vec::new();
        let read = self.from.by_ref().take(LONGEST).read_until(b'\n', &mut text)?;
        self.number += 1;
        match (read, self.ended) {
            (0, true) => return Ok(None),
            (0, false) => return Err(BadArchive::CutOff(self.number - 1)),
            (_, true) => return Err(BadArchive::BehindTheEnd(self.number)),
            (_, false) => {}
        }
        if text.last() != Some(&b'\n') {
            return Err(if read as u64 == LONGEST {
                self.wrong("it is too long")
            } else {
                BadArchive::CutOff(self.number)
            });
        }
        let line = self.parse(&text)?;
        self.follows(&line)?;
        if let Line::End(end) = &line {
            self.check(end)?;
            self.ended = true;
        } else {
            self.sum.update(&text);
            self.counts.add(&line);
        }
        Ok(Some(line))
    }

    fn wrong(&self, reason: impl Into<String>) -> BadArchive {
        BadArchive::Line { line: self.number, reason: reason.into() }
    }

    fn parse(&self, text: &[u8]) -> Result<Line, BadArchive> {
        // Before anything else of a newer format is read.
        if self.number == 1 {
            let version = serde_json::from_slice::<serde_json::Value>(text)
                .ok()
                .and_then(|value| value.get("archive")?.get("version")?.as_u64());
            match version {
                Some(version) if version == u64::from(VERSION) => {}
                Some(version) => return Err(BadArchive::Version(version)),
                None => return Err(self.wrong("the first line should be {\"archive\":{\"version\":…}}")),
            }
        }
        serde_json::from_slice(text).map_err(|error| self.wrong(error.to_string()))
    }

    /// Whether the line may stand here.
    fn follows(&mut self, line: &Line) -> Result<(), BadArchive> {
        let stage = match line {
            Line::Archive(_) => 0,
            Line::Blob(_) => 1,
            Line::Message(_) | Line::Damaged(_) => 2,
            Line::Id(_) => 3,
            Line::State(_) => 4,
            Line::Cursor(_) => 5,
            Line::End(_) => 6,
        };
        if stage < self.stage || (stage == 0) != (self.number == 1) {
            return Err(self.wrong("it stands in the wrong place"));
        }
        self.stage = stage;
        match line {
            Line::Blob(blob) => self.next_part(blob)?,
            Line::Message(Message { position, .. }) | Line::Damaged(Damaged { position, .. }) => {
                if *position <= self.position {
                    return Err(self.wrong("its position does not grow"));
                }
                self.position = *position;
            }
            Line::Archive(_) | Line::Id(_) | Line::State(_) | Line::Cursor(_) | Line::End(_) => {}
        }
        match &self.part {
            Some(part) if part.part < part.of && stage > 1 => Err(self.wrong("a large body is not whole")),
            _ => Ok(()),
        }
    }

    /// The parts of one large body stand behind each other.
    fn next_part(&mut self, blob: &Blob) -> Result<(), BadArchive> {
        let expected = match &self.part {
            Some(part) if part.part < part.of => (part.name.clone(), part.part + 1, part.of),
            _ => (blob.name.clone(), 1, blob.of.max(1)),
        };
        if (blob.name.clone(), blob.part, blob.of) != expected {
            return Err(self.wrong("it is not the next part of a large body"));
        }
        self.part = Some(Blob { bytes: super::format::Bytes(Vec::new()), ..blob.clone() });
        Ok(())
    }

    fn check(&self, End { counts, sha256 }: &End) -> Result<(), BadArchive> {
        if *sha256 != hex::encode(self.sum.clone().finalize()) {
            return Err(BadArchive::Sum(self.number - 1));
        }
        if *counts != self.counts {
            return Err(BadArchive::Counts { said: counts.text(), found: self.counts.text() });
        }
        Ok(())
    }
}

/// Reads a file to its end.
pub fn inspect(from: impl BufRead) -> Result<Contents, BadArchive> {
    let mut reader = Reader::of(from);
    let mut damaged = Vec::new();
    let mut end = None;
    while let Some(line) = reader.next()? {
        match line {
            Line::Damaged(Damaged { position, .. }) if damaged.len() < NAMED => damaged.push(position),
            Line::End(found) => end = Some(found),
            _ => {}
        }
    }
    let End { counts, sha256 } = end.ok_or(BadArchive::CutOff(0))?;
    Ok(Contents { counts, sha256, damaged })
}

#[cfg(test)]
mod tests;
