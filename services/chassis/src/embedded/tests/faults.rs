//! What comes at the worst moment: a disk that fails in the middle of a write, no room for what makes room, a reader whose
//! file goes under it.

use std::io;

use super::damage::{files, small};
use super::*;
use crate::archive::Archive as _;
use crate::bus::PublishError;
use crate::embedded::Options;
use crate::embedded::log::seam::Point;

const DAY: Duration = Duration::from_hours(24);
const PATIENCE: Duration = Duration::from_secs(20);

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(DateTime::from_timestamp(1_767_323_045, 0).unwrap()))
}

async fn publish(engine: &Embedded, ids: std::ops::RangeInclusive<u64>) {
    for id in ids {
        engine.publish(&event(&id.to_string())).await.unwrap();
    }
}

/// The events of the log: their places and ids.
async fn read(engine: &Embedded) -> Vec<(u64, String)> {
    let page = engine.read(Position(1), 1_000).await.unwrap();
    page.into_iter().map(|of| (of.position.0, of.event.unwrap().id().to_owned())).collect()
}

fn in_order(ids: std::ops::RangeInclusive<u64>) -> Vec<(u64, String)> {
    ids.map(|id| (id, id.to_string())).collect()
}

#[tokio::test]
async fn after_a_write_that_failed_the_accepted_stay_the_refused_are_not_there_and_order_goes_on() {
    for is_torn in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let first = engine(dir.path()).await;
        publish(&first, 1..=3).await;
        let path = files(dir.path(), "log").pop().unwrap();
        let seam = first.0.log.seam();
        // The bytes are in the file, all or some of them, when the disk says no.
        seam.at(Point::Sync, move || {
            let file = std::fs::File::options().write(true).open(path)?;
            file.set_len(file.metadata()?.len() - if is_torn { 40 } else { 0 })?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        // It also fails when it is mended first.
        seam.at(Point::Repair, || Err(io::Error::other("the disk is broken")));
        let refused = first.publish(&event("refused")).await;
        assert!(matches!(refused, Err(PublishError::Full(_))), "{refused:?}");
        assert!(first.publish(&event("4")).await.is_err(), "nothing is taken until it is mended");
        assert_eq!(read(&first).await, in_order(1..=3));
        let mended = async { while first.check().await.is_err() {} };
        tokio::time::timeout(PATIENCE, mended).await.expect("it is mended");
        assert!(seam.is_done());
        let batch = ["4", "5", "3"].map(event);
        let published: Vec<_> = first.publish_all(&batch).await.into_iter().map(|of| of.unwrap()).collect();
        let published: Vec<_> = published.iter().map(|of| (of.position.0, of.duplicate)).collect();
        assert_eq!(published, [(4, false), (5, false), (3, true)]);
        assert_eq!(read(&first).await, in_order(1..=5));
        close(first).await;
        // Also for whoever has to read the file itself: what was refused was cut off.
        let index = files(dir.path(), "index");
        assert_eq!(index.len(), 1, "it went on in a new file");
        std::fs::remove_file(&index[0]).unwrap();
        let second = engine(dir.path()).await;
        assert_eq!(read(&second).await, in_order(1..=5));
        assert_eq!(second.verify().await.unwrap().damage, Vec::<String>::new());
        assert!(second.publish(&event("4")).await.unwrap().duplicate);
        let sent_again = second.publish(&event("refused")).await.unwrap();
        assert_eq!((sent_again.position, sent_again.duplicate), (Position(6), false));
    }
}

#[tokio::test]
async fn old_events_go_and_their_ids_stay_although_there_is_no_room_to_write_anything() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let open = async |options| Embedded::open_with(dir.path(), clock.clone(), options).await.unwrap();
    let first = open(small()).await;
    publish(&first, 1..=100).await;
    close(first).await;
    // More than any disk has: not even the state may be written.
    let full = Options { reserve_bytes: u64::MAX, retention_bytes: 6_000, ..small() };
    let second = open(full.clone()).await;
    assert!(second.put(Bucket::Watch, "k", b"v".to_vec(), Expect::Any, None).await.is_err());
    second.tidy().await;
    let first = second.first().await.unwrap().0;
    assert!(first > 50, "{first}");
    assert!(second.usage().bytes <= 6_000, "{:?}", second.usage());
    let refused = second.publish(&event("101")).await;
    assert!(matches!(refused, Err(PublishError::Full(_))), "{refused:?}");
    let known = async |engine: &Embedded, id: u64| {
        let again = engine.publish(&event(&id.to_string())).await.unwrap();
        assert_eq!((again.position, again.duplicate), (Position(id), true));
    };
    known(&second, 1).await;
    assert_eq!(second.ids(None, 1_000).await.unwrap().len(), 100, "an export has them, too");
    close(second).await;
    // The process may have died: the indexes still have them.
    let third = open(full).await;
    known(&third, 2).await;
    assert!(files(dir.path(), "index").len() > files(dir.path(), "log").len(), "in their indexes");
    close(third).await;
    let fourth = open(small()).await;
    fourth.tidy().await;
    assert_eq!(
        files(dir.path(), "index").len() + 1,
        files(dir.path(), "log").len(),
        "with room, the state has them"
    );
    known(&fourth, 3).await;
    assert_eq!(fourth.first().await.unwrap(), Position(first));
    assert_eq!(fourth.publish(&event("101")).await.unwrap().position, Position(101));
}

#[tokio::test]
async fn old_events_go_only_past_consumers_although_the_state_cannot_be_read() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let engine = Embedded::open_with(dir.path(), clock.clone(), small()).await.unwrap();
    publish(&engine, 1..=40).await;
    engine.tidy().await;
    // Begun after the last look at the state, and the state is then lost to view.
    let mut deliveries = engine.consume(spec()).await.unwrap();
    for _ in 1..=20 {
        deliveries.next().await.unwrap().acker.settle(Settle::Ack).await.unwrap();
    }
    engine.0.state.hide();
    clock.advance(DAY * 40);
    engine.tidy().await;
    let first = engine.first().await.unwrap().0;
    assert!((10..=21).contains(&first), "{first}: what was settled is gone, and nothing else");
    assert!(engine.usage().held.is_some());
}

/// Between the choice of the next file that is read and its opening, so many are dropped.
fn dropped_under_a_reader(engine: &Embedded, files: usize) {
    let log = engine.0.log.clone();
    let step =
        move || (0..files).try_for_each(|_| log.writing().drop_oldest(false)).map_err(io::Error::other);
    engine.0.log.seam().at(Point::Load, step);
}

#[tokio::test]
async fn a_reader_whose_file_is_dropped_goes_on_with_the_next_one_that_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Embedded::open_with(dir.path(), Arc::new(SystemClock), small()).await.unwrap();
    publish(&engine, 1..=60).await;
    let begun = engine.first().await.unwrap();
    dropped_under_a_reader(&engine, 1);
    let found = engine.seek(DateTime::UNIX_EPOCH).await.unwrap();
    assert!(found > begun, "{found}");
    assert_eq!(found, engine.first().await.unwrap());
    // The one that is open goes as well, so that the next one is opened.
    engine.0.log.writing().drop_oldest(false).unwrap();
    dropped_under_a_reader(&engine, 2);
    let read = read(&engine).await;
    let first = engine.first().await.unwrap();
    assert!(first > found, "{first}");
    assert_eq!(read, in_order(first.0..=60));
    close(engine).await;
    // All of them, down to the file that is being written; a consumer passes what is gone.
    let engine = Embedded::open_with(dir.path(), Arc::new(SystemClock), small()).await.unwrap();
    let mut deliveries = engine.consume(spec()).await.unwrap();
    dropped_under_a_reader(&engine, usize::from(u8::MAX));
    let delivered = deliveries.next().await.unwrap();
    assert!(delivered.position > first);
    assert_eq!(delivered.position, engine.first().await.unwrap());
    assert!(engine.0.log.seam().is_done());
}

#[tokio::test]
async fn a_file_that_is_kept_and_cannot_be_read_is_an_error_and_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Embedded::open_with(dir.path(), Arc::new(SystemClock), small()).await.unwrap();
    publish(&engine, 1..=60).await;
    std::fs::remove_file(&files(dir.path(), "log")[0]).unwrap();
    assert!(engine.read(Position(1), 100).await.is_err());
}

#[tokio::test]
async fn no_position_is_given_twice_although_nothing_but_the_name_of_a_file_tells() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let open = async || Embedded::open_with(dir.path(), clock.clone(), small()).await.unwrap();
    // Nobody consumes: no place of a consumer tells either.
    let first = open().await;
    publish(&first, 1..=40).await;
    clock.advance(DAY * 40);
    // The last file is closed for its age, then dropped.
    first.tidy().await;
    first.tidy().await;
    assert_eq!((first.first().await.unwrap(), read(&first).await), (Position(41), Vec::new()));
    close(first).await;
    let second = open().await;
    assert_eq!((second.first().await.unwrap(), second.last().await.unwrap()), (Position(41), Position(40)));
    publish(&second, 41..=60).await;
    assert_eq!(read(&second).await, in_order(41..=60));
    // A crash: of the file that was being written not a record is left, and the one before it is lost as well.
    close(second).await;
    let logs = files(dir.path(), "log");
    let active = logs.last().unwrap();
    let named: u64 = active.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    std::fs::File::options().write(true).open(active).unwrap().set_len(16).unwrap();
    for gone in &logs[..logs.len() - 1] {
        std::fs::write(gone, b"").unwrap();
        std::fs::remove_file(gone.with_extension("index")).unwrap();
    }
    let third = open().await;
    let next = third.publish(&event("new")).await.unwrap();
    assert!(!next.duplicate && next.position >= Position(named), "{next:?}");
}

#[tokio::test]
async fn after_an_event_of_a_batch_that_is_not_stored_none_of_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    publish(&engine, 1..=1).await;
    let sized = |id: &str, bytes: usize| {
        let body = vec![b'x'; bytes];
        Envelope::builder(id, "/tests", "t").body("application/octet-stream", body).build().unwrap()
    };
    // Its large body cannot be kept: something else is where their folder should be.
    std::fs::write(dir.path().join("blobs"), b"").unwrap();
    let large = sized("large", crate::claim::EMBEDDED_INLINE_BYTES + 1);
    let huge = sized("huge", crate::claim::MAX_BYTES + 1);
    let batch = [event("2"), huge.clone(), event("3"), large, event("4"), event("1")];
    let results = engine.publish_all(&batch).await;
    let [two, too_large, three, not_kept, four, known] = &results[..] else { panic!("{results:?}") };
    assert!(two.is_ok() && three.is_ok(), "{results:?}");
    assert!(
        matches!(too_large, Err(PublishError::TooLarge { .. })),
        "that says nothing of the others: {results:?}"
    );
    for later in [not_kept, four, known] {
        assert!(matches!(later, Err(PublishError::Unavailable(_))), "{results:?}");
    }
    assert_eq!(read(&engine).await, in_order(1..=3));
    // With the disk failing under those that wait already: none of them is stored when it works again.
    engine.0.log.seam().at(Point::Sync, || Err(io::Error::other("the disk is broken")));
    let many: Vec<_> = (4..=3_000).map(|id| event(&id.to_string())).collect();
    assert!(engine.publish_all(&many).await.iter().all(Result::is_err));
    let mended = async { while engine.check().await.is_err() {} };
    tokio::time::timeout(PATIENCE, mended).await.expect("it is mended");
    assert_eq!(read(&engine).await, in_order(1..=3));
    // Repeated as a whole, it is in order.
    assert!(engine.publish_all(&[event("2"), huge, event("4")]).await[2].is_ok());
    assert_eq!(read(&engine).await, in_order(1..=4));
}
