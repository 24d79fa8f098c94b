//! Which ids a closed file of the log surely does not have (a Bloom filter): nearly every new event is asked of every
//! file, and the answer must cost neither a read nor much memory.

use super::entry::Id;

/// With 16 bits an id and 7 probes, one in 1,400 ids that are not there is looked up in vain.
const BITS_PER_ID: u64 = 16;
const PROBES: u64 = 7;

/// A filter of ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Vec<u8>);

impl Filter {
    /// The filter of these ids.
    pub fn of(ids: &[(Id, u64)]) -> Self {
        let bytes = Self::bytes_for(ids.len() as u64).and_then(|bytes| usize::try_from(bytes).ok());
        let mut filter = Self(vec![0; bytes.unwrap_or(0)]);
        for (id, _) in ids {
            for bit in filter.bits(id) {
                if let Some(byte) = filter.0.get_mut(usize::try_from(bit / 8).unwrap_or(usize::MAX)) {
                    *byte |= 1 << (bit % 8);
                }
            }
        }
        filter
    }

    /// A filter that was written.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes a filter of so many ids has.
    pub fn bytes_for(ids: u64) -> Option<u64> {
        Some(ids.checked_mul(BITS_PER_ID)?.div_ceil(8))
    }

    /// Whether the id may be among them; `false` is sure.
    pub fn may_have(&self, id: &Id) -> bool {
        !self.0.is_empty()
            && self.bits(id).all(|bit| {
                let byte = usize::try_from(bit / 8).ok().and_then(|at| self.0.get(at));
                byte.is_some_and(|byte| byte & (1 << (bit % 8)) != 0)
            })
    }

    fn bits(&self, id: &Id) -> impl Iterator<Item = u64> + use<> {
        // The id is a hash: its halves are as good as two hash functions.
        let (one, other) = id.split_at(8);
        let half = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
        let (one, other) = (half(one), half(other) | 1);
        let bits = (self.0.len() as u64 * 8).max(1);
        (0..PROBES).map(move |probe| one.wrapping_add(probe.wrapping_mul(other)) % bits)
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn id(of: u64) -> Id {
        let hash = Sha256::digest(of.to_le_bytes());
        hash[..16].try_into().unwrap()
    }

    #[test]
    fn what_is_there_is_found_and_nearly_all_that_is_not_there_is_told_apart() {
        let ids: Vec<_> = (0..10_000).map(|of| (id(of), of)).collect();
        let filter = Filter::from_bytes(Filter::of(&ids).bytes().to_vec());
        assert!(ids.iter().all(|(id, _)| filter.may_have(id)));
        let mistaken = (10_000..20_000).filter(|of| filter.may_have(&id(*of))).count();
        assert!(mistaken < 50, "{mistaken} of 10,000 were taken for known");
    }

    #[test]
    fn an_empty_one_has_nothing() {
        assert!(!Filter::of(&[]).may_have(&id(1)));
    }
}
