//! A message as JSON for any endpoint. Pure.

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::notification::{Requested, Severity};
use serde::Serialize;

use crate::limits::webhook as limits;
use crate::text;

/// What is posted; documented in the README.
#[derive(Debug, Serialize)]
pub(crate) struct Payload<'a> {
    id: &'a str,
    source: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<DateTime<Utc>>,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    text: String,
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    automation: Option<&'a str>,
    correlationid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<String>,
}

/// Renders a message; `None` when it has neither a title nor a text.
pub(crate) fn render<'a>(request: &'a Requested, event: &'a Envelope) -> Option<Payload<'a>> {
    let Requested { channel, text, title, severity, automation } = request;
    let title = title.as_deref().filter(|title| !title.trim().is_empty());
    if title.is_none() && text.trim().is_empty() {
        return None;
    }
    Some(Payload {
        id: event.id(),
        source: event.source(),
        r#type: event.ty(),
        time: event.time(),
        channel,
        title: title.map(|title| text::cut(title, limits::TITLE_CHARS)),
        text: text::cut(text, limits::TEXT_CHARS),
        severity: *severity,
        automation: automation.as_deref(),
        correlationid: event.correlation_id().into_owned(),
        causationid: event.causation_id().map(std::borrow::Cow::into_owned),
    })
}

/// The headers: one that makes the receiver's own dedup easy, and the attributes of the event.
pub(crate) fn headers(event: &Envelope) -> Vec<(String, String)> {
    // Binary mode whatever its media type: the body that goes with these is ours.
    let bare = event.to_builder().without_body().datacontenttype("application/json").build();
    let bare = bare.expect("a valid event stays valid without its body");
    let attributes =
        events::http::encode_binary(&bare).headers.into_iter().filter(|(name, _)| name.starts_with("ce-"));
    let mut headers: Vec<_> = attributes.collect();
    let id = headers.iter().find(|(name, _)| name == "ce-id").map(|(_, id)| id.clone());
    headers.extend(id.map(|id| ("idempotency-key".to_owned(), id)));
    headers
}

#[cfg(test)]
mod tests {
    use events::payload::notification::{Requested, Severity};
    use events::{Announcement, Envelope, Kind};
    use proptest::prelude::*;

    use super::{headers, render};

    fn event(id: &str, request: &Requested) -> Envelope {
        Envelope::builder(id, "/signalbox/automator", Kind::NotificationRequested.name())
            .subject("ops")
            .time("2026-09-01T10:00:00Z".parse().expect("a time"))
            .extension("correlationid", "root")
            .extension("causationid", "parent")
            .json(&Announcement::of(request).data)
            .build()
            .expect("the event is valid")
    }

    fn request() -> Requested {
        Requested {
            channel: "ops".to_owned(),
            text: "KubePodCrashLooping <api>".to_owned(),
            title: Some("shop is broken".to_owned()),
            severity: Severity::Warning,
            automation: Some("tell-ops".to_owned()),
        }
    }

    #[test]
    fn the_documented_body() {
        insta::assert_json_snapshot!(render(&request(), &event("0b0e5d5e", &request())));
    }

    #[test]
    fn a_body_without_what_is_optional() {
        let request = Requested { title: None, automation: None, severity: Severity::Info, ..request() };
        let event = Envelope::builder("1", "/x", Kind::NotificationRequested.name())
            .build()
            .expect("the event is valid");
        insta::assert_json_snapshot!(render(&request, &event));
    }

    #[test]
    fn the_documented_headers() {
        insta::assert_yaml_snapshot!(headers(&event("id with ä", &request())));
    }

    #[test]
    fn the_body_is_a_body_of_the_type_that_the_headers_name() {
        let event = event("1", &request());
        let body = serde_json::to_vec(&render(&request(), &event)).expect("plain data");
        let read = event.to_builder().body("application/json", body).build().expect("the event is valid");
        assert_eq!(read.payload::<Requested>().expect("a receiver can read it"), request());
    }

    #[test]
    fn neither_title_nor_text_is_no_message() {
        let request = Requested { title: Some(" ".to_owned()), text: "\n".to_owned(), ..request() };
        assert!(render(&request, &event("1", &request)).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn no_text_breaks_a_limit(text in any::<String>(), times in 1_usize..20_000, title in "\\PC{1,3000}") {
            let text = text.repeat(times.min(400_000 / text.len().max(1)));
            let request = Requested { text, title: Some(title), ..request() };
            let event = event("1", &self::request());
            if let Some(payload) = render(&request, &event) {
                prop_assert!(payload.text.chars().count() <= 100_000);
                prop_assert!(payload.title.as_ref().is_none_or(|title| title.chars().count() <= 1_000));
                let body = serde_json::to_vec(&payload).expect("plain data");
                prop_assert!(body.len() < 1 << 20, "{} bytes", body.len());
            }
        }
    }
}
