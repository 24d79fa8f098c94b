//! Dead letters.

use chassis::dead::{DeadLetters, Death};
use chassis::{Clock as _, Engine, Position, SystemClock};
use events::Envelope;

use super::{ask, letters};
use crate::cli::{DeadCommand, RedriveArgs, SettleArgs};
use crate::exit::Exit;
use crate::query::{Query, dead};
use crate::serve::tests::{SOURCE, place};
use crate::settings::Settings;

/// A folder with three dead letters: one that can be driven again, one that is no event, and one that is too old.
async fn graveyard(settings: &Settings) -> [String; 3] {
    let engine = Engine::open(&settings.bus.0).await.expect("the folder is free");
    let letters = DeadLetters::new(engine.store.clone());
    let event =
        Envelope::builder("e1", "/test", "io.signalbox.deploy.requested.v1").build().expect("it is valid");
    let broken = chassis::bus::Undecodable {
        subject: "signalbox.events.x".to_owned(),
        headers: vec![("ce-id".to_owned(), "1".to_owned())],
        payload: b"\xff".to_vec(),
        reason: "no ce-source".to_owned(),
    };
    let reasons = || vec!["cannot push".to_owned(), "connection refused".to_owned()];
    let now = SystemClock.now();
    let one = letters
        .bury(Death {
            handler: "deployer",
            event: Ok(&event),
            position: Position(1),
            reasons: reasons(),
            attempts: 10,
            failures: vec![chassis::attempts::Failed { at: now, reasons: reasons() }],
            first_tried: None,
            now,
        })
        .await
        .expect("it is kept");
    let other = letters
        .bury(Death {
            handler: "deployer",
            event: Err(&broken),
            position: Position(2),
            reasons: reasons(),
            attempts: 1,
            failures: Vec::new(),
            first_tried: None,
            now,
        })
        .await
        .expect("it is kept");
    let event = Envelope::builder("e3", "/test", "x.old").build().expect("it is valid");
    let old = letters
        .bury(Death {
            handler: "deployer",
            event: Ok(&event),
            position: Position(3),
            reasons: reasons(),
            attempts: 1,
            failures: Vec::new(),
            first_tried: Some(now - chrono::TimeDelta::days(46)),
            now,
        })
        .await
        .expect("it is kept");
    drop(letters);
    engine.close().await;
    [one.id, other.id, old.id]
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_shown_driven_again_and_dropped() {
    let (_folder, settings) = place(SOURCE);
    let [one, other, old] = graveyard(&settings).await;
    let query = Query::open(&settings).await.expect("the folder is free");
    let run = async |command: DeadCommand| {
        ask(&query, async |query, out| dead::run(query, command, out).await).await
    };
    let show = |id: &str| DeadCommand::Show { id: id.to_owned(), json: false };
    let one_of = |id: &str| SettleArgs { ids: vec![id.to_owned()], ..SettleArgs::default() };
    let redrive = |id: &str, force| DeadCommand::Redrive(RedriveArgs { which: one_of(id), force });
    let many = |yes, force| {
        let which = SettleArgs { all: true, yes, ..SettleArgs::default() };
        DeadCommand::Redrive(RedriveArgs { which, force })
    };

    let (_, said) = run(letters(false)).await;
    assert_eq!(said.lines().count(), 3, "{said}");
    assert!(said.contains(&one) && said.contains("cannot push: connection refused"), "{said}");
    let (_, said) = run(letters(true)).await;
    assert!(said.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{said}");
    let (_, said) = run(show(&one)).await;
    assert!(
        said.contains("reason     cannot push\nbecause    connection refused\nfailed at  ")
            && said.contains("+00:00: cannot push: connection refused\n")
            && said.contains("\"id\": \"e1\""),
        "{said}"
    );
    let (_, said) = run(show(&other)).await;
    assert!(said.contains("header     ce-id: 1\n") && said.contains("base64     /w==\n"), "{said}");

    let (exit, said) = run(redrive(&other, false)).await;
    assert_eq!(exit, Exit::Failed);
    assert!(said.contains("could not be decoded"), "{said}");
    let (exit, said) = run(many(false, false)).await;
    assert_eq!(
        (exit, said.contains("Drive 3 dead letters again? There is no terminal")),
        (Exit::Usage, true),
        "{said}"
    );
    let (exit, said) = run(redrive(&old, false)).await;
    assert_eq!(exit, Exit::Failed);
    assert!(
        said.contains("may have forgotten") && said.contains("hint: ") && said.contains("--force"),
        "{said}"
    );
    let ids = vec![other.clone(), "0000000000000000".to_owned(), old.clone()];
    let which = SettleArgs { ids, ..SettleArgs::default() };
    let (exit, said) = run(DeadCommand::Redrive(RedriveArgs { which, force: false })).await;
    let told = said.matches("not done: ").count();
    assert_eq!((exit, told), (Exit::Failed, 3), "one that cannot be stops no other: {said}");
    assert!(said.contains("not done: 0000000000000000: there is no dead letter 0000000000000000"), "{said}");
    let (exit, said) = run(many(true, false)).await;
    assert_eq!(exit, Exit::Failed, "two of them cannot be");
    assert!(
        said.contains(&format!("driven again: {one}"))
            && said.contains(&format!("not done: {other}"))
            && said.contains(&format!("not done: {old}"))
            && said.contains("1 driven again, 2 not, for the reasons above"),
        "{said}"
    );
    let (exit, said) = run(redrive(&old, true)).await;
    assert_eq!((exit, said), (Exit::Done, format!("driven again: {old} (deployer on x.old)\n")));
    assert_eq!(run(show(&one)).await.0, Exit::NotFound);
    let (exit, said) = run(DeadCommand::Drop(one_of(&other))).await;
    assert_eq!(
        (exit, said),
        (Exit::Done, format!("dropped: {other} (deployer on a message that is no event)\n"))
    );
    assert_eq!(run(letters(false)).await.1, "no dead letters\n");
    query.close().await;
}
