//! The key space of the one tree. Format version 1; `m/format` holds it.
//!
//! | key | value |
//! |---|---|
//! | `m/format` | the version of this table |
//! | `m/last` | the last position given to an event, u64 big-endian |
//! | `m/rev` | the last revision given to a state entry, u64 big-endian |
//! | `l/<position>` | an event ([`super::record`]), framed |
//! | `d/<hash>` | position of the event with that source and id |
//! | `c/<consumer>\0f` | all positions up to this one are settled |
//! | `c/<consumer>\0a<position>` | settled, above the floor |
//! | `c/<consumer>\0n<position>` | attempts and the earliest time of the next one |
//! | `k/<bucket>/<key>` | a state entry, framed |
//!
//! Positions are u64 big-endian, so that the order of keys is the order of the log.

use crate::store::Bucket;

/// Version of the key space.
pub const FORMAT: &[u8] = b"1";
/// Where the version is.
pub const FORMAT_KEY: &[u8] = b"m/format";
/// Where the last revision is.
pub const REVISION_KEY: &[u8] = b"m/rev";
/// Where the last position is.
pub const LAST_KEY: &[u8] = b"m/last";
/// What the readiness check writes.
pub const PROBE_KEY: &[u8] = b"m/probe";
/// Prefix of the log.
pub const LOG: &[u8] = b"l/";

/// Key of an event.
pub fn log(position: u64) -> Vec<u8> {
    [LOG, &position.to_be_bytes()].concat()
}

/// Position in a key of the log.
pub fn log_position(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.strip_prefix(LOG)?.try_into().ok()?))
}

/// Key of a dedup entry.
pub fn dedup(hash: &str) -> Vec<u8> {
    [b"d/", hash.as_bytes()].concat()
}

/// Key of a state entry.
pub fn state(bucket: Bucket, key: &str) -> Vec<u8> {
    [b"k/", bucket.name().as_bytes(), b"/", key.as_bytes()].concat()
}

/// Key of a consumer's floor.
pub fn floor(consumer: &str) -> Vec<u8> {
    [b"c/", consumer.as_bytes(), b"\0f"].concat()
}

/// Prefix of what a consumer has settled above its floor.
pub fn acked_prefix(consumer: &str) -> Vec<u8> {
    [b"c/", consumer.as_bytes(), b"\0a"].concat()
}

/// Key of one settled position.
pub fn acked(consumer: &str, position: u64) -> Vec<u8> {
    [&acked_prefix(consumer)[..], &position.to_be_bytes()].concat()
}

/// Prefix of a consumer's positions that wait for another attempt.
pub fn retry_prefix(consumer: &str) -> Vec<u8> {
    [b"c/", consumer.as_bytes(), b"\0n"].concat()
}

/// Key of one position that waits for another attempt.
pub fn retry(consumer: &str, position: u64) -> Vec<u8> {
    [&retry_prefix(consumer)[..], &position.to_be_bytes()].concat()
}

/// The u64 at the end of a key or in a value.
pub fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.last_chunk::<8>().copied()?))
}
