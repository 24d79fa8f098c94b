//! What an entry of the state says about the log and the store, put right for the ones to which it is restored.
//!
//! Dead letters, attempts and replays name positions. A record of the ledger names the token of the lease under which it
//! was tried: the tokens of another store mean nothing here, and a larger one would hold the effect up for ever.

use chassis::{Bucket, Position};
use serde_json::Value;

use super::mapping::Mapping;

/// How a position is put right.
type Move = fn(&Mapping, Position) -> Position;

/// The value for the new store; one that is not JSON, or not what is expected, stays as it is.
pub fn translate(bucket: Bucket, key: &str, value: Vec<u8>, mapping: &Mapping) -> Vec<u8> {
    let positions: &[(&str, Move)] = match bucket {
        Bucket::DeadLetters | Bucket::Attempts => &[("/position", Mapping::floor)],
        // The last position of the range, and the others: the first ones that are to be delivered.
        Bucket::Runs if key.starts_with("head/") => &[
            ("/request/from", Mapping::ceiling),
            ("/request/to", Mapping::floor),
            ("/next", Mapping::ceiling),
        ],
        Bucket::Ledger | Bucket::Dedup | Bucket::Watch | Bucket::Lease | Bucket::Runs | Bucket::Sources => {
            &[]
        }
    };
    let Ok(mut json) = serde_json::from_slice::<Value>(&value) else { return value };
    let mut changed = false;
    if !mapping.is_identity() {
        for (pointer, to) in positions {
            if let Some(place) = json.pointer_mut(pointer)
                && let Some(old) = place.as_u64()
            {
                *place = to(mapping, Position(old)).0.into();
                changed = true;
            }
        }
    }
    if bucket == Bucket::Ledger
        && let Some(fence) = json.get_mut("fence")
    {
        changed |= *fence != 0;
        *fence = 0.into();
    }
    if changed { serde_json::to_vec(&json).unwrap_or(value) } else { value }
}

#[cfg(test)]
mod tests {
    use chassis::{Bucket, Position};
    use serde_json::json;

    use super::super::mapping::Mapping;
    use super::translate;

    #[test]
    fn positions_and_leases_are_put_right_and_nothing_else() {
        let mut mapping = Mapping::default();
        mapping.add(Position(10), Position(1));
        mapping.add(Position(11), Position(2));
        for (bucket, key, before, after) in [
            (Bucket::DeadLetters, "x", json!({"position": 11, "v": 1}), json!({"position": 2, "v": 1})),
            (
                Bucket::Attempts,
                "x",
                json!({"position": 10, "begun": 10}),
                json!({"position": 1, "begun": 10}),
            ),
            (
                Bucket::Runs,
                "head/again",
                json!({"request": {"from": 3, "to": 99, "run": "again"}, "next": 11}),
                json!({"request": {"from": 1, "to": 2, "run": "again"}, "next": 2}),
            ),
            (Bucket::Runs, "event/again/x", json!({"position": 11}), json!({"position": 11})),
            (Bucket::Ledger, "x", json!({"fence": 11, "position": 11}), json!({"fence": 0, "position": 11})),
            (Bucket::Watch, "x", json!({"position": 11, "fence": 3}), json!({"position": 11, "fence": 3})),
        ] {
            let bytes = serde_json::to_vec(&before).expect("JSON");
            let translated = translate(bucket, key, bytes, &mapping);
            let read: serde_json::Value = serde_json::from_slice(&translated).expect("JSON");
            assert_eq!(read, after, "{bucket:?} {key}");
        }
    }

    #[test]
    fn what_is_not_understood_or_has_not_moved_stays_byte_for_byte() {
        let mut moved = Mapping::default();
        moved.add(Position(10), Position(1));
        let mut same = Mapping::default();
        same.add(Position(10), Position(10));
        for (bucket, bytes, mapping) in [
            (Bucket::DeadLetters, &b"{ broken"[..], &moved),
            (Bucket::DeadLetters, &b"{ \"position\" : \"no\" }"[..], &moved),
            (Bucket::DeadLetters, &b"{ \"position\" : 10 }"[..], &same),
            (Bucket::Ledger, &b"{ \"fence\" : 0 }"[..], &moved),
        ] {
            assert_eq!(translate(bucket, "x", bytes.to_vec(), mapping), bytes, "{bucket:?}");
        }
    }
}
