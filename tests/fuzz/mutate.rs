//! Changing an input.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

/// The longest input that is made, in bytes: small ones find the same, and faster.
const LONGEST: usize = 16 * 1024;
/// Bytes at which something often changes.
const EDGES: [u8; 10] = [0, 1, b'\n', b'"', b'%', b':', b'{', 0x7f, 0x80, 0xff];

/// A changed copy of one of the inputs.
pub fn mutated(pool: &[Vec<u8>], words: &[&str], random: &mut StdRng) -> Vec<u8> {
    let mut input = pool.choose(random).cloned().unwrap_or_default();
    for _ in 0..random.random_range(1..=5) {
        change(&mut input, pool, words, random);
    }
    input.truncate(LONGEST);
    input
}

fn change(input: &mut Vec<u8>, pool: &[Vec<u8>], words: &[&str], random: &mut StdRng) {
    let at = random.random_range(0..=input.len());
    let end = (at + random.random_range(0..=8)).min(input.len());
    match random.random_range(0..9) {
        0 if at < input.len() => input[at] ^= 1 << random.random_range(0..8),
        1 if at < input.len() => input[at] = *EDGES.choose(random).unwrap_or(&0),
        2 => drop(input.drain(at..end)),
        // A long piece: a field, a line, a document.
        3 => {
            let end = random.random_range(at..=input.len());
            drop(input.drain(at..end));
        }
        4 => {
            let piece = input[at..end].to_vec();
            let times = random.random_range(1..=40);
            drop(input.splice(at..at, piece.repeat(times)));
        }
        5 => {
            let other = pool.choose(random).cloned().unwrap_or_default();
            let from = random.random_range(0..=other.len());
            let to = random.random_range(from..=other.len());
            drop(input.splice(at..end, other[from..to].iter().copied()));
        }
        6 => input.insert(at, random.random()),
        _ => {
            let word = words.choose(random).copied().unwrap_or_default();
            drop(input.splice(at..end, word.bytes()));
        }
    }
}
