//! Whatever is valid survives every binding and format.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{DateTime, Envelope, Utc, envelope, http, json, nats, validate};

/// A value of the type String: any characters that it may have, most of all those that need care.
fn string() -> impl Strategy<Value = String> {
    let awkward =
        prop::sample::select(vec![' ', '"', '%', '\\', ',', ';', ':', '\u{a0}', 'é', '€', '😀', '2', 'C']);
    let is_allowed = |c: char| validate::string("any", c.encode_utf8(&mut [0; 4])).is_ok();
    let allowed = any::<char>().prop_map(move |c| if is_allowed(c) { c } else { 'b' });
    vec(prop_oneof![awkward, allowed, Just('a')], 1..16).prop_map(String::from_iter)
}

fn source() -> impl Strategy<Value = String> {
    "(https://[a-z]{1,8}\\.example)?/[a-zA-Z0-9._~:?#@!$&'()*+,;=-]{0,12}(%[0-9A-Fa-f]{2}){0,2}"
}

fn time() -> impl Strategy<Value = DateTime<Utc>> {
    let (first, last) = ("0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z");
    let seconds = |text: &str| text.parse::<DateTime<Utc>>().unwrap().timestamp();
    let nanos = prop_oneof![Just(0_u32), Just(123_000_000), 0..1_000_000_000_u32];
    (seconds(first)..=seconds(last), nanos).prop_map(|(s, n)| DateTime::from_timestamp(s, n).unwrap())
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(any::<String>(), inner, 0..4).prop_map(|members| json!(members)),
        ]
    })
}

/// A media type and a body that fits it, or does not.
fn body() -> impl Strategy<Value = (Option<String>, Option<Vec<u8>>)> {
    let json_type =
        prop::sample::select(vec!["application/json", "Application/Vnd.X+JSON; charset=utf-8", "text/json"]);
    let text_type =
        prop::sample::select(vec!["text/plain", "text/plain; charset=\"iso-8859-1\"", "application/xml"]);
    let other_type = prop::sample::select(vec![
        "application/octet-stream",
        "application/cloudevents+json",
        "a/b;c=\"d; e\"",
    ]);
    let named = |ty: &str| Some(ty.to_owned());
    prop_oneof![
        (json_type.clone(), json_value())
            .prop_map(move |(ty, v)| (named(ty), Some(v.to_string().into_bytes()))),
        (json_type.clone(), json_value())
            .prop_map(move |(ty, v)| (named(ty), Some(serde_json::to_vec_pretty(&v).unwrap()))),
        (json_type, vec(any::<u8>(), 0..20)).prop_map(move |(ty, bytes)| (named(ty), Some(bytes))),
        (text_type.clone(), any::<String>()).prop_map(move |(ty, text)| (named(ty), Some(text.into_bytes()))),
        (text_type, vec(any::<u8>(), 0..20)).prop_map(move |(ty, bytes)| (named(ty), Some(bytes))),
        (other_type, vec(any::<u8>(), 0..20)).prop_map(move |(ty, bytes)| (named(ty), Some(bytes))),
        vec(any::<u8>(), 0..20).prop_map(|bytes| (None, Some(bytes))),
        Just((None, None)),
        Just((Some("application/json".to_owned()), None)),
    ]
}

/// Any valid event.
fn event() -> impl Strategy<Value = Envelope> {
    let dataschema = "https://[a-z]{1,8}\\.example/[a-z0-9/]{0,8}(\\?[a-z=&]{0,6})?(#[a-z]{0,4})?";
    let name = "[a-z][a-z0-9]{0,19}".prop_filter("free", |name| validate::extension_name(name).is_ok());
    let extensions = btree_map(name, string(), 0..4);
    (
        (string(), source(), string()),
        option::of(string()),
        option::of(time()),
        body(),
        option::of(dataschema),
        extensions,
    )
        .prop_map(|((id, source, ty), subject, time, (media_type, body), dataschema, extensions)| {
            let mut builder = Envelope::builder(id, source, ty);
            if let Some(subject) = subject {
                builder = builder.subject(subject);
            }
            if let Some(time) = time {
                builder = builder.time(time);
            }
            if let Some(media_type) = media_type {
                builder = builder.datacontenttype(media_type);
            }
            if let Some(body) = body {
                builder = builder.untyped_body(body);
            }
            if let Some(dataschema) = dataschema {
                builder = builder.dataschema(dataschema);
            }
            for (name, value) in extensions {
                builder = builder.extension(name, value);
            }
            builder.build().expect("the strategy makes valid events")
        })
}

/// What the JSON format keeps: all but the white space around a JSON body.
fn in_json(event: &Envelope) -> Envelope {
    let is_json = event.datacontenttype().is_some_and(envelope::is_json);
    if !is_json || event.json().is_err() || !event.has_body() {
        return event.clone();
    }
    // Not `trim_ascii`, which takes form feeds for white space too.
    let text = std::str::from_utf8(event.body()).unwrap().trim_matches([' ', '\t', '\n', '\r']);
    event.to_builder().untyped_body(text).build().unwrap()
}

fn from_nats(message: &nats::Message) -> Envelope {
    let headers = message.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    nats::decode(headers, &message.payload).unwrap()
}

fn from_http(message: &http::Message) -> Vec<Envelope> {
    let headers = message.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    http::decode(headers, &message.body).unwrap()
}

fn is_plain(headers: &[(String, String)]) -> bool {
    headers.iter().all(|(name, value)| {
        name.bytes().all(|b| b.is_ascii_graphic()) && value.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
    })
}

proptest! {
    #[test]
    fn an_event_survives_nats_in_binary_mode(event in event()) {
        let message = nats::encode(&event);
        prop_assert!(is_plain(&message.headers));
        prop_assert_eq!(from_nats(&message), event);
    }

    #[test]
    fn an_event_survives_nats_in_structured_mode_with_and_without_its_header(event in event()) {
        let mut message = nats::encode_structured(&event);
        prop_assert_eq!(from_nats(&message), in_json(&event));
        message.headers.clear();
        prop_assert_eq!(from_nats(&message), in_json(&event));
    }

    #[test]
    fn an_event_survives_http_in_binary_mode(event in event()) {
        let message = http::encode_binary(&event);
        prop_assert!(is_plain(&message.headers));
        prop_assert_eq!(from_http(&message), [event]);
    }

    #[test]
    fn an_event_survives_http_in_structured_mode(event in event()) {
        prop_assert_eq!(from_http(&http::encode_structured(&event)), [in_json(&event)]);
    }

    #[test]
    fn events_survive_http_in_batched_mode(events in vec(event(), 0..4)) {
        let wanted: Vec<_> = events.iter().map(in_json).collect();
        prop_assert_eq!(from_http(&http::encode_batch(&events)), wanted);
    }

    #[test]
    fn an_event_is_written_the_same_every_time_and_as_valid_json(event in event()) {
        let text = json::encode(&event);
        prop_assert_eq!(&text, &json::encode(&event.to_builder().build().unwrap()));
        prop_assert!(serde_json::from_slice::<Value>(&text).is_ok());
        prop_assert_eq!(json::from_value(&json::to_value(&event)).unwrap().json().ok(), event.json().ok());
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(
        headers in vec(("(ce-)?[a-z-]{0,12}|content-type|ce-specversion", "\\PC{0,12}|1.0|application/cloudevents.{0,8}"), 0..6),
        body in vec(any::<u8>(), 0..64),
    ) {
        let texts = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let bytes = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let _ = (nats::decode(texts, &body), http::decode(bytes, &body), json::decode(&body));
        let _ = (crate::github::decode("push", "1", &body), crate::alertmanager::decode(&body));
    }
}
