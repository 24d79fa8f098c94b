use events::payload::notification::{Requested, Severity};
use events::{Announcement, Envelope};
use proptest::prelude::*;
use serde_json::Value;

use super::render;
use crate::limits::slack as limits;

fn event() -> Envelope {
    Envelope::builder(
        "0b0e5d5e-5f0e-5b5e-8a5e-3b1f2c8e4d60",
        "/signalbox/automator",
        "io.signalbox.notification.requested.v1",
    )
    .json(&Announcement::of(&request("x")).data)
    .build()
    .expect("the event is valid")
}

fn request(text: &str) -> Requested {
    Requested {
        channel: "team".to_owned(),
        text: text.to_owned(),
        title: None,
        severity: Severity::Info,
        automation: None,
    }
}

fn rendered(request: &Requested) -> Option<Value> {
    render(request, &event()).map(|payload| serde_json::to_value(payload).expect("a payload is plain data"))
}

/// Slack's own rules, told apart from the renderer: of the documentation, not of our table.
fn check(payload: &Value) {
    let units = |text: &Value| text.as_str().expect("a text is a string").encode_utf16().count();
    let blocks = payload["blocks"].as_array().expect("there are blocks");
    assert!((1..=50).contains(&blocks.len()), "{} blocks", blocks.len());
    let mut total = units(&payload["text"]);
    assert!((1..=4_000).contains(&total), "fallback of {total}");
    for block in blocks {
        let (text, limit) = match block["type"].as_str() {
            Some("header") => {
                assert_eq!(block["text"]["type"], "plain_text");
                (&block["text"], 150)
            }
            Some("section") => (&block["text"], 3_000),
            Some("context") => (&block["elements"][0], 3_000),
            other => panic!("a block of type {other:?}"),
        };
        if block["type"] != "header" {
            assert_eq!((&text["type"], &text["verbatim"]), (&"mrkdwn".into(), &true.into()));
        }
        let length = units(&text["text"]);
        assert!((1..=limit).contains(&length), "{length} in a {}", block["type"]);
        let shown = text["text"].as_str().expect("a text is a string");
        assert!(!shown.trim().is_empty(), "a blank {}", block["type"]);
        total += length;
    }
    assert!(total <= 13_000, "{total} altogether");
}

/// Everything in angle brackets that Slack would act on.
fn commands(payload: &Value) -> Vec<String> {
    let mut texts = vec![payload["text"].as_str().expect("a string").to_owned()];
    for block in payload["blocks"].as_array().expect("an array") {
        let text =
            if block["type"] == "context" { &block["elements"][0]["text"] } else { &block["text"]["text"] };
        texts.push(text.as_str().expect("a string").to_owned());
    }
    texts
        .iter()
        .flat_map(|text| {
            text.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default().to_owned())
        })
        .collect()
}

#[test]
fn an_alert_with_everything() {
    let payload = rendered(&Requested {
        title: Some("shop is broken in prod".to_owned()),
        severity: Severity::Critical,
        automation: Some("tell-ops".to_owned()),
        ..request(
            "KubePodCrashLooping <api-7c> & friends\nhttps://prometheus.example/graph?g0.expr=up&g0.tab=1",
        )
    });
    insta::assert_json_snapshot!(payload);
}

#[test]
fn a_plain_text_without_a_title() {
    let payload = rendered(&Requested { severity: Severity::Success, ..request("shop runs 4c1f9a0 in dev") });
    insta::assert_json_snapshot!(payload);
}

#[test]
fn a_title_alone_is_a_message() {
    let payload = rendered(&Requested { title: Some("hello".to_owned()), ..request("  \n") })
        .expect("there is a title");
    check(&payload);
    assert_eq!(payload["text"], "hello");
    assert_eq!(payload["blocks"].as_array().map(Vec::len), Some(2), "header and context");
}

#[test]
fn neither_title_nor_text_is_no_message() {
    for (title, text) in [(None, ""), (Some(""), " \n\t"), (Some("\u{7}"), "\0")] {
        assert_eq!(rendered(&Requested { title: title.map(str::to_owned), ..request(text) }), None);
    }
}

#[test]
fn nobody_is_pinged_by_a_value() {
    let evil =
        "<!channel> <!here|x> <@U024BE7LH> <#C024BE7LR> <!subteam^S1> <https://evil.example|safe> @here";
    let payload = rendered(&Requested {
        title: Some(evil.to_owned()),
        automation: Some(evil.to_owned()),
        ..request(evil)
    })
    .expect("there is a text");
    check(&payload);
    assert_eq!(
        commands(&payload),
        ["https://evil.example"],
        "one link that we marked ourselves, under its own name"
    );
}

#[test]
fn a_long_text_says_how_much_is_missing() {
    let payload = rendered(&request(&"line of a log\n".repeat(5_000))).expect("there is a text");
    check(&payload);
    let sections: Vec<_> =
        payload["blocks"].as_array().expect("an array").iter().filter(|b| b["type"] == "section").collect();
    let last = sections.last().expect("there are sections")["text"]["text"].as_str().expect("a string");
    assert!(last.ends_with(" more characters)"), "{last}");
}

#[test]
fn the_table_adds_up() {
    assert_eq!(limits::SECTIONS + limits::HEADER + limits::CONTEXT + limits::FALLBACK, limits::TOTAL);
}

/// Texts that are long, or full of what has to be escaped, or of characters of two units, or of white space.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        any::<String>(),
        "[&<>]{1,400}",
        "[\u{1F600}-\u{1F64F}]{1,800}",
        "https?://[a-z&|]{1,1200}",
        "[ \n\t\r]{1,2000}",
        "[a-z\u{301}\u{200D}]{1,4000}",
    ];
    prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_breaks_a_limit_or_commands_slack(text in texts(), title in prop::option::of(texts()), automation in prop::option::of(texts())) {
        if let Some(payload) = rendered(&Requested { title, automation, ..request(&text) }) {
            check(&payload);
            for command in commands(&payload) {
                prop_assert!(command.starts_with("http://") || command.starts_with("https://"), "{}", command);
                prop_assert!(!command.contains('|'), "{}", command);
            }
        }
    }
}
