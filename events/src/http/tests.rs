use std::error::Error as _;

use super::*;

const EVENT: &[u8] = br#"{"specversion":"1.0","type":"t","source":"/s","id":"1","data":{"n":1}}"#;
const REQUIRED: [(&str, &[u8]); 4] = [
    ("ce-specversion", b"1.0"),
    ("ce-type", b"com.example.someevent"),
    ("ce-source", b"/mycontext"),
    ("ce-id", b"1"),
];

fn with<'a>(headers: &[(&'a str, &'a [u8])]) -> Vec<(&'a str, &'a [u8])> {
    REQUIRED.iter().chain(headers).copied().collect()
}

/// Section 3.1.4.
#[test]
fn the_binary_example_of_the_specification_is_read_and_written() {
    let headers: [(&str, &[u8]); 8] = [
        ("Host", b"webhook.example.com"),
        ("ce-specversion", b"1.0"),
        ("ce-type", b"com.example.someevent"),
        ("ce-time", b"2018-04-05T03:56:24Z"),
        ("ce-id", b"1234-1234-1234"),
        ("ce-source", b"/mycontext/subcontext"),
        ("Content-Type", b"application/json; charset=utf-8"),
        ("Content-Length", b"7"),
    ];
    let events = decode(headers, br#"{"a":1}"#).unwrap();
    let [event] = events.as_slice() else { panic!("one event") };
    assert_eq!((event.id(), event.source()), ("1234-1234-1234", "/mycontext/subcontext"));
    assert_eq!(event.datacontenttype(), Some("application/json; charset=utf-8"));
    assert!(event.extensions().is_empty());

    let message = encode_binary(event);
    let wanted = [
        ("content-type", "application/json; charset=utf-8"),
        ("ce-id", "1234-1234-1234"),
        ("ce-source", "/mycontext/subcontext"),
        ("ce-specversion", "1.0"),
        ("ce-time", "2018-04-05T03:56:24Z"),
        ("ce-type", "com.example.someevent"),
    ];
    assert_eq!(message.headers, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(message.body, br#"{"a":1}"#);
}

/// Sections 3.2.4 and 3.3.3, with the event formats' own media types.
#[test]
fn the_mode_is_told_by_the_content_type() {
    let batch = [b"[".as_slice(), EVENT, b",", EVENT, b"]"].concat();
    for (content_type, body, wanted) in [
        ("application/cloudevents+json; charset=utf-8", EVENT, 1),
        ("Application/CloudEvents+Json", EVENT, 1),
        ("application/cloudevents-batch+json; charset=UTF-8", &batch, 2),
        ("APPLICATION/CLOUDEVENTS-BATCH+JSON", b"[]", 0),
    ] {
        // The headers may repeat what the body says; the body counts.
        let headers = with(&[("Content-Type", content_type.as_bytes())]);
        let events = decode(headers, body).unwrap();
        assert_eq!(events.len(), wanted, "{content_type}");
        assert!(events.iter().all(|event| event.ty() == "t"));
    }
    assert_eq!(decode(with(&[("Content-Type", b"application/json")]), EVENT).unwrap()[0].body(), EVENT);
    assert_eq!(decode(with(&[]), EVENT).unwrap()[0].datacontenttype(), None);
}

#[test]
fn an_event_about_an_event_is_written_in_structured_mode() {
    let inner = "application/cloudevents+json; charset=utf-8";
    let event = Envelope::builder("1", "/s", "t").body(inner, EVENT).build().unwrap();
    let message = encode_binary(&event);
    assert_eq!(message.headers, content_type(json::MEDIA_TYPE));
    let headers = message.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    assert_eq!(decode(headers, &message.body).unwrap(), [event]);
}

#[test]
fn an_empty_batch_is_valid() {
    let message = encode_batch([]);
    assert_eq!((message.headers, message.body), (content_type(json::BATCH_MEDIA_TYPE), b"[]".to_vec()));
}

#[test]
fn header_values_are_decoded_as_the_specification_says() {
    for (value, wanted) in [
        (b"Euro%20%E2%82%AC%20%F0%9F%98%80".as_slice(), "Euro € 😀"),
        ("Euro € 😀".as_bytes(), "Euro € 😀"),
        (b"\"a \\\"b\\\"\"", "a \"b\""),
        (b"100% sure", "100% sure"),
    ] {
        assert_eq!(decode(with(&[("ce-subject", value)]), b"").unwrap()[0].subject(), Some(wanted));
    }
}

#[test]
fn what_is_not_an_event_is_refused_with_the_reason_and_the_right_status() {
    for (headers, wanted, unsupported) in [
        (vec![], "not a CloudEvent: send headers `ce-specversion`", true),
        (
            vec![("Content-Type", b"application/json".as_slice())],
            "not a CloudEvent: send headers `ce-specversion`",
            true,
        ),
        (
            REQUIRED[1..].to_vec(),
            "not a valid CloudEvent in binary mode: attribute `specversion` is required",
            false,
        ),
        (
            with(&[("content-type", b"text/plain"), ("Content-Type", b"application/cloudevents+json")]),
            "header `Content-Type` is there more than once",
            false,
        ),
        (
            vec![("content-type", b"application/cloudevents+xml")],
            "event format application/cloudevents+xml is not supported",
            true,
        ),
        (
            vec![("content-type", b"application/cloudevents-batch+avro")],
            "event format application/cloudevents-batch+avro is not supported",
            true,
        ),
        (
            vec![("content-type", b"application/cloudevents+json; charset=\"UTF-16\"")],
            "character set utf-16 is not supported",
            true,
        ),
        (
            vec![("content-type", b"application/cloudevents+json")],
            "the body is not a CloudEvent in structured or batched mode: not a JSON event",
            false,
        ),
        (
            vec![("content-type", b"application/cloudevents-batch+json")],
            "the body is not a CloudEvent in structured or batched mode: not a JSON batch",
            false,
        ),
        (
            with(&[("ce-datacontenttype", b"text/plain")]),
            "header `ce-datacontenttype` must not be used over HTTP",
            false,
        ),
        (
            with(&[("ce-subject", b"%C0%A0")]),
            "not a valid CloudEvent in binary mode: attribute `subject` holds bytes that are not UTF-8",
            false,
        ),
        (
            with(&[("ce-subject", b"\xe9")]),
            "not a valid CloudEvent in binary mode: attribute `subject` holds bytes that are not UTF-8",
            false,
        ),
        (
            with(&[("content-type", b"text/\xe9")]),
            "not a valid CloudEvent in binary mode: attribute `datacontenttype` holds bytes",
            false,
        ),
        (
            with(&[("ce-id", b"2")]),
            "not a valid CloudEvent in binary mode: attribute `id` is there twice",
            false,
        ),
        (
            vec![("ce-specversion", b"0.2")],
            "not a valid CloudEvent in binary mode: specversion \"0.2\" is not supported",
            false,
        ),
    ] {
        let error = decode(headers.clone(), b"not json").expect_err("no event");
        let text = error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        assert!(text.starts_with(wanted), "{headers:?}\n{text}\nshould begin with\n{wanted}");
        assert_eq!(error.is_unsupported_media_type(), unsupported, "{text}");
    }
}
