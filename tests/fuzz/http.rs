//! The decoder of the HTTP binding, batches included.

use events::Envelope;
use events::http::{Message, decode, encode_batch, encode_binary, encode_structured, mode};

use crate::search::Target;
use crate::{Verdict, chain, clear, message, nats};

fn read(message: &Message) -> Result<Vec<Envelope>, String> {
    let headers = message.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    decode(headers, &message.body).map_err(|error| chain(&error))
}

fn holds(input: &[u8]) -> Verdict {
    let (headers, body) = message(input);
    let told = mode(headers.iter().copied());
    match decode(headers, body) {
        Err(error) => {
            // What the headers alone are refused for, they are refused for with a body, too.
            if let Err(early) = &told
                && early.to_string() != error.to_string()
            {
                return Err(format!("first `{early}`, then `{error}`"));
            }
            clear(&chain(&error))
        }
        Ok(events) => {
            let told = told.map_err(|error| format!("read, although {error}"))?;
            for event in &events {
                nats::survives(event)?;
                let again = read(&encode_binary(event))?;
                // An event about an event is written in structured mode, which drops white space around JSON.
                let about =
                    event.datacontenttype().is_some_and(|value| value.to_lowercase().contains("cloudevents"));
                if again != [event.clone()] && !about {
                    return Err(format!("{event:?} became {again:?} in binary mode"));
                }
            }
            let once = read(&encode_batch(&events))?;
            let alone: Result<Vec<_>, _> =
                events.iter().map(|event| read(&encode_structured(event))).collect();
            if once.len() != events.len() || once != alone?.concat() {
                return Err(format!("{events:?} became {once:?} in a batch"));
            }
            Ok(format!("{told:?}, {} events", events.len().min(3)))
        }
    }
}

#[test]
fn whatever_comes_over_http_is_read_or_refused_and_what_is_read_survives() {
    let words: &[&str] = &[
        "ce-specversion: 1.0\n",
        "ce-id: 1\n",
        "ce-source: /s\n",
        "ce-type: t\n",
        "ce-subject: ",
        "ce-datacontenttype: a/b\n",
        "Content-Type: application/cloudevents-batch+json\n",
        "Content-Type: application/cloudevents+json\n",
        "Content-Type: text/plain; charset=\"",
        "application/cloudevents+avro",
        "; charset=utf-16",
        "%C0%A0",
        "%E2%82%AC",
        "\"",
        "\\\"",
        "€",
        "\u{0}",
        "\n\n",
        "[",
        "]",
        ",",
        "{}",
        "[{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}",
        "\"data\":",
        "\"data_base64\":\"AA==\"",
        "\"datacontenttype\":\"text/plain\"",
        "null",
        "1e999",
        "\\ud800",
    ];
    Target { name: "http", seeds: Vec::new(), words, holds, answers: 60 }.search();
}
