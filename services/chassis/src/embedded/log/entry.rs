//! A record in a file of the log: a head with a checksum of its own, then the framed event ([`super::super::record`]).
//!
//! `crc32 of the rest of the head: u32 | bytes of the body: u32 | position: u64 | id: 16 bytes | body`, little-endian.
//! A file begins with [`MAGIC`].

/// The first bytes of a file of the log: what it is, and the version of its format.
pub const MAGIC: &[u8; 16] = b"SIGNALBOX LOG 2\n";
/// Size of a head.
pub const HEAD_BYTES: usize = 32;

/// The hash of an event's source and id, or of a redelivery's token.
pub type Id = [u8; 16];

/// The head of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Size of what follows the head.
    pub body: u32,
    /// Place in the log.
    pub position: u64,
    /// What it is known by.
    pub id: Id,
}

impl Head {
    /// Its bytes.
    pub fn encode(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[4..8].copy_from_slice(&self.body.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.position.to_le_bytes());
        bytes[16..].copy_from_slice(&self.id);
        let crc = crc32fast::hash(&bytes[4..]);
        bytes[..4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The head at the beginning of these bytes, if they are one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (crc, rest) = bytes.get(..HEAD_BYTES)?.split_first_chunk::<4>()?;
        let (body, fields) = rest.split_first_chunk::<4>()?;
        let (position, id) = fields.split_first_chunk::<8>()?;
        if crc32fast::hash(rest) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (body, position) = (u32::from_le_bytes(*body), u64::from_le_bytes(*position));
        Some(Self { body, position, id: id.try_into().ok()? })
    }

    /// Size of the whole record.
    pub fn record_bytes(&self) -> u64 {
        HEAD_BYTES as u64 + u64::from(self.body)
    }
}

/// The body of a record at its place, or what is wrong with its bytes.
pub fn body(region: &[u8], position: u64) -> Result<&[u8], &'static str> {
    let head = Head::decode(region).ok_or("the head of the record is damaged: its checksum does not fit")?;
    let whole = usize::try_from(head.record_bytes()).ok().and_then(|bytes| region.get(HEAD_BYTES..bytes));
    match whole {
        Some(body) if head.position == position => Ok(body),
        Some(_) | None => Err("the head of the record belongs to another record: the file is damaged"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back_and_every_flipped_bit_is_noticed() {
        let head = Head { body: 7, position: 1 << 40, id: [9; 16] };
        let bytes = head.encode();
        assert_eq!(Head::decode(&bytes), Some(head));
        for at in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[at / 8] ^= 1 << (at % 8);
            assert_eq!(Head::decode(&damaged), None, "bit {at}");
        }
    }

    #[test]
    fn zeroes_and_half_a_head_are_no_head() {
        assert_eq!(Head::decode(&[0; HEAD_BYTES]), None);
        assert_eq!(Head::decode(&Head { body: 0, position: 1, id: [0; 16] }.encode()[..31]), None);
    }
}
