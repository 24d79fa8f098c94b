use std::error::Error as _;

use super::*;

/// An event with these further members.
fn with(members: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","type":"com.example.someevent","source":"/mycontext","id":"1"{members}}}"#
    )
}

fn read(members: &str) -> Envelope {
    let text = with(members);
    decode(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// The error and its cause, as people see them.
fn refusal(text: &str) -> String {
    let error = decode(text.as_bytes()).expect_err(text);
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

fn written(envelope: &Envelope) -> String {
    String::from_utf8(encode(envelope)).unwrap()
}

/// The examples of section 3.2: what the members say, and the body and media type in binary mode.
#[test]
fn the_examples_of_the_specification_are_read_as_it_says() {
    let common = r#","time":"2018-04-05T17:31:00Z","comexampleextension1":"value","comexampleothervalue":5"#;
    let thrift = "application/vnd.apache.thrift.binary";
    for (members, media_type, body) in [
        (format!(r#","datacontenttype":"{thrift}","data_base64":"gAECAw==""#), thrift, "\u{80}\u{1}\u{2}\u{3}"),
        (
            r#","unsetextension":null,"datacontenttype":"application/xml","data":"<much wow=\"xml\"/>""#.to_owned(),
            "application/xml",
            "<much wow=\"xml\"/>",
        ),
        (
            r#","subject":null,"datacontenttype":"application/json","data":{"appinfoA":"abc","appinfoB":123,"appinfoC":true}"#
                .to_owned(),
            "application/json",
            r#"{"appinfoA":"abc","appinfoB":123,"appinfoC":true}"#,
        ),
        (r#","subject":null,"datacontenttype":"application/json","data":1.5"#.to_owned(), "application/json", "1.5"),
        (r#","subject":null,"data":"I'm just a string""#.to_owned(), "application/json", r#""I'm just a string""#),
    ] {
        let event = read(&format!("{common}{members}"));
        // One character is one byte here.
        let body: Vec<u8> = body.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        assert_eq!((event.datacontenttype(), event.body()), (Some(media_type), body.as_slice()));
        assert_eq!(event.time(), Some("2018-04-05T17:31:00Z".parse().unwrap()));
        assert_eq!(event.extension("comexampleothervalue").as_deref(), Some("5"));
        assert_eq!((event.extensions().len(), event.subject()), (2, None));
    }
    let untyped = read(r#","data_base64":"eyAieHl6IjogMTIzIH0=""#);
    assert_eq!((untyped.datacontenttype(), untyped.body()), (None, br#"{ "xyz": 123 }"#.as_slice()));
    assert!(written(&untyped).contains("data_base64"), "no media type is made up");
}

#[test]
fn a_body_is_written_so_that_no_byte_is_lost() {
    let event = |media_type: &str, body: &[u8]| {
        Envelope::builder("1", "/a", "b").body(media_type, body).build().unwrap()
    };
    for (media_type, body, wanted) in [
        (
            "application/json",
            br#"{"b":1, "a":1.10, "a":12345678901234567890123}"#.as_slice(),
            r#""data":{"b":1, "a":1.10, "a":12345678901234567890123},"#,
        ),
        ("application/vnd.x+json; charset=utf-8", b" [1]\n", r#""data":[1],"#),
        ("application/json", b"null", r#""data":null,"#),
        ("application/json", b"{oops", r#""data_base64":"e29vcHM=","#),
        ("application/json", b"1 2", r#""data_base64":"MSAy","#),
        ("application/json", b"\"\xff\"", r#""data_base64":"Iv8i","#),
        ("text/plain", "é\n\u{1}".as_bytes(), "\"data\":\"é\\n\\u0001\","),
        ("text/plain; charset=iso-8859-1", b"\xe9", r#""data_base64":"6Q==","#),
        ("text/plain", b"\xe9", r#""data_base64":"6Q==","#),
        ("application/xml", b"<a/>", r#""data":"<a/>","#),
        ("application/octet-stream", b"abc", r#""data_base64":"YWJj","#),
    ] {
        let event = event(media_type, body);
        let text = written(&event);
        assert!(text.contains(wanted), "{media_type}: {text}");
        let back = decode(text.as_bytes()).unwrap();
        assert_eq!(back.body(), body.trim_ascii(), "{media_type}");
        assert_eq!(back.datacontenttype(), Some(media_type));
    }
}

#[test]
fn members_are_written_in_the_order_of_their_names() {
    let event =
        Envelope::builder("1", "/a", "b").extension("zeta", "1").extension("alpha", "2").subject("\"s\"");
    assert_eq!(
        written(&event.build().unwrap()),
        r#"{"alpha":"2","id":"1","source":"/a","specversion":"1.0","subject":"\"s\"","type":"b","zeta":"1"}"#
    );
}

#[test]
fn null_is_absent_but_for_a_json_body() {
    let event = read(r#","subject":null,"time":null,"dataschema":null,"anything":null,"data_base64":null"#);
    assert_eq!((event.subject(), event.time(), event.has_body()), (None, None, false));
    assert_eq!(read(r#","data":null"#).body(), b"null");
    assert!(!read(r#","data":null,"datacontenttype":"text/plain""#).has_body());
    assert_eq!(read(r#","data":{},"data_base64":null"#).body(), b"{}");
}

#[test]
fn extensions_can_be_strings_booleans_and_32_bit_integers() {
    let event = read(r#","a":true,"b":false,"c":-2147483648,"d":2147483647,"e":-0"#);
    let values: Vec<_> = event.extensions().into_iter().map(|(_, value)| value.into_owned()).collect();
    assert_eq!(values, ["true", "false", "-2147483648", "2147483647", "0"]);
}

#[test]
fn what_is_not_an_event_is_refused_with_the_name_of_the_member() {
    let wrong_type = |member: &str, found: &str| {
        format!("member `{member}` is {found}, it should be a string, a boolean or a 32-bit integer")
    };
    for (text, wanted) in [
        (String::new(), "not a JSON event (an object) of the CloudEvents JSON format: EOF".to_owned()),
        (
            "[]".to_owned(),
            "not a JSON event (an object) of the CloudEvents JSON format: invalid type".to_owned(),
        ),
        (
            "{\"id\":\n!".to_owned(),
            "not a JSON event (an object) of the CloudEvents JSON format: expected value at line 2 column 1"
                .to_owned(),
        ),
        (
            with("") + "x",
            "not a JSON event (an object) of the CloudEvents JSON format: trailing characters".to_owned(),
        ),
        (with(r#","ext":{}"#), wrong_type("ext", "an object")),
        (with(r#","ext":[1]"#), wrong_type("ext", "an array")),
        (with(r#","ext":1.0"#), wrong_type("ext", "a number")),
        (with(r#","ext":1e3"#), wrong_type("ext", "a number")),
        (with(r#","ext":2147483648"#), wrong_type("ext", "a number")),
        (with(r#","subject":5"#), "member `subject` is a number, it should be a string".to_owned()),
        (with(r#","time":true"#), "member `time` is a boolean, it should be a string".to_owned()),
        (
            with(r#","time":"yesterday""#),
            "not a valid CloudEvent: attribute `time` is \"yesterday\", which is not an RFC 3339 timestamp"
                .to_owned(),
        ),
        (with(r#","time":"2018-04-05 17:31""#), "not a valid CloudEvent: attribute `time`".to_owned()),
        (
            with(r#","subject":"""#),
            "not a valid CloudEvent: attribute `subject` must not be empty".to_owned(),
        ),
        (with(r#","id":"2""#), "member `id` is there more than once".to_owned()),
        (with(r#","data":1,"data":1"#), "member `data` is there more than once".to_owned()),
        (
            with(r#","data":1,"data_base64":"""#),
            "members `data` and `data_base64` exclude each other, both are there".to_owned(),
        ),
        (
            with(r#","data_base64":5"#),
            "member `data_base64` is a number, it should be a string of Base64".to_owned(),
        ),
        (with(r#","data_base64":"*""#), "member `data_base64` is not Base64 (RFC 4648): Invalid".to_owned()),
        (
            with(r#","datacontenttype":"text/plain","data":{}"#),
            "member `data` is an object, it should be a string, because its media type is not JSON"
                .to_owned(),
        ),
        (
            with(r#","datacontenttype":"text/plain; charset=latin1","data":"a""#),
            "member `data` is declared to be in the character set latin1".to_owned(),
        ),
        (
            with(r#","datacontenttype":"json","data":"a""#),
            "not a valid CloudEvent: attribute `datacontenttype`".to_owned(),
        ),
        (with(r#","Capital":"a""#), "not a valid CloudEvent: `Capital` is not an attribute name".to_owned()),
        (
            with(r#","under_score":1"#),
            "not a valid CloudEvent: `under_score` is not an attribute name".to_owned(),
        ),
        (with(r#","subject":"\ud800""#), "member `subject` is a string".to_owned()),
        (
            with("").replace("1.0", "0.3"),
            "not a valid CloudEvent: specversion \"0.3\" is not supported: Signalbox speaks CloudEvents 1.0"
                .to_owned(),
        ),
        (
            with("").replace("specversion", "version"),
            "not a valid CloudEvent: attribute `specversion` is required".to_owned(),
        ),
        (
            with("").replace(r#""1.0""#, "1.0"),
            "member `specversion` is a number, it should be a string".to_owned(),
        ),
        (
            with("").replace(r#","id":"1""#, ""),
            "not a valid CloudEvent: attribute `id` is required".to_owned(),
        ),
        (
            with("").replace("/mycontext", "my context"),
            "not a valid CloudEvent: attribute `source` is \"my context\"".to_owned(),
        ),
    ] {
        let found = refusal(&text);
        assert!(found.starts_with(&wanted), "{text}\n{found}\nshould begin with\n{wanted}");
    }
}

#[test]
fn a_batch_is_an_array_of_events_and_may_be_empty() {
    assert_eq!(encode_batch([]), b"[]");
    assert_eq!(decode_batch(b" [] ").unwrap(), []);
    let text = format!("[{},\n{}]", with(""), with(r#","subject":"s""#));
    let events = decode_batch(text.as_bytes()).unwrap();
    assert_eq!((events.len(), events[1].subject()), (2, Some("s")));
    assert_eq!(decode_batch(&encode_batch(&events)).unwrap(), events);
}

#[test]
fn a_batch_with_a_wrong_event_says_which() {
    let error = decode_batch(format!("[{},7]", with("")).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "event 1 of the batch (counted from 0) cannot be read");
    assert!(
        matches!(error, DecodeError::InBatch { index: 1, source } if matches!(*source, DecodeError::Syntax { .. }))
    );
    let error = decode_batch(with("").as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "not a JSON batch (an array of objects) of the CloudEvents JSON format");
}

#[test]
fn a_value_holds_the_event_even_when_the_body_is_nested_deep() {
    let event = read(r#","subject":"s","data":{"a":[1,2]}"#);
    let value = to_value(&event);
    assert_eq!((&value["subject"], &value["data"]["a"][1]), (&Value::from("s"), &Value::from(2)));
    assert_eq!(from_value(&value).unwrap(), event);

    let deep = "[".repeat(5000) + &"]".repeat(5000);
    let event = Envelope::builder("1", "/a", "b").body("application/json", deep).build().unwrap();
    assert_eq!(decode(&encode(&event)).unwrap(), event);
    let value = to_value(&event);
    assert!(value["data"].is_null() && value["data_base64"].is_string());
    assert_eq!(from_value(&value).unwrap(), event);
}
