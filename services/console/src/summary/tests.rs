use events::{Envelope, Kind, json};
use strum::IntoEnumIterator as _;

use super::{Summary, word_of};

fn event(ty: &str, media_type: &str, body: &[u8]) -> Envelope {
    Envelope::builder("1", "/x", ty).body(media_type, body).build().expect("the event is valid")
}

/// One line for each sample of the catalogue: whoever adds a type sees here what people will read.
#[test]
fn every_type_of_ours_is_summed_up() {
    let mut table = String::new();
    for kind in Kind::iter() {
        let sample = json::decode(kind.sample().as_bytes()).expect("a sample is an event");
        let Summary { word, essence, details, effect } = Summary::of(&sample);
        assert!(!essence.contains("cannot be read"), "{kind}: {essence}");
        let effect = effect.map(|effect| format!(" => {} {}", effect.what, effect.id.unwrap_or_default()));
        table += &(format!("{word} | {essence}{}", effect.unwrap_or_default()).trim_end().to_owned() + "\n");
        for detail in details {
            table += &("    ".to_owned() + &detail + "\n");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn github_is_summed_up_by_its_views() {
    for (sample, word, essence) in [
        (
            &include_bytes!("../../../../events/samples/com.github.workflow_run.completed.json")[..],
            "workflow run completed",
            "acme/shop: ci #",
        ),
        (
            &include_bytes!("../../../../events/samples/com.github.push.json")[..],
            "push",
            "acme/shop: main is at 4c1f9a0: Round prices half up",
        ),
        (
            &include_bytes!("../../../../events/samples/com.github.ping.json")[..],
            "ping",
            "the webhook of acme/shop works",
        ),
    ] {
        let summary = Summary::of(&json::decode(sample).expect("a sample is an event"));
        assert_eq!(summary.word, word);
        assert!(summary.essence.starts_with(essence), "{}", summary.essence);
    }
}

#[test]
fn a_body_that_is_not_what_its_type_says_is_told_as_such() {
    let summary = Summary::of(&event(Kind::DeployFailed.name(), "application/json", b"{\"app\": 7}"));
    assert_eq!(summary.word, "deploy failed");
    assert!(summary.essence.starts_with("its body cannot be read: invalid type"), "{}", summary.essence);
    // GitHub's is not ours to judge.
    let summary = Summary::of(&event("com.github.push", "application/json", b"{\"ref\": 7}"));
    assert_eq!((summary.word.as_str(), summary.essence.as_str()), ("push", "{\"ref\": 7}"));
}

#[test]
fn what_nobody_knows_is_shown_by_its_beginning_or_its_size() {
    let of =
        |media_type, body: &[u8]| Summary::of(&event("com.example.order.created", media_type, body)).essence;
    assert_eq!(of("application/json", b"{\n  \"order\": 7\n}"), "{ \"order\": 7 }");
    assert_eq!(of("text/plain", "ä".repeat(5_000).as_bytes()), "ä".repeat(79) + "…");
    assert_eq!(of("image/png", &[0x89, 0x50]), "2 bytes of image/png");
    assert_eq!(of("application/json", &[0xff, 0xfe, b'{']), "3 bytes of application/json");
    let empty = Envelope::builder("1", "/x", "com.example.ping").build().expect("the event is valid");
    assert_eq!(Summary::of(&empty).essence, "no body");
}

#[test]
fn types_become_words() {
    for (ty, word) in [
        ("com.github.workflow_run.completed", "workflow run completed"),
        ("io.signalbox.deploy.requested.v1", "deploy requested"),
        ("io.argoproj.application.out-of-sync.v1", "application out of sync"),
        ("com.example.order.created.v12", "order created"),
        ("com.example.v1", "example"),
        ("order.created", "created"),
        ("created", "created"),
        ("v1", "v1"),
        ("a.b.c.version", "c version"),
    ] {
        assert_eq!(word_of(ty), word, "{ty}");
    }
}
