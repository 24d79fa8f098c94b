//! `signalbox events show`.

use anyhow::Context as _;
use console::api::{Entry, Unreadable};
use events::Envelope;

use super::{Query, escape};
use crate::exit::{Exit, Stop};
use crate::output::{Output, Style, harmless};

/// Prints one event.
pub async fn run(query: &Query, id: &str, json: bool, out: &mut Output) -> Result<Exit, Stop> {
    let entry: Entry = query.get(&format!("/api/v1/events/{}", escape(id))).await?;
    if json {
        let event: serde_json::Value = serde_json::from_str(entry.json()).context("the event is not JSON")?;
        out.line(format_args!("{event:#}"))?;
        return Ok(Exit::Done);
    }
    let mut row = |name: &str, value: &str| {
        let name = out.styled(Style::Dim, format_args!("{name:<16}"));
        out.line(format_args!("{name} {}", harmless(value)))
    };
    row("position", &entry.position.to_string())?;
    if let Some(note) = &entry.note {
        row("note", note)?;
    }
    row("recorded", &entry.recorded.to_rfc3339())?;
    match entry.envelope() {
        Some(event) => {
            let event = event.context("the event cannot be read")?;
            for (name, value) in attributes(&event) {
                row(&name, &value)?;
            }
            out.line(format_args!("\n{}", body(&event)))?;
        }
        None => {
            if let Some(Unreadable { subject, reason, bytes }) = &entry.unreadable {
                row("subject", subject)?;
                row("no event", reason)?;
                row("body", &format!("{bytes} bytes"))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// The attributes that are there, the required ones first.
fn attributes(event: &Envelope) -> Vec<(String, String)> {
    let optional = [
        ("subject", event.subject().map(str::to_owned)),
        ("time", event.time().map(|time| time.to_rfc3339())),
        ("datacontenttype", event.datacontenttype().map(str::to_owned)),
        ("dataschema", event.dataschema().map(str::to_owned)),
    ];
    [("type", event.ty()), ("id", event.id()), ("source", event.source())]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))))
        .chain(event.extensions().into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())))
        .collect()
}

/// The body for people: JSON with indents, other text as it is, anything else as its size.
fn body(event: &Envelope) -> String {
    let bytes = event.body();
    if !event.has_body() {
        return "(no body)".to_owned();
    }
    match (event.is_json().then(|| event.json()), std::str::from_utf8(bytes)) {
        (Some(Ok(value)), _) => harmless(&format!("{value:#}")),
        (_, Ok(text)) => harmless(text),
        (_, Err(_)) => format!("({} bytes that are no text)", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use events::Envelope;

    use super::{attributes, body};

    fn event(media: &str, bytes: &[u8]) -> Envelope {
        let builder = Envelope::builder("1", "/s", "t").body(media, bytes).extension("hops", "2");
        builder.build().expect("the event is valid")
    }

    #[test]
    fn a_body_is_shown_as_what_it_is() {
        for (media, bytes, shown) in [
            ("application/json", &b"{\"a\":[1]}"[..], "{\n  \"a\": [\n    1\n  ]\n}"),
            ("application/json", b"{broken", "{broken"),
            ("text/plain", b"one\x1b[2Jtwo", "one\u{fffd}[2Jtwo"),
            ("image/png", b"\xff\xfe", "(2 bytes that are no text)"),
        ] {
            assert_eq!(body(&event(media, bytes)), shown, "{media}");
        }
        let without = Envelope::builder("1", "/s", "t").build().expect("the event is valid");
        assert_eq!(body(&without), "(no body)");
    }

    #[test]
    fn absent_attributes_are_not_shown() {
        let names: Vec<String> =
            attributes(&event("text/plain", b"x")).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["type", "id", "source", "datacontenttype", "hops"]);
    }
}
