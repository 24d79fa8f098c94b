//! What is buried is kept with all its bytes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chassis::bus::Undecodable;
use chassis::dead::{DeadError, DeadLetters, Death};
use chassis::{Bucket, Clock as _, Position, SystemClock};

use super::{Fixture, on_both_engines};

on_both_engines!(a_message_that_is_no_event_is_kept_whole_however_large_it_is);

async fn a_message_that_is_no_event_is_kept_whole_however_large_it_is(on: Fixture) -> anyhow::Result<()> {
    let dead = DeadLetters::new(on.engine.store.clone());
    // As much as a server of NATS takes in one message by default: in base64 it is more than that.
    for (position, bytes, beside) in [(1, 100, false), (2, 1 << 20, true)] {
        let message = Undecodable {
            subject: "events.t".to_owned(),
            headers: vec![("ce-id".to_owned(), "1".to_owned())],
            payload: vec![0xff; bytes],
            reason: "there is no ce-type".to_owned(),
        };
        let death = Death {
            handler: "h",
            event: Err(&message),
            position: Position(position),
            reasons: vec![message.reason.clone()],
            attempts: 1,
            failures: Vec::new(),
            first_tried: None,
            now: SystemClock.now(),
        };
        let letter = dead.bury(death).await?;
        assert_eq!(letter.message_beside.is_some(), beside);
        // It is found again as it was, and in a list without its bytes.
        let found = dead.get(&letter.id).await?.message.expect("it has its message");
        assert_eq!((&found.subject, &found.headers), (&message.subject, &message.headers));
        assert_eq!(BASE64_STANDARD.decode(&found.payload_base64)?, message.payload);
        let listed =
            dead.list().await?.into_iter().find(|listed| listed.id == letter.id).expect("it is listed");
        assert_eq!(listed.message.is_some(), !beside);
        let driven = dead.redrive(&*on.engine.bus, &letter.id, SystemClock.now()).await;
        assert!(matches!(driven, Err(DeadError::Undecodable(_))), "{driven:?}");
        dead.drop(&letter.id).await?;
    }
    assert!(on.engine.store.scan(Bucket::DeadLetters, "").await?.is_empty());
    Ok(())
}
