//! What is the embedded engine's alone; what both engines promise is tested in `tests/flows/conformance`.

mod archive;
mod damage;
mod faults;
mod migration;
mod retention;
mod start;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use events::Envelope;

use super::{Embedded, database, keys, record};
use crate::bus::{Bus as _, ConsumerSpec, Position, Settle, Start};
use crate::engine::OpenError;
use crate::store::{Bucket, Expect, Store as _};
use crate::{ManualClock, SystemClock};

async fn engine(dir: &Path) -> Embedded {
    Embedded::open(dir, Arc::new(SystemClock)).await.unwrap()
}

async fn close(engine: Embedded) {
    engine.close().await;
}

fn event(id: &str) -> Envelope {
    Envelope::builder(id, "/tests", "t").json(&serde_json::json!({ "id": id })).build().unwrap()
}

fn spec() -> ConsumerSpec {
    ConsumerSpec {
        name: "h".to_owned(),
        types: vec!["*".to_owned()],
        start: Start::Beginning,
        max_in_flight: 8,
        ack_wait: Duration::from_secs(30),
    }
}

#[tokio::test]
async fn everything_is_there_after_the_folder_was_closed_and_opened() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path()).await;
    for id in ["1", "2", "3"] {
        first.publish(&event(id)).await.unwrap();
    }
    let revision = first.put(Bucket::Watch, "k", b"v".to_vec(), Expect::Any, None).await.unwrap();
    let mut deliveries = first.consume(spec()).await.unwrap();
    deliveries.next().await.unwrap().acker.settle(Settle::Ack).await.unwrap();
    // Put off: its attempt must be remembered, too.
    deliveries.next().await.unwrap().acker.settle(Settle::Return(Duration::ZERO)).await.unwrap();
    drop(deliveries);
    close(first).await;

    let second = engine(dir.path()).await;
    assert_eq!(second.last().await.unwrap(), Position(3));
    assert!(second.publish(&event("2")).await.unwrap().duplicate);
    assert!(
        second.put(Bucket::Watch, "k", b"w".to_vec(), Expect::Revision(revision), None).await.unwrap()
            > revision
    );
    let mut deliveries = second.consume(spec()).await.unwrap();
    let back = deliveries.next().await.unwrap();
    assert_eq!((back.position, back.again), (Position(2), true));
    let new = deliveries.next().await.unwrap();
    assert_eq!(new.position, Position(3));
}

#[tokio::test]
async fn a_second_opener_is_told_that_the_folder_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let _first = engine(dir.path()).await;
    let second = Embedded::open(dir.path(), Arc::new(SystemClock)).await;
    assert!(matches!(second, Err(OpenError::Locked(_))), "{:?}", second.err());
}

#[tokio::test]
async fn a_snapshot_that_was_torn_by_a_kill_does_not_keep_the_folder_shut() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path()).await;
    first.publish(&event("1")).await.unwrap();
    close(first).await;
    let log = dir.path().join("state");
    // Half a snapshot under sled's temporary name, and a whole name with damaged bytes.
    std::fs::write(log.join("snap.FFFFFFFFFFFFFFFF.generating"), b"half").unwrap();
    std::fs::write(log.join("snap.7FFFFFFFFFFFFFFF"), b"damaged").unwrap();
    let second = engine(dir.path()).await;
    assert_eq!(second.read(Position(1), 10).await.unwrap().len(), 1);
    assert!(log.join("damaged-snap.7FFFFFFFFFFFFFFF").exists(), "what was damaged is kept to be looked at");
}

#[tokio::test]
async fn a_folder_of_another_format_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path()).await;
    close(first).await;
    std::fs::write(dir.path().join("format"), "99\n").unwrap();
    let second = Embedded::open(dir.path(), Arc::new(SystemClock)).await;
    let Err(OpenError::Embedded { source, .. }) = second else { panic!("it opened") };
    let text = source.to_string();
    assert!(text.contains("version 99") && text.contains("use the program that wrote it"), "{text}");
}

#[tokio::test]
async fn an_expired_key_is_absent_by_the_clock_and_is_swept_away() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(DateTime::UNIX_EPOCH));
    let engine = Embedded::open(dir.path(), clock.clone()).await.unwrap();
    let ttl = Some(Duration::from_mins(1));
    engine.put(Bucket::Lease, "k", b"v".to_vec(), Expect::Absent, ttl).await.unwrap();
    clock.advance(Duration::from_secs(59));
    assert!(engine.get(Bucket::Lease, "k").await.unwrap().is_some());
    clock.advance(Duration::from_secs(1));
    assert!(engine.get(Bucket::Lease, "k").await.unwrap().is_none());
    engine.put(Bucket::Lease, "k", b"w".to_vec(), Expect::Absent, None).await.unwrap();
    assert_eq!(engine.get(Bucket::Lease, "k").await.unwrap().unwrap().value, b"w");
}

#[tokio::test]
async fn a_stopped_engine_takes_nothing_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    engine.close().await;
    assert!(engine.publish(&event("1")).await.is_err());
    assert!(engine.check().await.is_err());
}

#[tokio::test]
async fn sled_writes_nothing_beside_the_log_that_we_sync() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    for id in 0..60 {
        // The largest body that stays in the log.
        let body = vec![b'x'; crate::claim::EMBEDDED_INLINE_BYTES];
        let event = Envelope::builder(id.to_string(), "/tests", "t").body("application/octet-stream", body);
        engine.publish(&event.build().unwrap()).await.unwrap();
    }
    let beside: Vec<_> =
        std::fs::read_dir(database::blob_folder(&dir.path().join("state"))).unwrap().collect();
    assert!(beside.is_empty(), "{beside:?}");
    // Ours, which we sync, for one byte more.
    let body = vec![b'x'; crate::claim::EMBEDDED_INLINE_BYTES + 1];
    let event =
        Envelope::builder("large", "/tests", "t").body("application/octet-stream", body).build().unwrap();
    engine.publish(&event).await.unwrap();
    assert!(dir.path().join("blobs").is_dir());
    let light = engine.read(Position(61), 1).await.unwrap().remove(0).event.unwrap();
    assert_eq!(crate::claim::check_out(&engine, light).await.unwrap(), event);
}

#[tokio::test]
async fn a_position_is_never_given_twice_although_the_end_of_the_log_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path()).await;
    for id in ["1", "2", "3"] {
        first.publish(&event(id)).await.unwrap();
    }
    let mut deliveries = first.consume(spec()).await.unwrap();
    for _ in 0..3 {
        deliveries.next().await.unwrap().acker.settle(Settle::Ack).await.unwrap();
    }
    drop(deliveries);
    close(first).await;
    let path = dir.path().join("events").join(format!("{:020}.log", 1));
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - 40).unwrap();
    let second = engine(dir.path()).await;
    // Sent again, it is no duplicate: its event is gone.
    let again = second.publish(&event("3")).await.unwrap();
    assert_eq!((again.position, again.duplicate), (Position(4), false));
    let mut deliveries = second.consume(spec()).await.unwrap();
    assert_eq!(
        deliveries.next().await.unwrap().position,
        Position(4),
        "who has settled the lost one gets it"
    );
}

#[tokio::test]
async fn a_damaged_state_entry_fails_its_own_readers_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    engine.put(Bucket::Watch, "bad", b"v".to_vec(), Expect::Any, None).await.unwrap();
    engine.0.state.db().unwrap().insert(keys::state(Bucket::Watch, "bad"), b"damaged").unwrap();
    assert!(engine.put(Bucket::Watch, "bad", b"w".to_vec(), Expect::Absent, None).await.is_err());
    engine.put(Bucket::Watch, "good", b"v".to_vec(), Expect::Any, None).await.unwrap();
    engine.check().await.unwrap();
}

#[test]
fn a_record_of_version_1_is_read_for_ever() {
    let golden = include_bytes!("golden/record.v1.bin");
    let decoded = record::decode(golden).unwrap();
    assert_eq!(decoded.recorded, DateTime::from_timestamp_millis(1_767_323_045_000).unwrap());
    assert_eq!(decoded.message.subject, "signalbox.events.t");
    let headers = decoded.message.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    assert_eq!(events::nats::decode(headers, &decoded.message.payload).unwrap(), event("1"));
    assert_eq!(record::encode(decoded.recorded, decoded.message), golden, "the same is written");
}

#[tokio::test]
async fn an_empty_log_ends_at_zero_and_begins_at_one() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    assert_eq!((engine.last().await.unwrap(), engine.first().await.unwrap()), (Position(0), Position(1)));
}
