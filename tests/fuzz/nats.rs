//! The decoder of the NATS binding.

use events::Envelope;
use events::nats::{Message, decode, encode, encode_structured};

use crate::search::{Target, files};
use crate::{Verdict, chain, clear, message};

fn read(message: &Message) -> Result<Envelope, String> {
    let headers = message.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    decode(headers, &message.payload).map_err(|error| chain(&error))
}

fn holds(input: &[u8]) -> Verdict {
    let (headers, payload) = message(input);
    // A client of NATS has texts for headers.
    let headers =
        headers.into_iter().filter_map(|(name, value)| Some((name, std::str::from_utf8(value).ok()?)));
    match decode(headers, payload) {
        Err(error) => clear(&chain(&error)),
        Ok(event) => {
            survives(&event).map(|()| format!("an event with {} extensions", event.extensions().len()))
        }
    }
}

/// What was read is written and read again as it was, in both modes.
pub fn survives(event: &Envelope) -> Result<(), String> {
    let written = encode(event);
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if let Some(header) = written.headers.iter().find(|(name, value)| !plain(name) || !plain(value)) {
        return Err(format!("{header:?} cannot be a header"));
    }
    let again = read(&written)?;
    if again != *event {
        return Err(format!("{event:?} became {again:?} in binary mode"));
    }
    // JSON drops the white space around a JSON body, once.
    let once = read(&encode_structured(event))?;
    let twice = read(&encode_structured(&once))?;
    let same = (once.id(), once.source(), once.ty(), once.subject(), once.time(), once.extensions())
        == (event.id(), event.source(), event.ty(), event.subject(), event.time(), event.extensions());
    if !same || once != twice {
        return Err(format!("{event:?} became {once:?} and {twice:?} in structured mode"));
    }
    Ok(())
}

#[test]
fn whatever_comes_over_nats_is_read_or_refused_and_what_is_read_survives() {
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/samples");
    let seeds = files(&samples).into_iter().filter(|sample| sample.len() < 2_000);
    // Without headers, as the Go and Rust SDKs send them.
    let seeds: Vec<_> = seeds.take(6).map(|sample| [b"\n\n".to_vec(), sample].concat()).collect();
    let words: &[&str] = &[
        "ce-specversion: 1.0\n",
        "ce-id: 1\n",
        "ce-source: /s\n",
        "ce-type: t\n",
        "ce-time: 2026-09-01T10:00:00Z\n",
        "Content-Type: application/cloudevents+json\n",
        "ce-datacontenttype: ",
        "ce-dataschema: https://a/b\n",
        "ce-x: ",
        "%C0%A0",
        "%E2%82%AC",
        "%00",
        "%",
        "\"",
        "\\\"",
        "€",
        "\u{0}",
        "\u{9f}",
        "\u{fdd0}",
        "\n\n",
        "data_base64",
        "null",
        "\\u0000",
        "\\ud800",
        "1e400",
        "-0",
        "2147483648",
        "[[[[",
        "{\"a\":",
        "9999-12-31T23:59:60Z",
        "+24:00",
        "..",
        "*",
    ];
    Target { name: "nats", seeds, words, holds, answers: 60 }.search();
}
