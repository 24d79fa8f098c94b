//! Numbers that look random and are the same for the same seed, on every machine and in every version.

/// A sequence of them: `SplitMix64` (<https://doi.org/10.1145/2714064.2660195>).
pub struct Chance(u64);

/// The step of `SplitMix64`: the golden ratio, as an odd number.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

impl Chance {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// The next number, from 0 up to 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Brings them into another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let chosen = self.next() % (end as u64 + 1);
            items.swap(end, usize::try_from(chosen).unwrap_or(end));
        }
    }
}

/// Scatters a number over all numbers: the last part of `SplitMix64`.
pub fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(STEP);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
