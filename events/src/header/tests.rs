use proptest::prelude::*;

use super::*;

#[test]
fn the_example_of_the_specification_is_encoded_as_it_says() {
    assert_eq!(encode("Euro € 😀"), "Euro%20%E2%82%AC%20%F0%9F%98%80");
    assert_eq!(decode("subject", "Euro%20%E2%82%AC%20%F0%9F%98%80").unwrap(), "Euro € 😀");
}

#[test]
fn space_quote_percent_and_all_that_is_not_printable_ascii_is_encoded() {
    assert_eq!(encode(" \"%"), "%20%22%25");
    assert_eq!(encode("\r\n\t\0\u{7f}"), "%0D%0A%09%00%7F");
    let printable: String = ('!'..='~').filter(|c| !"\"%".contains(*c)).collect();
    assert_eq!(encode(&printable), printable);
}

#[test]
fn values_of_all_kinds_of_senders_are_decoded() {
    for (value, wanted) in [
        ("plain", "plain"),
        ("  plain\t", "plain"),
        ("%e2%82%ac", "€"),         // Lower-case hexadecimal must be accepted.
        ("%41%7e", "A~"),           // So must what needed no encoding.
        ("%2541", "%41"),           // One round, not two.
        ("Euro € 😀", "Euro € 😀"), // The Go SDK encodes nothing …
        ("100% sure", "100% sure"), // … not even the percent sign.
        ("%", "%"),
        ("%zz", "%zz"),
        ("\"Euro € 😀\"", "Euro € 😀"), // Before 1.0.1 quotes were the way.
        (r#""a \"quoted\" \\ word""#, r#"a "quoted" \ word"#),
        ("\"%20\"", " "), // Quotes first, then percents.
        ("\" padded \"", " padded "),
        ("\"\"", ""),
        ("\"open", "\"open"),
        (r#"say "hi""#, r#"say "hi""#),
        (r#""a" and "b""#, r#""a" and "b""#),
        ("\"ends in a backslash\\\"", "\"ends in a backslash\\\""),
        ("\"", "\""),
    ] {
        assert_eq!(decode("subject", value).as_deref(), Ok(wanted), "{value}");
    }
}

#[test]
fn a_uri_that_was_not_encoded_keeps_its_own_escapes() {
    for (attribute, value, wanted) in [
        ("source", "/a%2520b", "/a%20b"), // As the specification says.
        ("source", "/a%20b", "/a%20b"),   // As the Go SDK writes it: decoded, it would be no URI.
        ("dataschema", "https://a/b%22", "https://a/b%22"),
        ("source", "/a%2Fb", "/a/b"),  // Nobody can tell: it is a URI both ways.
        ("source", "/a b", "/a b"),    // Neither is one; the event is refused for it.
        ("subject", "/a%20b", "/a b"), // Only URIs have escapes of their own.
    ] {
        assert_eq!(decode(attribute, value).as_deref(), Ok(wanted), "{attribute}: {value}");
    }
}

#[test]
fn escapes_that_are_not_utf_8_are_refused() {
    for value in ["%C0%A0", "%ff", "a%E2%82", "%ED%A0%80", "\"%80\""] {
        assert_eq!(decode("subject", value), Err(InvalidEnvelope::Encoding("subject".to_owned())), "{value}");
    }
}

#[test]
fn a_header_carries_an_attribute_when_its_name_begins_with_the_prefix() {
    assert_eq!(attribute_name("ce-id").as_deref(), Some("id"));
    assert_eq!(attribute_name("Ce-SpecVersion").as_deref(), Some("specversion"));
    assert_eq!(attribute_name("CE-").as_deref(), Some(""));
    for other in ["", "c", "ce", "ce_id", "Nats-Msg-Id", "cé-id", "traceparent"] {
        assert_eq!(attribute_name(other), None, "{other}");
    }
}

proptest! {
    #[test]
    fn whatever_is_encoded_is_ascii_and_decodes_to_the_same(value in any::<String>()) {
        let encoded = encode(&value);
        prop_assert!(encoded.bytes().all(|b| b.is_ascii_graphic()));
        prop_assert_eq!(decode("subject", &encoded).unwrap(), value);
    }
}
