use super::*;

#[test]
fn names_are_lower_case_letters_and_digits() {
    let longest = "a".repeat(MAX_NAME_CHARS);
    for good in ["a", "7", "traceparent", "comexampleextension1", &longest] {
        assert_eq!(name(good), Ok(()), "{good}");
    }
    let too_long = "a".repeat(MAX_NAME_CHARS + 1);
    for bad in
        ["", "Traceparent", "trace_parent", "trace-parent", "trace.parent", "trace parent", "é", &too_long]
    {
        assert_eq!(name(bad), Err(InvalidEnvelope::Name(bad.to_owned())), "{bad}");
    }
}

#[test]
fn extensions_cannot_take_the_names_of_the_core() {
    for taken in
        ["id", "source", "specversion", "type", "datacontenttype", "dataschema", "subject", "time", "data"]
    {
        assert_eq!(extension_name(taken), Err(InvalidEnvelope::Reserved(taken.to_owned())));
    }
    assert_eq!(extension_name("data_base64"), Err(InvalidEnvelope::Name("data_base64".to_owned())));
    assert_eq!(extension_name("database64"), Ok(()));
    assert_eq!(extension_name("ids"), Ok(()));
}

#[test]
fn strings_have_no_control_characters_and_no_non_characters() {
    for good in
        ["", " ", "~", "\u{a0}", "é", "€", "😀", "\u{fffd}", "\u{fdcf}", "\u{fdf0}", "\u{10fffd}", "\u{200b}"]
    {
        assert_eq!(string("subject", good), Ok(()), "{good:?}");
    }
    for bad in [
        '\0',
        '\t',
        '\n',
        '\r',
        '\u{1f}',
        '\u{7f}',
        '\u{80}',
        '\u{9f}',
        '\u{fdd0}',
        '\u{fdef}',
        '\u{fffe}',
        '\u{ffff}',
        '\u{1fffe}',
        '\u{10ffff}',
    ] {
        let error = string("subject", &format!("a{bad}")).unwrap_err();
        assert_eq!(error, InvalidEnvelope::Character { name: "subject".to_owned(), code: u32::from(bad) });
    }
    let error = string("subject", "a\u{85}").unwrap_err().to_string();
    assert!(error.contains("U+0085"), "{error}");
}

#[test]
fn values_are_small_enough_for_headers_and_types_for_subjects() {
    assert_eq!(string("subject", &"a".repeat(MAX_VALUE_BYTES)), Ok(()));
    let error = string("subject", &"é".repeat(MAX_VALUE_BYTES / 2 + 1)).unwrap_err();
    assert_eq!(error.to_string(), "attribute `subject` has 8194 bytes, the limit is 8192");
    assert_eq!(event_type("type", &"a".repeat(MAX_TYPE_BYTES)), Ok(()));
    let error = event_type("type", &"a".repeat(MAX_TYPE_BYTES + 1)).unwrap_err();
    assert_eq!(error.to_string(), "attribute `type` has 1025 bytes, the limit is 1024");
    assert!(event_type("type", "a\nb").is_err());
}

#[test]
fn uri_references_keep_to_the_grammar() {
    for good in [
        "https://github.com/cloudevents",
        "mailto:cncf-wg-serverless@lists.cncf.io",
        "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66",
        "/cloudevents/spec/pull/123",
        "/sensors/tn-1234567/alerts",
        "1-555-123-4567",
        "//[::1]:8080/?a=b&c='d'#e",
        "/a%20b%C3%A9",
    ] {
        assert_eq!(uri_reference("source", good), Ok(()), "{good}");
    }
    for bad in [
        "/a b", "/é", "/a%2", "/a%zz", "/%", "/a\"b", "/a<b>", "/a\\b", "/a|b", "/a^b", "/a`b", "/a{b}",
        "/a\n",
    ] {
        assert!(uri_reference("source", bad).is_err(), "{bad:?}");
    }
}

#[test]
fn media_types_are_a_type_a_subtype_and_parameters() {
    for good in [
        "application/json",
        "Application/JSON",
        "application/vnd.github+json",
        "text/plain; charset=utf-8",
        "text/plain;charset=\"utf-8\"",
        "text/plain ; a=b ; c=\"d; e\"",
        "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
        "application/json;",
    ] {
        assert_eq!(media_type("datacontenttype", good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "json",
        "/json",
        "application/",
        "application /json",
        "application/js on",
        "a/b/c",
        " text/plain",
        "text/plain ",
        "text/plain; charset",
        "text/plain; =utf-8",
        "text/plain; charset=é",
        "text/plain; a=\"b",
        "text/plain\u{9}",
    ] {
        assert!(media_type("datacontenttype", bad).is_err(), "{bad:?}");
    }
}

#[test]
fn times_have_a_year_of_four_digits() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(time("time", at("0000-01-01T00:00:00Z")), Ok(()));
    assert_eq!(time("time", at("9999-12-31T23:59:59.999999999Z")), Ok(()));
    assert!(time("time", at("+10000-01-01T00:00:00Z")).is_err());
    assert!(time("time", at("-0001-12-31T23:59:59Z")).is_err());
}

#[test]
fn errors_show_the_beginning_of_a_long_value() {
    let error = uri_reference("source", &"é".repeat(4000)).unwrap_err().to_string();
    assert!(error.contains("éé…") && error.len() < 500, "{error}");
}

#[test]
fn errors_show_nothing_that_breaks_out_of_a_line() {
    let error = name("a\n\u{1b}[2J\u{85}").unwrap_err().to_string();
    assert!(error.contains(r"`a\n\u{1b}[2J\u{85}`") && !error.contains(char::is_control), "{error}");
    let error = name(&"x".repeat(1_000_000)).unwrap_err().to_string();
    assert!(error.len() < 500, "{error}");
}
