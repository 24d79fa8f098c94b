use chassis::Recorded;
use events::{Envelope, json};
use serde_json::json;

use super::sample::{at, deploy};
use super::{Node, Story};
use crate::{RenderOptions, Times};

/// An event with the causality that is given.
fn event(id: &str, cause: Option<&str>, root: &str) -> Envelope {
    let mut builder = Envelope::builder(id, "/here", "com.example.thing.happened").json(&json!({"id": id}));
    builder = builder.extension("correlationid", root);
    if let Some(cause) = cause {
        builder = builder.extension("causationid", cause);
    }
    builder.build().expect("the event is valid")
}

fn ids(nodes: &[Node]) -> String {
    let one = |node: &Node| {
        let mark = if node.event.is_none() { "?" } else { "" };
        let children =
            if node.children.is_empty() { String::new() } else { format!("({})", ids(&node.children)) };
        format!("{}{mark}{children}", node.id)
    };
    nodes.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_story_reads_from_the_root_cause_to_every_effect() {
    let (events, letters) = deploy();
    let focus = events[4].event.as_ref().expect("an event").id().to_owned();
    let story = Story::build(&events, &focus).with_dead_letters(&letters);
    insta::assert_snapshot!("everything", story.render(RenderOptions::default()));
    let bare = RenderOptions { ids: false, times: Times::None, color: false, ascii: true };
    insta::assert_snapshot!("nothing_that_changes", story.render(bare));
    let absolute = RenderOptions { ids: false, times: Times::Absolute, color: true, ascii: false };
    insta::assert_snapshot!("absolute_and_coloured", story.render(absolute).replace('\u{1b}', "ESC"));
}

#[test]
fn a_story_as_json_is_the_same_story() {
    let (events, letters) = deploy();
    let story = Story::build(&events, "nothing").with_dead_letters(&letters);
    assert_eq!(story.events, 0, "nothing has this id");
    let root = events[0].event.as_ref().expect("an event").id();
    let story = Story::build(&events, root).with_dead_letters(&letters);
    let text = serde_json::to_string(&story).expect("it can be written");
    assert_eq!(serde_json::from_str::<Story>(&text).expect("it can be read"), story);
    insta::assert_json_snapshot!("as_json", story);
}

#[test]
fn every_event_of_a_story_tells_the_same_story() {
    let (events, _) = deploy();
    let whole = Story::build(&events, events[0].event.as_ref().expect("an event").id());
    assert_eq!(whole.events, events.len());
    for recorded in &events {
        let story = Story::build(&events, recorded.event.as_ref().expect("an event").id());
        assert_eq!((&story.roots, &story.correlationid), (&whole.roots, &whole.correlationid));
    }
}

#[test]
fn the_order_in_which_events_are_given_does_not_matter() {
    let (mut events, _) = deploy();
    let forward = Story::build(&events, "x").roots;
    events.reverse();
    assert_eq!(Story::build(&events, "x").roots, forward);
}

/// An event of a log: its id and its cause.
type Logged = (&'static str, Option<&'static str>);

/// Events as (id, cause), all of the correlation `r`, in the order of the log; and the tree that they make.
#[test]
fn whatever_the_causes_are_each_event_is_told_once() {
    let table: [(&[Logged], &str); 11] = [
        (&[("r", None)], "r"),
        (&[("r", None), ("a", Some("r")), ("b", Some("r")), ("c", Some("a"))], "r(a(c) b)"),
        // The root is no longer in the log.
        (&[("a", Some("r")), ("b", Some("a")), ("c", Some("r"))], "r?(a(b) c)"),
        // Something in the middle is missing.
        (&[("r", None), ("a", Some("x")), ("b", Some("a")), ("c", Some("y"))], "r x?(a(b)) y?(c)"),
        // An effect before its cause: somebody published out of order.
        (&[("r", None), ("b", Some("a")), ("a", Some("r"))], "r(a(b))"),
        // Circles.
        (&[("r", Some("r"))], "r"),
        (&[("a", Some("b")), ("b", Some("a"))], "a(b)"),
        (
            &[("r", None), ("a", Some("c")), ("b", Some("a")), ("c", Some("b")), ("d", Some("c"))],
            "r a(b(c(d)))",
        ),
        // An event that names itself beside one that does not.
        (&[("a", Some("a")), ("b", Some("a"))], "a(b)"),
        // The same event twice.
        (&[("r", None), ("a", Some("r")), ("a", Some("r")), ("b", Some("a"))], "r(a(b))"),
        (&[], ""),
    ];
    for (log, tree) in table {
        let events = (1..).zip(log).map(|(position, (id, cause))| at(position, 0, event(id, *cause, "r")));
        let story = Story::build(&events.collect::<Vec<_>>(), "r");
        assert_eq!(ids(&story.roots), tree, "{log:?}");
    }
}

#[test]
fn events_of_other_stories_and_messages_that_are_none_are_left_out() {
    let undecodable = chassis::bus::Undecodable {
        subject: "s".to_owned(),
        headers: Vec::new(),
        payload: Vec::new(),
        reason: "no ce-id".to_owned(),
    };
    let events = [
        at(1, 0, event("r", None, "r")),
        at(2, 0, event("s", None, "s")),
        Recorded { event: Err(undecodable), ..at(3, 0, event("x", None, "r")) },
        at(4, 0, event("a", Some("r"), "r")),
    ];
    let story = Story::build(&events, "a");
    assert_eq!((ids(&story.roots).as_str(), story.events), ("r(a)", 2));
}

#[test]
fn of_two_events_with_one_id_the_last_before_the_effect_is_its_cause() {
    let elsewhere = event("a", Some("r"), "r").to_builder();
    let elsewhere = elsewhere.body("text/plain", "other").build().expect("the event is valid");
    // Another source makes it another event.
    let mut text = String::from_utf8(json::encode(&elsewhere)).expect("JSON is UTF-8");
    text = text.replace("/here", "/there");
    let elsewhere = json::decode(text.as_bytes()).expect("it is an event");
    let events = [
        at(1, 0, event("r", None, "r")),
        at(2, 0, event("a", Some("r"), "r")),
        at(3, 0, event("b", Some("a"), "r")),
        at(4, 0, elsewhere),
        at(5, 0, event("c", Some("a"), "r")),
    ];
    assert_eq!(ids(&Story::build(&events, "r").roots), "r(a(b) a(c))");
}

#[test]
fn a_chain_of_any_length_is_a_tree_that_can_be_written_read_and_drawn() {
    let link = |n: u64| format!("e{n}");
    let events: Vec<_> = (0..20_000)
        .map(|n| at(n + 1, 0, event(&link(n), n.checked_sub(1).map(link).as_deref(), "e0")))
        .collect();
    let story = Story::build(&events, "e0");
    assert_eq!(story.events, 20_000);
    let text = serde_json::to_string(&story).expect("it can be written");
    assert_eq!(serde_json::from_str::<Story>(&text).expect("it can be read"), story);
    let drawn = story.render(RenderOptions::default());
    assert_eq!(drawn.lines().count(), 20_001, "a line for each event and the head");
}

#[test]
fn what_is_not_shown_is_named() {
    let mut story = Story::build(&[at(1, 0, event("a", Some("gone"), "root"))], "a");
    story.notes.push("7 more events are not shown".to_owned());
    let options = RenderOptions { times: Times::None, ..RenderOptions::default() };
    insta::assert_snapshot!(story.render(options));
}

#[test]
fn nothing_in_an_event_can_command_a_terminal() {
    let evil = "\u{1b}[2J\u{202e}\n";
    let mut root = Envelope::builder("r", "/x", "io.signalbox.notification.failed.v1");
    root = root.json(&json!({"channel": evil, "channel_kind": evil, "reason": evil})).subject("a\u{202e}b");
    let story = Story::build(&[at(1, 0, root.build().expect("the event is valid"))], "r");
    let text = story.render(RenderOptions::default());
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
}
