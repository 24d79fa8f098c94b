//! Stretches of positions: while one event waits, all those that are settled behind it are one stretch.

use std::collections::BTreeMap;

/// A set of positions, kept as stretches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Whether the position is in one of them.
    pub fn contains(&self, position: u64) -> bool {
        self.end_of(position).is_some()
    }

    /// The end of the stretch that has the position.
    pub fn end_of(&self, position: u64) -> Option<u64> {
        let (_, end) = self.0.range(..=position).next_back()?;
        (*end >= position).then_some(*end)
    }

    /// Adds the stretch and returns the one that it is a part of now.
    pub fn insert(&mut self, from: u64, to: u64) -> (u64, u64) {
        let (mut start, mut end) = (from, to);
        if let Some((before, its_end)) = self.0.range(..from).next_back()
            && *its_end >= from - 1
        {
            start = *before;
            end = end.max(*its_end);
        }
        while let Some((next, its_end)) = self.0.range(start..=end.saturating_add(1)).next() {
            end = end.max(*its_end);
            let next = *next;
            self.0.remove(&next);
        }
        self.0.insert(start, end);
        (start, end)
    }

    /// Takes the stretch away that begins there, and returns its end.
    pub fn take(&mut self, start: u64) -> Option<u64> {
        self.0.remove(&start)
    }

    /// The stretches, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().map(|(start, end)| (*start, *end))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn stretches_hold_what_a_set_of_positions_holds() {
        let (mut ranges, mut set, mut seed) = (Ranges::default(), BTreeSet::new(), 7_u64);
        for _ in 0..2_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (from, count) = (1 + (seed >> 33) % 400, (seed >> 50) % 4);
            set.extend(from..=from + count);
            let (start, end) = ranges.insert(from, from + count);
            assert!((start..=end).all(|position| set.contains(&position)), "{start} to {end}");
            let held: BTreeSet<u64> = ranges.iter().flat_map(|(start, end)| start..=end).collect();
            assert_eq!(held, set);
            assert!((1..=404).all(|position| ranges.contains(position) == set.contains(&position)));
        }
        let apart = ranges.iter().zip(ranges.iter().skip(1)).all(|((_, end), (next, _))| next > end + 1);
        assert!(apart, "neighbours are one stretch: {ranges:?}");
    }
}
