//! The key space of the state: one sled tree. It is part of format 2 of the folder ([`super::folder`]).
//!
//! | key | value |
//! |---|---|
//! | `m/rev` | the last revision given to a state entry, u64 big-endian |
//! | `m/batch` | the number of the last batch, u64 big-endian: [`super::state`] compares it with its mark |
//! | `m/probe` | nothing: the readiness check writes it |
//! | `d/<16 bytes>` | an id whose event is not in the log any more: its position, and when it was seen |
//! | `c/<consumer>\0f` | all positions up to this one are settled |
//! | `c/<consumer>\0a<position>` | settled from there up to the position in the value, above the floor |
//! | `c/<consumer>\0n<position>` | given back: the earliest time of its next delivery, in milliseconds since 1970, i64 big-endian |
//! | `c/<consumer>\0o` | when a process had it open last, in milliseconds since 1970, i64 big-endian |
//! | `k/<bucket>/<key>` | a state entry, framed |
//!
//! Positions are u64 big-endian, so that the order of keys is the order of the log.

use super::log::entry::Id;
use crate::store::Bucket;

/// Where the last revision is.
pub const REVISION_KEY: &[u8] = b"m/rev";
/// Where the number of the last batch is.
pub const BATCH_KEY: &[u8] = b"m/batch";
/// What the readiness check writes.
pub const PROBE_KEY: &[u8] = b"m/probe";
/// Prefix of the ids whose events are gone.
pub const IDS: &[u8] = b"d/";
/// Prefix of the consumers.
pub const CONSUMERS: &[u8] = b"c/";
/// Prefix of the state entries.
pub const STATE: &[u8] = b"k/";

/// What a key of a consumer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its floor.
    Floor,
    /// A stretch that is settled.
    Settled,
    /// A position that was given back.
    Returned,
    /// When it was open last.
    Opened,
}

impl Part {
    fn letter(self) -> u8 {
        match self {
            Self::Floor => b'f',
            Self::Settled => b'a',
            Self::Returned => b'n',
            Self::Opened => b'o',
        }
    }
}

/// Key of an id whose event is gone.
pub fn id(id: &Id) -> Vec<u8> {
    [IDS, id].concat()
}

/// The value of an id whose event is gone.
pub fn id_value(position: u64, seen: i64) -> Vec<u8> {
    [position.to_be_bytes(), seen.to_be_bytes()].concat()
}

/// The id in a key, and the position and the time in its value.
pub fn known_id(key: &[u8], value: &[u8]) -> Option<(Id, u64, i64)> {
    let (position, seen) = value.split_first_chunk::<8>()?;
    let seen = i64::from_be_bytes(seen.try_into().ok()?);
    Some((key.strip_prefix(IDS)?.try_into().ok()?, u64::from_be_bytes(*position), seen))
}

/// Key of a state entry.
pub fn state(bucket: Bucket, key: &str) -> Vec<u8> {
    [STATE, bucket.name().as_bytes(), b"/", key.as_bytes()].concat()
}

/// Prefix of a part of a consumer.
pub fn consumer(name: &str, part: Part) -> Vec<u8> {
    [CONSUMERS, name.as_bytes(), b"\0", &[part.letter()]].concat()
}

/// The consumer of whose floor or opening this is the key.
pub fn consumer_of(key: &[u8], part: Part) -> Option<String> {
    let name = key.strip_prefix(CONSUMERS)?.strip_suffix(&[0, part.letter()])?;
    String::from_utf8(name.to_vec()).ok()
}

/// Key of a consumer's floor.
pub fn floor(name: &str) -> Vec<u8> {
    consumer(name, Part::Floor)
}

/// Key of when a consumer was open last.
pub fn opened(name: &str) -> Vec<u8> {
    consumer(name, Part::Opened)
}

/// Key of a stretch that is settled.
pub fn settled(name: &str, from: u64) -> Vec<u8> {
    [&consumer(name, Part::Settled)[..], &from.to_be_bytes()].concat()
}

/// Key of a position that was given back.
pub fn returned(name: &str, position: u64) -> Vec<u8> {
    [&consumer(name, Part::Returned)[..], &position.to_be_bytes()].concat()
}

/// The highest position of which a key of a consumer says that it was seen.
pub fn passed(key: &[u8], value: &[u8]) -> Option<u64> {
    if consumer_of(key, Part::Opened).is_some() {
        return None;
    }
    if consumer_of(key, Part::Floor).is_some() {
        return number(value);
    }
    // A stretch that is settled, or a position that waits: `c/<consumer>\0<letter><position>`.
    let position = number(key)?;
    let part = *key.get(key.len().checked_sub(9)?)?;
    if part == Part::Settled.letter() { Some(number(value).unwrap_or(position)) } else { Some(position) }
}

/// The u64 at the end of a key or in a value.
pub fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.last_chunk::<8>().copied()?))
}
