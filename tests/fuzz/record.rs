//! The decoder of what the embedded log has on its disk.

use chassis::embedded::record::{Raw, Record, decode, encode, recorded};
use chassis::frame;
use chrono::DateTime;
use events::Envelope;

use crate::search::{Target, files};
use crate::{Verdict, clear};

fn holds(input: &[u8]) -> Verdict {
    // As it is, which the checksums let through seldom; and in a record, and a frame, that fit.
    let (_, told) = recorded(&Raw { position: 7, bytes: input.to_vec() });
    if told.event.is_err_and(|kept| kept.payload != input) && frame::unwrap(input).is_err() {
        return Err("the bytes are lost".to_owned());
    }
    let damaged = of(input)?;
    let framed = of(&frame::wrap(input))?;
    Ok(format!("{damaged}; {framed}"))
}

fn of(framed: &[u8]) -> Verdict {
    let (_, told) = recorded(&Raw::of(7, framed));
    match decode(framed) {
        Ok(Record { recorded, message }) => {
            let again = decode(&encode(recorded, message.clone()))?;
            if again != (Record { recorded, message }) {
                return Err(format!("it became {again:?}"));
            }
            match told.event {
                Ok(_) => Ok("an event".to_owned()),
                Err(undecodable) => Ok(format!("no event: {}", clear(&undecodable.reason)?)),
            }
        }
        Err(reason) => {
            let kept = told.event.err().ok_or("an event of bytes that cannot be read")?;
            // Whatever is wrong with them, the bytes are kept, for a person to look at.
            if kept.payload != framed {
                return Err("the bytes are lost".to_owned());
            }
            clear(&reason)
        }
    }
}

#[test]
fn whatever_is_on_the_disk_is_read_or_kept_as_it_is() {
    let golden =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/chassis/src/embedded/golden");
    let mut seeds = files(&golden);
    assert!(!seeds.is_empty(), "{} has records of older versions", golden.display());
    let event =
        Envelope::builder("1", "/s", "t").subject("é").json(&serde_json::json!({"n": 1})).build().unwrap();
    for millis in [0, 1_790_000_000_000, -1] {
        seeds.push(encode(DateTime::from_timestamp_millis(millis).unwrap(), events::nats::encode(&event)));
    }
    // Without their frames, so that what is inside is changed, too.
    let bodies: Vec<_> = seeds.iter().filter_map(|seed| Some(frame::unwrap(seed).ok()?.to_vec())).collect();
    seeds.extend(bodies);
    let words: &[&str] = &[
        "\u{1}",
        "\u{2}",
        "\0\0\0\0",
        "\u{7f}\u{7f}\u{7f}\u{7f}",
        "{\"subject\":\"s\",\"headers\":[]}",
        "[\"ce-id\",\"1\"]",
        "[]",
        "\"headers\":[[",
        "ce-specversion",
        "null",
        "\\u0000",
    ];
    Target { name: "record", seeds, words, holds, answers: 15 }.search();
}
