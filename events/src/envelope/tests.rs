use super::*;

fn minimal() -> EnvelopeBuilder {
    Envelope::builder("1", "/here", "com.example.seen")
}

fn error(builder: EnvelopeBuilder) -> String {
    builder.build().unwrap_err().to_string()
}

#[test]
fn the_three_required_attributes_are_enough() {
    let event = minimal().build().unwrap();
    assert_eq!((event.id(), event.source(), event.ty()), ("1", "/here", "com.example.seen"));
    assert_eq!(
        (event.subject(), event.time(), event.datacontenttype(), event.dataschema()),
        (None, None, None, None)
    );
    assert!(event.extensions().is_empty() && !event.has_body() && event.body().is_empty());
    assert_eq!(event.json().unwrap(), Value::Null);
}

#[test]
fn an_attribute_that_breaks_a_rule_is_named() {
    let ends: DateTime<Utc> = "+12345-01-01T00:00:00Z".parse().unwrap();
    for (builder, wanted) in [
        (Envelope::builder("", "/here", "a"), "attribute `id` is required and must not be empty"),
        (Envelope::builder("1", "", "a"), "attribute `source` is required and must not be empty"),
        (Envelope::builder("1", "/here", ""), "attribute `type` is required and must not be empty"),
        (Envelope::builder("1\n", "/here", "a"), "attribute `id` has the forbidden character U+000A"),
        (Envelope::builder("1", "/he re", "a"), "attribute `source` is \"/he re\""),
        (Envelope::builder("1", "/here", "a\u{7f}"), "attribute `type` has the forbidden character U+007F"),
        (minimal().subject(""), "attribute `subject` must not be empty"),
        (minimal().subject("a\0"), "attribute `subject` has the forbidden character U+0000"),
        (minimal().time(ends), "attribute `time` is \"+12345-01-01"),
        (minimal().datacontenttype(""), "attribute `datacontenttype` must not be empty"),
        (minimal().datacontenttype("json"), "attribute `datacontenttype` is \"json\""),
        (minimal().dataschema(""), "attribute `dataschema` must not be empty"),
        (
            minimal().dataschema("/relative"),
            "attribute `dataschema` is \"/relative\", which is not an absolute URI",
        ),
        (minimal().dataschema("https://a b"), "attribute `dataschema` is \"https://a b\""),
        (minimal().extension("Capital", "a"), "`Capital` is not an attribute name"),
        (minimal().extension("time", "a"), "`time` cannot be the name of an extension"),
        (minimal().extension("empty", ""), "attribute `empty` must not be empty"),
        (minimal().extension("bad", "\r"), "attribute `bad` has the forbidden character U+000D"),
    ] {
        let found = error(builder);
        assert!(found.starts_with(wanted), "{found}\nshould begin with\n{wanted}");
    }
}

#[test]
fn an_empty_body_is_no_body_and_keeps_its_media_type() {
    let event = minimal().body("text/plain", "").build().unwrap();
    assert!(!event.has_body());
    assert_eq!(event.datacontenttype(), Some("text/plain"));
    assert_eq!(event, minimal().datacontenttype("text/plain").build().unwrap());
}

#[test]
fn a_later_extension_of_one_name_wins_and_one_can_be_taken_away() {
    let event = minimal().extension("a", "1").extension("b", "2").extension("a", "3").without_extension("b");
    assert_eq!(event.build().unwrap().extensions(), [("a", Cow::Borrowed("3"))]);
}

#[test]
fn a_builder_from_an_event_makes_the_same_event() {
    let event = minimal()
        .subject("s")
        .time("2026-09-01T10:00:00.000000001Z".parse().unwrap())
        .body("application/json; charset=utf-8", "{ }")
        .dataschema("https://example.com/schema")
        .extension("z", "1")
        .extension("a", "2")
        .build()
        .unwrap();
    assert_eq!(event.to_builder().build().unwrap(), event);
    let without = event.to_builder().without_body().extension("dataref", "blob:1").build().unwrap();
    assert!(!without.has_body());
    assert_eq!(without.datacontenttype(), event.datacontenttype());
    let debug = format!("{event:?}");
    assert!(debug.contains("body_bytes: 3") && !debug.contains("{ }"), "a body may hold secrets: {debug}");
}

#[test]
fn a_root_event_is_its_own_correlation() {
    let event = minimal().build().unwrap();
    assert_eq!((event.correlation_id().as_ref(), event.causation_id(), event.hops()), ("1", None, 0));
    assert_eq!(minimal().extension("hops", "many").build().unwrap().hops(), 0);
}

#[test]
fn without_a_partition_key_the_source_and_the_subject_keep_the_order() {
    assert_eq!(minimal().build().unwrap().partition_key(), "/here");
    assert_eq!(minimal().subject("s").build().unwrap().partition_key(), "/here#s");
    assert_eq!(minimal().subject("s").partition_key("k").build().unwrap().partition_key(), "k");
}

#[test]
fn json_is_told_by_the_media_type_without_case_and_parameters() {
    for (media_type, wanted) in [
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        ("application/vnd.x+json;v=1", true),
        ("text/json", true),
        ("application/jsonp", false),
        ("application/x-json", false),
        ("text/plain; a=+json", false),
        ("json", false),
    ] {
        assert_eq!(is_json(media_type), wanted, "{media_type}");
    }
    assert!(minimal().build().unwrap().is_json(), "an absent media type is taken for JSON");
}
