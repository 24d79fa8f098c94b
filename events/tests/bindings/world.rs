//! What the steps mean.

use std::collections::BTreeMap;
use std::error::Error;

use events::{Envelope, http, nats};

use crate::gherkin::Step;

type Outcome = Result<(), String>;
type Headers = Vec<(String, String)>;
/// The events, or why there are none and whether it was the media type.
type Read = Result<Vec<Envelope>, (String, bool)>;

/// What a scenario has at hand.
#[derive(Default)]
pub struct World {
    headers: Headers,
    body: String,
    attributes: BTreeMap<String, String>,
    data: Option<String>,
    read: Option<Read>,
    written: Option<(Headers, Vec<u8>)>,
}

impl World {
    /// Does what a step says, or checks it.
    pub fn step(&mut self, step: &Step) -> Outcome {
        let words = step.text.as_str();
        match words {
            "NATS Protocol Binding is supported" | "HTTP Protocol Binding is supported" => Ok(()),
            "a NATS message with payload:" => {
                self.body = block(step)?;
                Ok(())
            }
            "NATS headers:" => {
                self.headers = pairs(step)?;
                Ok(())
            }
            "an HTTP request" => self.request(&block(step)?),
            "an event with the attributes:" => {
                self.attributes = pairs(step)?.into_iter().collect();
                Ok(())
            }
            "the data:" => {
                self.data = Some(block(step)?);
                Ok(())
            }
            "parsed as NATS message" => {
                self.read = Some(parse_nats(&self.headers, self.body.as_bytes()));
                Ok(())
            }
            "parsed as HTTP request" => {
                self.read = Some(parse_http(&self.headers, self.body.as_bytes()));
                Ok(())
            }
            "the attributes are:" => {
                let events = self.events()?;
                let [event] = events else { return Err(format!("{} events", events.len())) };
                equal(&attributes(event), &pairs(step)?.into_iter().collect())
            }
            "the data is equal to the following JSON:" => {
                let found = self.events()?[0].json().map_err(told)?;
                equal(&found, &serde_json::from_str(&block(step)?).map_err(told)?)
            }
            "the data is equal to the following text:" => {
                equal(&String::from_utf8_lossy(self.events()?[0].body()).into_owned(), &block(step)?)
            }
            "the NATS headers are:" | "the HTTP headers are:" => {
                equal(&sorted(self.written()?.0.clone()), &sorted(pairs(step)?))
            }
            "the NATS headers have:" | "the HTTP headers have:" => {
                let headers = &self.written()?.0;
                pairs(step)?.iter().try_for_each(|pair| {
                    headers.contains(pair).then_some(()).ok_or(format!("no {pair:?} in {headers:?}"))
                })
            }
            "the NATS payload is:" | "the HTTP body is:" => {
                equal(&String::from_utf8_lossy(&self.written()?.1).into_owned(), &block(step)?)
            }
            "parsed as NATS message it is the same event" => {
                let (headers, payload) = self.written()?;
                equal(&parse_nats(headers, payload), &Ok(vec![self.event()?]))
            }
            "parsed as HTTP request it is the same event" => {
                let (headers, body) = self.written()?;
                equal(&parse_http(headers, body), &Ok(vec![self.event()?]))
            }
            _ => self.worded(step, words),
        }
    }

    /// The steps that have something in their words.
    fn worded(&mut self, step: &Step, words: &str) -> Outcome {
        if let Some(name) = words.strip_prefix("without the NATS header ") {
            let before = self.headers.len();
            self.headers.retain(|(known, _)| known != name);
            equal(&self.headers.len(), &(before - 1))
        } else if let Some(name) = words.strip_prefix("there is no NATS header ") {
            let found = self.written()?.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map_or(Ok(()), |header| Err(format!("{header:?}")))
        } else if let Some(mode) = words.strip_prefix("written as NATS message in ") {
            let message = match mode {
                "binary mode" => nats::encode(&self.event()?),
                "structured mode" => nats::encode_structured(&self.event()?),
                _ => return Err(format!("no such mode: {mode}")),
            };
            self.written = Some((message.headers, message.payload));
            Ok(())
        } else if let Some(mode) = words.strip_prefix("written as HTTP request in ") {
            let message = match mode {
                "binary mode" => http::encode_binary(&self.event()?),
                "structured mode" => http::encode_structured(&self.event()?),
                "batched mode" => http::encode_batch(&[self.event()?]),
                _ => return Err(format!("no such mode: {mode}")),
            };
            self.written = Some((message.headers, message.body));
            Ok(())
        } else if let Some(reason) = words.strip_prefix("it is refused: ") {
            self.refused(reason, false)
        } else if let Some(reason) = words.strip_prefix("it is refused as an unsupported media type: ") {
            self.refused(reason, true)
        } else if let Some(count) = between(words, "there are ", " events") {
            equal(&self.events()?.len().to_string().as_str(), &count)
        } else if let Some(index) = between(words, "the attributes of event ", " are:") {
            let index: usize = index.parse().map_err(told)?;
            let event = self.events()?.get(index).ok_or("there is no such event")?;
            equal(&attributes(event), &pairs(step)?.into_iter().collect())
        } else {
            Err("nobody has written what this means".to_owned())
        }
    }

    fn request(&mut self, text: &str) -> Outcome {
        let (head, body) = text.split_once("\n\n").ok_or("no empty line between headers and body")?;
        let header = |line: &str| {
            let (name, value) = line.split_once(':').ok_or(format!("not a header: {line}"))?;
            Ok((name.to_owned(), value.trim().to_owned()))
        };
        self.headers = head.lines().skip(1).map(header).collect::<Result<_, String>>()?;
        body.clone_into(&mut self.body);
        Ok(())
    }

    fn events(&self) -> Result<&[Envelope], String> {
        match self.read.as_ref().ok_or("nothing was parsed")? {
            Ok(events) => Ok(events),
            Err((reason, _)) => Err(format!("it was refused: {reason}")),
        }
    }

    fn refused(&self, wanted: &str, media_type: bool) -> Outcome {
        match self.read.as_ref().ok_or("nothing was parsed")? {
            Ok(events) => Err(format!("it was read: {events:?}")),
            Err((reason, found)) if reason.contains(wanted) => equal(found, &media_type),
            Err((reason, _)) => Err(format!("it was refused, but: {reason}")),
        }
    }

    fn written(&self) -> Result<&(Headers, Vec<u8>), String> {
        self.written.as_ref().ok_or("nothing was written".to_owned())
    }

    fn event(&self) -> Result<Envelope, String> {
        let text = |name: &str| self.attributes.get(name).map(String::as_str).unwrap_or_default();
        let mut builder = Envelope::builder(text("id"), text("source"), text("type"));
        for (name, value) in &self.attributes {
            builder = match name.as_str() {
                "id" | "source" | "type" | "specversion" => builder,
                "subject" => builder.subject(value),
                "time" => builder.time(value.parse().map_err(told)?),
                "datacontenttype" => builder.datacontenttype(value),
                "dataschema" => builder.dataschema(value),
                _ => builder.extension(name, value),
            };
        }
        if let Some(data) = &self.data {
            builder = builder.untyped_body(data.as_bytes());
        }
        builder.build().map_err(told)
    }
}

fn parse_nats(headers: &[(String, String)], payload: &[u8]) -> Read {
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    // NATS has no statuses.
    nats::decode(headers, payload).map(|event| vec![event]).map_err(|error| (chain(&error), false))
}

fn parse_http(headers: &[(String, String)], body: &[u8]) -> Read {
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    http::decode(headers, body).map_err(|error| (chain(&error), error.is_unsupported_media_type()))
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", chain(cause)))
}

fn attributes(event: &Envelope) -> BTreeMap<String, String> {
    let time = event.time().map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true));
    let core = [
        ("specversion", Some("1.0")),
        ("id", Some(event.id())),
        ("source", Some(event.source())),
        ("type", Some(event.ty())),
        ("subject", event.subject()),
        ("time", time.as_deref()),
        ("datacontenttype", event.datacontenttype()),
        ("dataschema", event.dataschema()),
    ];
    let core = core.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    let extensions = event.extensions();
    core.chain(extensions.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned()))).collect()
}

fn between<'a>(words: &'a str, before: &str, after: &str) -> Option<&'a str> {
    words.strip_prefix(before)?.strip_suffix(after)
}

fn block(step: &Step) -> Result<String, String> {
    step.text_block.clone().ok_or("it needs a doc string".to_owned())
}

/// The rows of a table of keys and values.
fn pairs(step: &Step) -> Result<Headers, String> {
    match step.table.split_first() {
        Some((head, rows)) if *head == ["key", "value"] => {
            Ok(rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect())
        }
        _ => Err("it needs a table of key and value".to_owned()),
    }
}

fn sorted(mut pairs: Headers) -> Headers {
    pairs.sort();
    pairs
}

fn equal<T: PartialEq + std::fmt::Debug>(found: &T, wanted: &T) -> Outcome {
    if found == wanted { Ok(()) } else { Err(format!("\n    found  {found:?}\n    wanted {wanted:?}")) }
}

fn told(error: impl Error) -> String {
    error.to_string()
}
