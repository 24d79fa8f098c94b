//! A folder of format 1, as the program of that time wrote it (`golden/format-1`): 40 events of which the thirtieth is
//! damaged, a large one, a redelivery to `h`; a consumer `h` that has settled 1 to 3 and 5, and put off 4; state with and
//! without expiry; a dead letter.

use super::*;
use crate::archive::{Archive as _, Cursor};
use crate::dead::DeadLetters;

fn folder(dir: &Path) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/embedded/golden/format-1");
    std::fs::create_dir_all(dir.join("log/blobs")).unwrap();
    for name in ["db", "conf"] {
        std::fs::copy(golden.join(name), dir.join("log").join(name)).unwrap();
    }
    let body = large();
    let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(body.body()));
    std::fs::create_dir_all(dir.join("blobs").join(&hash[..2])).unwrap();
    std::fs::write(dir.join("blobs").join(&hash[..2]).join(&hash), body.body()).unwrap();
}

fn large() -> Envelope {
    let body = vec![b'x'; 70_000];
    Envelope::builder("large", "/tests", "t").body("application/octet-stream", body).build().unwrap()
}

/// Shortly after the folder was written.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(DateTime::from_timestamp(1_767_326_645, 0).unwrap()))
}

#[tokio::test]
async fn a_folder_of_format_1_is_migrated_with_everything_in_it() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path());
    let engine = Embedded::open(dir.path(), clock()).await.unwrap();
    // The log: the same events at the same places, with their times.
    let read = engine.read(Position(1), 100).await.unwrap();
    assert_eq!(read.iter().map(|of| of.position.0).collect::<Vec<_>>(), (1..=41).collect::<Vec<_>>());
    for recorded in &read[..40] {
        let id = recorded.position.0;
        match &recorded.event {
            Ok(found) => assert_eq!(*found, event(&id.to_string())),
            Err(damaged) => assert!(id == 30 && damaged.reason.contains("checksum"), "{id}: {damaged:?}"),
        }
    }
    assert_eq!(read[1].recorded.timestamp(), 1_767_323_045 + 60);
    let body = crate::claim::check_out(&engine, read[40].event.clone().unwrap()).await.unwrap();
    assert_eq!(body, large());
    // What was known is a duplicate; what is damaged is no event any more.
    for (id, known) in [("1", true), ("40", true), ("30", false)] {
        assert_eq!(engine.publish(&event(id)).await.unwrap().duplicate, known, "{id}");
    }
    let redelivered = engine.redeliver("h", &event("7"), "token-1").await.unwrap();
    assert_eq!((redelivered.position, redelivered.duplicate), (Position(42), true));
    // The consumer: where it was.
    let cursor = Cursor { name: "h".to_owned(), floor: Position(3), settled: vec![Position(5)] };
    assert_eq!(engine.cursors().await.unwrap(), [cursor]);
    let mut deliveries = engine.consume(spec()).await.unwrap();
    let back = deliveries.next().await.unwrap();
    assert_eq!((back.position, back.again), (Position(4), true));
    let next = deliveries.next().await.unwrap();
    assert_eq!((next.position, next.again), (Position(6), true));
    // The state.
    assert_eq!(engine.get(Bucket::Watch, "stays").await.unwrap().unwrap().value, b"v");
    assert_eq!(engine.get(Bucket::Ledger, "goes").await.unwrap().unwrap().value, b"w");
    let ledger = engine.state(Bucket::Ledger, None, 10).await.unwrap();
    assert_eq!(ledger[0].expires.unwrap().timestamp(), 1_767_323_045 + 40 * 60 + 24 * 3600);
    let revision = engine.put(Bucket::Watch, "stays", b"x".to_vec(), Expect::Any, None).await.unwrap();
    assert!(revision > 3, "revisions go on: {revision}");
    let store: Arc<dyn crate::Store> = Arc::new(engine.clone());
    let letters = DeadLetters::new(store).list().await.unwrap();
    assert_eq!((letters.len(), letters[0].position, letters[0].attempts), (1, Position(5), 3));
}

#[tokio::test]
async fn a_migration_that_was_cut_off_is_begun_anew() {
    for step in ["building", "events in place", "all in place"] {
        let dir = tempfile::tempdir().unwrap();
        folder(dir.path());
        let engine = Embedded::open(dir.path(), clock()).await.unwrap();
        let whole = engine.verify().await.unwrap();
        close(engine).await;
        // As a crash at this step leaves it.
        std::fs::remove_file(dir.path().join("format")).unwrap();
        std::fs::remove_file(dir.path().join("log")).unwrap();
        std::fs::rename(dir.path().join("format-1"), dir.path().join("log")).unwrap();
        let building = dir.path().join("migrating");
        match step {
            "building" => {
                std::fs::create_dir(&building).unwrap();
                std::fs::rename(dir.path().join("events"), building.join("events")).unwrap();
                std::fs::remove_dir_all(dir.path().join("state")).unwrap();
            }
            "events in place" => {
                std::fs::create_dir(&building).unwrap();
                std::fs::rename(dir.path().join("state"), building.join("state")).unwrap();
            }
            _ => {}
        }
        let engine = Embedded::open(dir.path(), clock()).await.unwrap();
        assert_eq!(engine.verify().await.unwrap(), whole, "{step}");
        assert_eq!((whole.messages, whole.damage.len()), (41, 1), "{whole:?}");
    }
}

#[tokio::test]
async fn a_program_for_format_1_finds_no_folder_that_it_could_begin_anew() {
    let dir = tempfile::tempdir().unwrap();
    close(engine(dir.path()).await).await;
    let old = dir.path().join("log");
    assert!(old.is_file());
    assert!(std::fs::create_dir_all(&old).is_err(), "what it does first fails");
    // And what it left is kept, out of the way.
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path());
    close(Embedded::open(dir.path(), clock()).await.unwrap()).await;
    assert!(dir.path().join("log").is_file() && dir.path().join("format-1/db").is_file());
}

#[tokio::test]
async fn a_database_of_an_unknown_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path());
    let old = database::open(&dir.path().join("log")).unwrap();
    old.insert(b"m/format", b"7").unwrap();
    drop(old);
    let Err(error) = Embedded::open(dir.path(), clock()).await else { panic!("it opened") };
    let text = format!("{:#}", anyhow::Error::new(error));
    assert!(text.contains("version 7") && text.contains("use the program that wrote it"), "{text}");
    assert!(dir.path().join("log/db").is_file() && !dir.path().join("events").exists());
}

#[tokio::test]
async fn a_log_without_its_format_is_not_taken_for_an_empty_folder() {
    let dir = tempfile::tempdir().unwrap();
    close(engine(dir.path()).await).await;
    std::fs::remove_file(dir.path().join("format")).unwrap();
    let Err(error) = Embedded::open(dir.path(), clock()).await else { panic!("it opened") };
    assert!(format!("{:#}", anyhow::Error::new(error)).contains("no file `format`"));
}
