//! Where the records of one file of the log are.

use std::ops::Range;

/// Where one record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the log.
    pub position: u64,
    /// Where it begins in the file.
    pub offset: u64,
    /// When the bus took it, in milliseconds since 1970.
    pub recorded: i64,
}

/// Where the records are, in their order; each reaches to the beginning of the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The records.
    pub entries: Vec<Entry>,
    /// Where the last one ends.
    pub end: u64,
}

impl Table {
    /// The first record at or after that place, and its bytes in the file.
    pub fn find(&self, from: u64) -> Option<(Entry, Range<u64>)> {
        // Places rarely have gaps: the guess is nearly always right.
        let guess =
            self.entries.first().and_then(|first| usize::try_from(from.checked_sub(first.position)?).ok());
        let at = guess
            .filter(|&at| self.entries.get(at).is_some_and(|entry| entry.position == from))
            .unwrap_or_else(|| self.entries.partition_point(|entry| entry.position < from));
        let entry = *self.entries.get(at)?;
        Some((entry, entry.offset..self.entries.get(at + 1).map_or(self.end, |next| next.offset)))
    }

    /// The last place.
    pub fn last(&self) -> Option<u64> {
        self.entries.last().map(|entry| entry.position)
    }

    /// The first place that was recorded at or after that time.
    pub fn seek(&self, millis: i64) -> Option<u64> {
        self.entries.iter().find(|entry| entry.recorded >= millis).map(|entry| entry.position)
    }

    /// The times of the oldest and the newest record.
    pub fn times(&self) -> Option<(i64, i64)> {
        let times = || self.entries.iter().map(|entry| entry.recorded);
        times().min().zip(times().max())
    }
}
