use std::collections::HashSet;

use super::*;
use crate::payload::notification::{Requested, Severity};

fn now() -> DateTime<Utc> {
    "2026-09-01T10:00:00Z".parse().unwrap()
}

fn parent() -> Envelope {
    let trace = root_traceparent("https://github.com/acme/shop", "d1");
    Envelope::builder("d1", "https://github.com/acme/shop", "com.github.push")
        .extension(extension::TRACEPARENT, trace)
        .build()
        .unwrap()
}

fn message() -> Announcement {
    Announcement::of(&Requested {
        channel: "team".to_owned(),
        text: "hello".to_owned(),
        title: None,
        severity: Severity::Info,
        automation: None,
    })
}

#[test]
fn a_derived_event_belongs_to_the_story_of_its_parent() {
    let announcement = message().subject("team").partition_key("team");
    let child = derive(&parent(), "automator", "0", &announcement, now()).unwrap();
    assert_eq!(child.ty(), "io.signalbox.notification.requested.v1");
    assert_eq!(child.source(), "/signalbox/automator");
    assert_eq!((child.subject(), child.partition_key().as_ref()), (Some("team"), "team"));
    assert_eq!(child.time(), Some(now()));
    assert_eq!((child.correlation_id().as_ref(), child.causation_id().as_deref()), ("d1", Some("d1")));
    assert_eq!(child.hops(), 1);
    assert_eq!(child.payload::<Requested>().unwrap().text, "hello");

    let grandchild = derive(&child, "notifier", "sent", &message(), now()).unwrap();
    assert_eq!(grandchild.correlation_id(), "d1");
    assert_eq!(grandchild.causation_id().as_deref(), Some(child.id()));
    assert_eq!(grandchild.hops(), 2);
    assert_eq!((grandchild.subject(), grandchild.extension(extension::PARTITION_KEY)), (None, None));
}

#[test]
fn a_second_run_announces_the_same_event() {
    let once = derive(&parent(), "automator", "0", &message(), now()).unwrap();
    assert_eq!(derive(&parent(), "automator", "0", &message(), now()).unwrap(), once);
    let later = now() + chrono::TimeDelta::seconds(7);
    let again = derive(&parent(), "automator", "0", &message(), later).unwrap();
    assert_eq!(
        (again.source(), again.id()),
        (once.source(), once.id()),
        "the clock is not part of the identity"
    );
}

/// These ids are on disks: when this test fails, every derived event becomes new to the bus.
#[test]
fn the_derived_id_never_changes() {
    assert_eq!(derived_id(&parent(), "automator", "0"), "3f5077c5-4381-51de-952f-488d589b0da9");
    assert_eq!(
        root_traceparent("https://github.com/acme/shop", "d1"),
        "00-567942526dca5a7badb33a064fc64668-adb33a064fc64668-01"
    );
}

#[test]
fn ids_differ_when_any_of_parent_handler_and_step_differs() {
    let event = |source: &str, id: &str| Envelope::builder(id, source, "a").build().unwrap();
    let ids: HashSet<_> = [
        derived_id(&event("/a", "bc"), "h", "s"),
        derived_id(&event("/ab", "c"), "h", "s"),
        derived_id(&event("/a", "b"), "ch", "s"),
        derived_id(&event("/a", "bc"), "hs", ""),
        derived_id(&event("/a", "bc"), "", "hs"),
        derived_id(&event("/a", "bc"), "h", "t"),
        derived_id(&event("/a", "2:bc"), "h", "s"),
    ]
    .into();
    assert_eq!(ids.len(), 7);
}

#[test]
fn a_loop_of_automations_ends_at_the_hop_limit() {
    let mut event = parent();
    for hop in 1..=MAX_HOPS {
        event = derive(&event, "automator", "0", &message(), now()).unwrap();
        assert_eq!(event.hops(), hop);
    }
    let error = derive(&event, "automator", "0", &message(), now()).unwrap_err();
    assert_eq!(error, HopLimit::Exceeded { parent: event.id().to_owned(), root: "d1".to_owned() });
}

#[test]
fn an_announcement_that_is_no_event_says_why() {
    let error = derive(&parent(), "automator", "0", &message().subject(""), now()).unwrap_err();
    assert_eq!(error, HopLimit::Invalid(InvalidEnvelope::Empty("subject".to_owned())));
}

#[test]
fn a_story_is_one_trace_with_a_span_for_each_event() {
    let root = parent();
    let trace_of = |event: &Envelope| {
        let traceparent = event.traceparent().unwrap().into_owned();
        let parts: Vec<_> = traceparent.split('-').map(str::to_owned).collect();
        assert_eq!(parts.iter().map(String::len).collect::<Vec<_>>(), [2, 32, 16, 2], "{traceparent}");
        (parts[1].clone(), parts[2].clone())
    };
    let first = derive(&root, "automator", "0", &message(), now()).unwrap();
    let second = derive(&root, "automator", "1", &message(), now()).unwrap();
    let (trace, root_span) = trace_of(&root);
    let spans: HashSet<_> = [root_span, trace_of(&first).1, trace_of(&second).1].into();
    assert_eq!((trace_of(&first).0, trace_of(&second).0), (trace.clone(), trace));
    assert_eq!(spans.len(), 3);
}

#[test]
fn a_broken_trace_context_is_replaced_by_one_of_the_story() {
    for broken in [
        "nonsense",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6-00f067aa0ba902b7-01",
    ] {
        let parent = parent().to_builder().extension(extension::TRACEPARENT, broken).build().unwrap();
        let child = derive(&parent, "automator", "0", &message(), now()).unwrap();
        let sibling = derive(&parent, "automator", "1", &message(), now()).unwrap();
        let traces =
            [child, sibling].map(|event| trace_id(&event.traceparent().unwrap()).unwrap().to_owned());
        assert_eq!(traces[0], traces[1], "{broken}");
    }
}
