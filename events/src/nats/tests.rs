use std::error::Error as _;

use super::*;

const EVENT: &[u8] = br#"{"specversion":"1.0","type":"t","source":"/s","id":"1","data":{"n":1}}"#;
const REQUIRED: [(&str, &str); 4] = [
    ("ce-specversion", "1.0"),
    ("ce-type", "com.example.someevent"),
    ("ce-source", "/mycontext"),
    ("ce-id", "1"),
];

fn with<'a>(headers: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    REQUIRED.iter().chain(headers).copied().collect()
}

/// Section 3.1.4.
#[test]
fn the_binary_example_of_the_specification_is_read_and_written() {
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-type", "com.example.someevent"),
        ("ce-time", "2018-04-05T03:56:24Z"),
        ("ce-id", "1234-1234-1234"),
        ("ce-source", "/mycontext/subcontext"),
        ("ce-datacontenttype", "application/json"),
    ];
    let event = decode(headers, br#"{"a":1}"#).unwrap();
    assert_eq!(
        (event.id(), event.source(), event.ty()),
        ("1234-1234-1234", "/mycontext/subcontext", "com.example.someevent")
    );
    assert_eq!(event.time(), Some("2018-04-05T03:56:24Z".parse().unwrap()));
    assert_eq!((event.datacontenttype(), event.body()), (Some("application/json"), br#"{"a":1}"#.as_slice()));

    let message = encode(&event);
    assert_eq!(message.subject, "signalbox.events.com.example.someevent");
    let mut wanted: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    wanted.sort_unstable();
    assert_eq!(message.headers, wanted, "every attribute, lower case, and no Content-Type");
    assert_eq!(message.payload, br#"{"a":1}"#);
}

/// Section 3.2.1.
#[test]
fn a_structured_message_says_so_and_holds_all_in_its_payload() {
    let event = Envelope::builder("1", "/s", "t").subject("é").build().unwrap();
    let message = encode_structured(&event);
    assert_eq!(message.headers, [("Content-Type".to_owned(), "application/cloudevents+json".to_owned())]);
    assert_eq!(message.payload, json::encode(&event));
    assert_eq!(message.subject, "signalbox.events.t");
}

#[test]
fn the_mode_is_told_by_the_headers_of_every_kind_of_sender() {
    for (why, headers, wanted) in [
        ("the specification", vec![("Content-Type", "application/cloudevents+json")], "t"),
        ("any case", vec![("content-TYPE", "Application/CloudEvents+JSON; charset=utf-8")], "t"),
        ("without a format", vec![("Content-Type", "application/cloudevents")], "t"),
        (
            "the payload has the say in structured mode",
            with(&[("Content-Type", "application/cloudevents+json")]),
            "t",
        ),
        ("the Go and Rust SDKs write no header in structured mode", vec![], "t"),
        (
            "headers of others mean nothing",
            vec![("Nats-Msg-Id", "x"), ("traceparent", "y"), ("Content-Type", "text/plain")],
            "t",
        ),
        ("binary", with(&[]), "com.example.someevent"),
        (
            "binary in any case",
            vec![("CE-SPECVERSION", "1.0"), ("Ce-Type", "b"), ("cE-Source", "/s"), ("Ce-Id", "1")],
            "b",
        ),
    ] {
        let event = decode(headers, EVENT).unwrap_or_else(|error| panic!("{why}: {error:?}"));
        assert_eq!(event.ty(), wanted, "{why}");
    }
}

#[test]
fn the_media_type_comes_from_its_own_header_or_from_that_of_the_go_sdk() {
    for (headers, wanted) in [
        (vec![], None),
        (vec![("ce-datacontenttype", "text/plain")], Some("text/plain")),
        (vec![("content-type", "application/json")], Some("application/json")),
        (vec![("Content-Type", " text/xml; charset=utf-8 ")], Some("text/xml; charset=utf-8")),
        (
            vec![("content-type", "application/json"), ("ce-datacontenttype", "text/plain")],
            Some("text/plain"),
        ),
        (vec![("ce-datacontenttype", "application/cloudevents+json")], Some("application/cloudevents+json")),
    ] {
        let event = decode(with(&headers), b"x").unwrap();
        assert_eq!(event.datacontenttype(), wanted, "{headers:?}");
        assert_eq!(event.body(), b"x");
    }
}

#[test]
fn values_come_encoded_quoted_or_raw() {
    for (value, wanted) in [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("Euro € 😀", "Euro € 😀"),
        ("\"Euro € 😀\"", "Euro € 😀"),
        ("100% sure", "100% sure"),
    ] {
        let event = decode(with(&[("ce-subject", value), ("Ce-Extension", value)]), b"").unwrap();
        assert_eq!(event.subject(), Some(wanted));
        assert_eq!(event.extension("extension").as_deref(), Some(wanted));
    }
    // What RFC3339Nano of the Go SDK looks like.
    let event = decode(with(&[("ce-time", "2026-09-01T12:00:00.123456789+02:00")]), b"").unwrap();
    assert_eq!(event.time(), Some("2026-09-01T10:00:00.123456789Z".parse().unwrap()));
}

#[test]
fn what_is_not_an_event_is_refused_with_the_reason() {
    let avro = "application/cloudevents+avro";
    for (headers, wanted) in [
        (
            vec![("Content-Type", avro)],
            "event format application/cloudevents+avro is not supported over NATS",
        ),
        (
            vec![("Content-Type", json::BATCH_MEDIA_TYPE)],
            "event format application/cloudevents-batch+json is not supported over NATS",
        ),
        (
            vec![("Content-Type", "application/cloudevents+json; charset=utf-16")],
            "character set utf-16 is not supported",
        ),
        (
            vec![("Content-Type", json::MEDIA_TYPE)],
            "the payload is not an event in structured mode: not a JSON event",
        ),
        (vec![("Nats-Msg-Id", "1")], "not a CloudEvent: there is neither a header `ce-specversion` nor"),
        (
            with(&[("ce-subject", "%C0%A0")]),
            "not a valid CloudEvent in binary mode: attribute `subject` holds bytes that are not UTF-8",
        ),
        (
            with(&[("ce-subject", "a"), ("Ce-Subject", "b")]),
            "not a valid CloudEvent in binary mode: attribute `subject` is there twice",
        ),
        (
            with(&[("ce-subject", "")]),
            "not a valid CloudEvent in binary mode: attribute `subject` must not be empty",
        ),
        (
            with(&[("ce-data", "x")]),
            "not a valid CloudEvent in binary mode: `data` cannot be the name of an extension",
        ),
        (
            with(&[("ce-my-ext", "x")]),
            "not a valid CloudEvent in binary mode: `my-ext` is not an attribute name",
        ),
        (with(&[("ce-", "x")]), "not a valid CloudEvent in binary mode: `` is not an attribute name"),
        (with(&[("ce-time", "now")]), "not a valid CloudEvent in binary mode: attribute `time` is \"now\""),
        (
            with(&[("content-type", "json")]),
            "not a valid CloudEvent in binary mode: attribute `datacontenttype` is \"json\"",
        ),
        (with(&[])[..3].to_vec(), "not a valid CloudEvent in binary mode: attribute `id` is required"),
        (
            vec![("ce-specversion", "2.0")],
            "not a valid CloudEvent in binary mode: specversion \"2.0\" is not supported: Signalbox speaks CloudEvents 1.0",
        ),
    ] {
        let error = decode(headers.clone(), b"not json").expect_err("no event");
        let text = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        assert!(text.starts_with(wanted), "{headers:?}\n{text}\nshould begin with\n{wanted}");
    }
}

#[test]
fn a_header_that_comes_twice_with_one_value_is_one() {
    let event = decode(with(&[("Ce-Id", "1"), ("ce-subject", "é"), ("ce-subject", "%C3%A9")]), b"").unwrap();
    assert_eq!((event.id(), event.subject()), ("1", Some("é")));
}

#[test]
fn an_empty_payload_is_no_body() {
    let event = decode(with(&[("ce-datacontenttype", "application/json")]), b"").unwrap();
    assert!(!event.has_body());
}
