//! The frame around every record on disk: a version and a checksum, so that a broken record is noticed and an old one
//! can be told from a new one.
//!
//! `version: u8 = 1 | crc32 of the body: u32 little-endian | body`

use thiserror::Error;

/// The version that is written.
pub const VERSION: u8 = 1;
const HEADER_BYTES: usize = 5;

/// Why a record cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BrokenFrame {
    /// Shorter than its header.
    #[error("the record has {0} bytes, which is less than its header")]
    Short(usize),
    /// Written by another version of Signalbox.
    #[error("the record has format version {0}; this program reads version {VERSION}")]
    Version(u8),
    /// The bytes are not those that were written.
    #[error("the record's checksum does not fit its bytes: the disk or the file is damaged")]
    Checksum,
}

/// Puts the frame around a body.
pub fn wrap(body: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(HEADER_BYTES + body.len());
    framed.push(VERSION);
    framed.extend_from_slice(&crc32fast::hash(body).to_le_bytes());
    framed.extend_from_slice(body);
    framed
}

/// Takes the frame off, after checking it.
pub fn unwrap(framed: &[u8]) -> Result<&[u8], BrokenFrame> {
    let Some((header, body)) = framed.split_at_checked(HEADER_BYTES) else {
        return Err(BrokenFrame::Short(framed.len()));
    };
    let [version, crc @ ..] = header else {
        return Err(BrokenFrame::Short(framed.len()));
    };
    if *version != VERSION {
        return Err(BrokenFrame::Version(*version));
    }
    if crc != crc32fast::hash(body).to_le_bytes() {
        return Err(BrokenFrame::Checksum);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_unwraps() {
        assert_eq!(unwrap(&wrap(b"body")), Ok(&b"body"[..]));
        assert_eq!(unwrap(&wrap(b"")), Ok(&b""[..]));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let framed = wrap(b"some body");
        for at in 0..framed.len() * 8 {
            let mut damaged = framed.clone();
            damaged[at / 8] ^= 1 << (at % 8);
            assert!(unwrap(&damaged).is_err(), "bit {at} was flipped and nobody noticed");
        }
    }

    #[test]
    fn a_torn_header_is_an_error() {
        assert_eq!(unwrap(&[1, 2]), Err(BrokenFrame::Short(2)));
    }
}
