use super::*;

#[test]
fn the_mode_is_told_by_the_beginning_of_the_media_type() {
    for (value, wanted) in [
        ("application/json", Ok(Mode::Other)),
        ("", Ok(Mode::Other)),
        ("application/cloudevents", Ok(Mode::Structured)),
        ("application/cloudevents+json", Ok(Mode::Structured)),
        ("Application/CloudEvents+JSON; charset=UTF-8", Ok(Mode::Structured)),
        ("application/cloudevents+json; charset=\"us-ascii\"", Ok(Mode::Structured)),
        ("application/cloudevents-batch+json", Ok(Mode::Batch)),
        ("application/cloudevents-batch+json;charset=utf-8", Ok(Mode::Batch)),
        ("application/cloudevents+avro", Err(Unreadable::Format("application/cloudevents+avro".to_owned()))),
        (
            "application/cloudevents-batch+xml",
            Err(Unreadable::Format("application/cloudevents-batch+xml".to_owned())),
        ),
        ("application/cloudevents+json; charset=utf-16", Err(Unreadable::Charset("utf-16".to_owned()))),
        (
            "application/cloudevents-batch+json; Charset=ISO-8859-1",
            Err(Unreadable::Charset("iso-8859-1".to_owned())),
        ),
    ] {
        assert_eq!(MediaType::parse(value).mode(), wanted, "{value}");
    }
}

#[test]
fn text_that_a_json_string_can_hold_is_told_from_bytes() {
    for (value, wanted) in [
        ("text/plain", true),
        ("text/html; charset=UTF-8", true),
        ("application/xml", true),
        ("image/svg+xml", true),
        ("application/yaml", true),
        ("text/plain; charset=iso-8859-1", false),
        ("application/octet-stream", false),
        ("application/vnd.apache.thrift.binary", false),
        ("image/png", false),
    ] {
        assert_eq!(MediaType::parse(value).is_utf8_text(), wanted, "{value}");
    }
}

#[test]
fn semicolons_in_quotes_part_nothing() {
    let parts: Vec<_> = split_parameters(r#"a/b; c="d;e\";f"; charset=utf-8"#).collect();
    assert_eq!(parts, ["a/b", r#" c="d;e\";f""#, " charset=utf-8"]);
}
