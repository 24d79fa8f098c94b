//! Lines of an export, written: counted and summed.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use super::format::{Counts, End, Line};

/// Writes lines.
pub struct Lines<W> {
    to: W,
    counts: Counts,
    sum: Sha256,
}

impl<W: Write> Lines<W> {
    pub fn to(to: W) -> Self {
        Self { to, counts: Counts::default(), sum: Sha256::new() }
    }

    pub fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.counts.add(line);
        self.sum.update(&text);
        self.to.write_all(&text)
    }

    /// Writes the last line; returns what was counted.
    pub fn end(mut self) -> io::Result<(W, Counts)> {
        let end = End { counts: self.counts, sha256: hex::encode(self.sum.clone().finalize()) };
        self.write(&Line::End(end))?;
        self.to.flush()?;
        Ok((self.to, self.counts))
    }
}
