//! Which ids may be known: a Bloom filter over the ids of one chunk of the index.
//!
//! "No" is certain, "maybe" is asked of the chunk itself. 3 bytes an id.

use super::chunk::Id;

/// Bits for each id: with [`PROBES`] one foreign id in some 50,000 is taken for a known one.
const BITS_PER_ID: usize = 24;
/// Bits that are set for each id.
const PROBES: u64 = 10;

/// The filter of one chunk.
#[derive(Debug)]
pub struct Filter {
    words: Vec<u64>,
}

impl Filter {
    /// The filter of these ids.
    pub fn of<'a>(ids: impl ExactSizeIterator<Item = &'a Id>) -> Self {
        let words = (ids.len() * BITS_PER_ID).div_ceil(64).max(1);
        let mut filter = Self { words: vec![0; words] };
        for id in ids {
            for probe in 0..PROBES {
                let (word, bit) = filter.place(id, probe);
                filter.words[word] |= bit;
            }
        }
        filter
    }

    /// Whether the id may be among them.
    pub fn may_have(&self, id: &Id) -> bool {
        (0..PROBES).all(|probe| {
            let (word, bit) = self.place(id, probe);
            self.words[word] & bit != 0
        })
    }

    /// The bit of a probe. An id is a piece of a SHA-256, so its halves are two independent hashes, and double hashing
    /// makes all further ones of them.
    fn place(&self, id: &Id, probe: u64) -> (usize, u64) {
        let (first, step) = id.halves();
        let hash = first.wrapping_add(probe.wrapping_mul(step | 1));
        let bits = self.words.len() as u128 * 64;
        // The high half of the product maps the hash evenly to what is below `bits`.
        let bit = usize::try_from((u128::from(hash) * bits) >> 64).unwrap_or(usize::MAX);
        (bit / 64, 1 << (bit % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> Id {
        Id::of_text(&number.to_string())
    }

    #[test]
    fn every_id_that_was_put_in_may_be_there() {
        for count in [0, 1, 100, 4096] {
            let ids: Vec<Id> = (0..count).map(id).collect();
            let filter = Filter::of(ids.iter());
            assert!(ids.iter().all(|id| filter.may_have(id)), "{count}");
        }
    }

    #[test]
    fn hardly_any_other_id_may_be_there() {
        let ids: Vec<Id> = (0..4096).map(id).collect();
        let filter = Filter::of(ids.iter());
        let asked = 200_000;
        let wrong = (4096..4096 + asked).filter(|&number| filter.may_have(&id(number))).count();
        // Four are expected; none of 4096 bits set too many would pass, and one bit too few would fail by far.
        assert!(wrong < 20, "{wrong} of {asked}");
    }

    #[test]
    fn an_empty_filter_has_nothing() {
        let filter = Filter::of([].iter());
        assert!(!filter.may_have(&id(1)));
    }
}
