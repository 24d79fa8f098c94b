//! A piece of the index of ids: those of [`POSITIONS`] places of the log, sorted, as one entry of the index's bucket.
//!
//! On the wire: the version, the place up to which the log is covered (8 bytes, little endian), then for each id its 16
//! bytes and its place (8 bytes, little endian).

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest, Sha256};

/// Places of the log in one chunk. 98 kB when full: small enough to be written anew as it grows.
pub const POSITIONS: u64 = 4096;

const VERSION: u8 = 1;
const HEAD: usize = 1 + 8;
const ENTRY: usize = 16 + 8;

/// What identifies an event or a redelivery: 16 bytes of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id([u8; 16]);

impl Id {
    /// From the hex of 16 bytes; any other text is hashed.
    pub fn of_text(text: &str) -> Self {
        let mut bytes = [0; 16];
        if text.len() != 32 || hex::decode_to_slice(text, &mut bytes).is_err() {
            bytes.copy_from_slice(&Sha256::digest(text)[..16]);
        }
        Self(bytes)
    }

    /// As hex.
    pub fn hex(self) -> String {
        hex::encode(self.0)
    }

    /// Two independent hashes.
    pub fn halves(&self) -> (u64, u64) {
        let number = u128::from_le_bytes(self.0);
        let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or(u64::MAX);
        (half(number), half(number >> 64))
    }
}

/// The ids of some places of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The log is covered up to this place.
    pub to: u64,
    /// The ids with their places, sorted by id. One that stands twice in the log has its first place.
    ids: Vec<(Id, u64)>,
}

impl Chunk {
    /// The ids with their places, sorted by id.
    pub fn ids(&self) -> &[(Id, u64)] {
        &self.ids
    }

    /// Where the id stands.
    pub fn find(&self, id: &Id) -> Option<u64> {
        self.ids.binary_search_by_key(id, |(known, _)| *known).ok().map(|at| self.ids[at].1)
    }

    /// Takes ids in and covers the log up to `to`.
    pub fn extend(&mut self, ids: impl IntoIterator<Item = (Id, u64)>, to: u64) {
        self.ids.extend(ids);
        self.ids.sort_unstable();
        self.ids.dedup_by_key(|(id, _)| *id);
        self.to = self.to.max(to);
    }

    /// Forgets what stands after `last`.
    pub fn cut(&mut self, last: u64) {
        self.ids.retain(|(_, position)| *position <= last);
        self.to = self.to.min(last);
    }

    /// As it is kept.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + self.ids.len() * ENTRY);
        bytes.push(VERSION);
        bytes.extend(self.to.to_le_bytes());
        for (Id(id), position) in &self.ids {
            bytes.extend(id);
            bytes.extend(position.to_le_bytes());
        }
        bytes
    }

    /// What was kept.
    pub fn decode(bytes: &[u8]) -> anyhow::Result<Self> {
        let (&version, rest) = bytes.split_first().context("it is empty")?;
        if version != VERSION {
            bail!("it has version {version}, this program reads version {VERSION}");
        }
        let (to, entries) = rest.split_first_chunk().context("it is cut off")?;
        let entries = entries.as_chunks::<ENTRY>();
        ensure!(entries.1.is_empty(), "it is cut off");
        let ids = entries.0.iter().map(|entry| {
            let (id, position) = entry.split_at(16);
            let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            let mut bytes = [0; 16];
            bytes.copy_from_slice(id);
            (Id(bytes), number(position))
        });
        let ids: Vec<_> = ids.collect();
        ensure!(ids.is_sorted_by(|a, b| a.0 < b.0), "its ids are not sorted");
        Ok(Self { to: u64::from_le_bytes(*to), ids })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk() -> Chunk {
        let mut chunk = Chunk::default();
        chunk.extend((1..100).map(|at| (Id::of_text(&at.to_string()), at)), 120);
        chunk
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        for chunk in [Chunk::default(), chunk()] {
            assert_eq!(Chunk::decode(&chunk.encode()).unwrap(), chunk);
        }
    }

    #[test]
    fn an_id_is_found_at_its_first_place() {
        let mut chunk = chunk();
        chunk.extend([(Id::of_text("7"), 150), (Id::of_text("x"), 151)], 151);
        assert_eq!(chunk.find(&Id::of_text("7")), Some(7));
        assert_eq!(chunk.find(&Id::of_text("x")), Some(151));
        assert_eq!(chunk.find(&Id::of_text("y")), None);
        assert_eq!(chunk.to, 151);
    }

    #[test]
    fn a_cut_forgets_what_stands_behind_it() {
        let mut chunk = chunk();
        chunk.cut(50);
        assert_eq!(
            (chunk.to, chunk.find(&Id::of_text("50")), chunk.find(&Id::of_text("51"))),
            (50, Some(50), None)
        );
    }

    #[test]
    fn an_id_in_hex_is_its_bytes_and_any_other_text_is_hashed() {
        let hex = "00112233445566778899aabbccddeeff";
        assert_eq!(Id::of_text(hex).hex(), hex);
        assert_ne!(Id::of_text("redrive/1"), Id::of_text("redrive/2"));
    }

    #[test]
    fn a_damaged_chunk_is_an_error() {
        let whole = chunk().encode();
        let newer = [&[2], &whole[1..]].concat();
        let unsorted = [&whole[..HEAD], &whole[HEAD + ENTRY..], &whole[HEAD..HEAD + ENTRY]].concat();
        for damaged in [&[][..], &whole[..5], &whole[..whole.len() - 1], &newer, &unsorted] {
            assert!(Chunk::decode(damaged).is_err(), "{damaged:?}");
        }
    }
}
