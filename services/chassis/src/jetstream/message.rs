//! Messages as this engine sends and gets them.

use anyhow::Context as _;
use async_nats::header::{HeaderMap, HeaderName, HeaderValue, NATS_MESSAGE_ID};
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use chrono::{DateTime, Utc};
use events::Envelope;

use super::chunk::Id;
use super::stream::REDRIVE;
use crate::bus::Undecodable;
use crate::ledger;

/// When a restored message was recorded first; the server's own time is that of the restoring.
pub const RECORDED: &str = "Signalbox-Recorded";

/// Its headers as pairs.
pub fn pairs(headers: Option<&HeaderMap>) -> Vec<(String, String)> {
    borrowed(headers).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn borrowed(headers: Option<&HeaderMap>) -> impl Iterator<Item = (&str, &str)> {
    let named = headers.into_iter().flat_map(HeaderMap::iter);
    named.flat_map(|(name, values)| values.iter().map(move |value| (name.as_ref(), value.as_str())))
}

/// The headers and the payload of a message, to be sent.
pub fn outgoing(message: events::nats::Message) -> anyhow::Result<PublishMessage> {
    let mut headers = HeaderMap::new();
    for (name, value) in message.headers {
        let parsed: HeaderName = name.parse().with_context(|| format!("header {name}"))?;
        let value: HeaderValue = value.parse().with_context(|| format!("value of header {name}"))?;
        headers.append(parsed, value);
    }
    Ok(PublishMessage::build().headers(headers).payload(message.payload.into()))
}

/// The event of a message as it travels; one that cannot be read keeps its bytes.
pub fn decode(subject: &str, headers: Option<&HeaderMap>, payload: &[u8]) -> Result<Envelope, Undecodable> {
    let refused = |reason: String| Undecodable {
        subject: subject.to_owned(),
        payload: payload.to_vec(),
        reason,
        headers: pairs(headers),
    };
    let decoded = events::nats::decode(borrowed(headers), payload);
    let event = decoded.map_err(|error| refused(format!("{:#}", anyhow::Error::new(error))))?;
    let belongs = events::subject::of(event.ty());
    // What a user of the server may say is decided by subject: a type on another one would go around that.
    if subject.starts_with(events::subject::PREFIX) && subject != belongs {
        let reason =
            format!("an event of the type {} belongs on the subject {belongs}, not on {subject}", event.ty());
        return Err(refused(reason));
    }
    Ok(event)
}

/// The id of a redelivery with this token, for the server and for the index.
pub fn redelivery_id(token: &str) -> String {
    format!("redrive/{token}")
}

/// What the index knows a message by. An event: by its source and id, whatever message id its publisher gave it or did
/// not give. A redelivery: by its token. `Err` says that the body is needed to tell.
pub fn id(
    subject: &str,
    headers: Option<&HeaderMap>,
    payload: Option<&[u8]>,
) -> Result<Option<Id>, NeedsBody> {
    if subject.starts_with(REDRIVE) {
        let id = headers.and_then(|headers| headers.get(NATS_MESSAGE_ID));
        return Ok(id.map(|id| Id::of_text(id.as_str())));
    }
    if payload.is_none() && !is_binary(headers) {
        return Err(NeedsBody);
    }
    let event = decode(subject, headers, payload.unwrap_or_default());
    Ok(event.ok().map(|event| Id::of_text(&ledger::event_hash(&event))))
}

/// The attributes are in the body.
#[derive(Debug, PartialEq, Eq)]
pub struct NeedsBody;

fn is_binary(headers: Option<&HeaderMap>) -> bool {
    let named = |wanted: &str, fits: &dyn Fn(&str) -> bool| {
        headers.is_some_and(|headers| {
            headers.iter().any(|(name, values)| {
                AsRef::<str>::as_ref(name).eq_ignore_ascii_case(wanted)
                    && values.iter().any(|value| fits(value.as_str()))
            })
        })
    };
    let structured = |value: &str| value.trim().to_ascii_lowercase().starts_with("application/cloudevents");
    named("ce-specversion", &|_| true) && !named("content-type", &structured)
}

/// A time of the server as ours.
pub fn time(time: time::OffsetDateTime) -> DateTime<Utc> {
    i64::try_from(time.unix_timestamp_nanos()).map(DateTime::from_timestamp_nanos).unwrap_or_default()
}

/// When the bus took a message: what it says itself if it was restored, else what the server says.
pub fn recorded(message: &StreamMessage) -> DateTime<Utc> {
    let said = message.headers.get(RECORDED).and_then(|text| text.as_str().parse().ok());
    said.unwrap_or_else(|| time(message.time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, *value);
        }
        map
    }

    fn of_event(source: &str, id: &str) -> Id {
        Id::of_text(&ledger::event_hash(&Envelope::builder(id, source, "t").build().unwrap()))
    }

    const ATTRIBUTES: [(&str, &str); 4] =
        [("ce-specversion", "1.0"), ("CE-Id", "1"), ("ce-source", "/s"), ("ce-type", "t")];

    #[test]
    fn an_event_is_known_by_source_and_id_whatever_its_message_id() {
        let subject = "signalbox.events.t";
        let ours = headers(&ATTRIBUTES);
        assert_eq!(id(subject, Some(&ours), None), Ok(Some(of_event("/s", "1"))));
        let mut foreign = headers(&ATTRIBUTES);
        foreign.insert("Nats-Msg-Id", "00112233445566778899aabbccddeeff");
        assert_eq!(id(subject, Some(&foreign), None), Ok(Some(of_event("/s", "1"))));
    }

    #[test]
    fn a_structured_event_needs_its_body() {
        let subject = "signalbox.events.t";
        let body = br#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
        let structured = headers(&[("Content-Type", "application/cloudevents+json")]);
        for headers in [Some(&structured), None] {
            assert_eq!(id(subject, headers, None), Err(NeedsBody));
            assert_eq!(id(subject, headers, Some(body)), Ok(Some(of_event("/s", "1"))));
        }
    }

    #[test]
    fn what_is_no_event_has_no_id() {
        assert_eq!(id("signalbox.events.t", None, Some(b"noise")), Ok(None));
        let no_id = headers(&[("ce-specversion", "1.0"), ("ce-type", "t")]);
        assert_eq!(id("signalbox.events.t", Some(&no_id), None), Ok(None));
    }

    #[test]
    fn a_redelivery_is_known_by_its_token() {
        let mut redelivered = headers(&ATTRIBUTES);
        redelivered.insert("Nats-Msg-Id", redelivery_id("letter/1").as_str());
        let found = id("signalbox.redrive.h", Some(&redelivered), None);
        assert_eq!(found, Ok(Some(Id::of_text(&redelivery_id("letter/1")))));
    }
}
