//! Bytes that are not what was written.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::archive::Archive as _;
use crate::embedded::Options;

/// Flips a bit of a file.
pub fn flip(path: &Path, offset: u64) {
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

/// The files of the log with that ending, oldest first.
pub fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("events")).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| path.extension().is_some_and(|of| of == ending)).collect();
    found.sort();
    found
}

/// Options under which a file of the log has few events.
pub fn small() -> Options {
    Options { generation_bytes: 2_000, ..Options::default() }
}

async fn filled(dir: &Path, events: u32) -> Embedded {
    let engine = Embedded::open_with(dir, Arc::new(SystemClock), small()).await.unwrap();
    for id in 1..=events {
        engine.publish(&event(&id.to_string())).await.unwrap();
    }
    engine
}

/// Which positions are there, and which of them can be read.
async fn readable(engine: &Embedded) -> Vec<(u64, bool)> {
    let page = engine.read(Position(1), 1_000).await.unwrap();
    page.iter().map(|recorded| (recorded.position.0, recorded.event.is_ok())).collect()
}

#[tokio::test]
async fn a_damaged_record_is_noticed_told_and_buried_and_the_rest_is_readable() {
    let dir = tempfile::tempdir().unwrap();
    let engine = filled(dir.path(), 3).await;
    let raw = engine.0.log.find(2).unwrap().unwrap();
    let first_bytes = engine.0.log.find(1).unwrap().unwrap().bytes.len() as u64;
    let end = 16 + first_bytes + raw.bytes.len() as u64;
    flip(&files(dir.path(), "log")[0], end - 1);
    let read = engine.read(Position(1), 10).await.unwrap();
    assert_eq!(read.iter().map(|recorded| recorded.event.is_ok()).collect::<Vec<_>>(), [true, false, true]);
    let damaged = read[1].event.as_ref().unwrap_err();
    assert!(damaged.reason.contains("checksum"), "{}", damaged.reason);
    let mut kept = raw.framed().unwrap().to_vec();
    *kept.last_mut().unwrap() ^= 1;
    assert_eq!(damaged.payload, kept, "nothing is lost");
    let report = engine.verify().await.unwrap();
    assert_eq!((report.messages, report.damage.len()), (2, 1), "{:?}", report.damage);
    assert!(report.damage[0].starts_with("event 2: "), "{:?}", report.damage);
    // Whoever hears everything gets it, so that it ends as a dead letter.
    let mut deliveries = engine.consume(spec()).await.unwrap();
    for decodes in [true, false, true] {
        assert_eq!(deliveries.next().await.unwrap().event.is_ok(), decodes);
    }
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_a_file_hides_one_event_at_most() {
    let dir = tempfile::tempdir().unwrap();
    let first = filled(dir.path(), 20).await;
    close(first).await;
    let (sealed, active) = (files(dir.path(), "log")[0].clone(), files(dir.path(), "log").pop().unwrap());
    for path in [&sealed, &active] {
        let size = std::fs::metadata(path).unwrap().len();
        // Without its index as well: then the file itself has to tell where its records are.
        for (offset, with_index) in (0..size - 1).step_by(37).flat_map(|at| [(at, true), (at, false)]) {
            flip(path, offset);
            let index = path.with_extension("index");
            if !with_index && index.exists() {
                std::fs::remove_file(index).unwrap();
            }
            let engine = Embedded::open_with(dir.path(), Arc::new(SystemClock), small()).await.unwrap();
            let read = readable(&engine).await;
            let good = read.iter().filter(|(_, good)| *good).count();
            let last = read.last().copied();
            assert!(good >= 19, "{} at {offset}: {read:?}", path.display());
            // The end of the file that is being written cannot be told from half a write: it is put aside.
            let cut =
                files(dir.path(), "log").pop().unwrap() == *path && last.is_some_and(|(last, _)| last < 20);
            assert!(read.len() == 20 || cut, "{} at {offset}: {read:?}", path.display());
            close(engine).await;
            if cut {
                return assert!(offset > size / 2, "only the last record is cut");
            }
            flip(path, offset);
        }
    }
}

#[tokio::test]
async fn half_a_write_at_the_end_is_put_aside_and_its_position_is_given_anew() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path()).await;
    first.publish(&event("1")).await.unwrap();
    close(first).await;
    let path = files(dir.path(), "log").pop().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let half = [&whole[..], &whole[16..60]].concat();
    std::fs::write(&path, half).unwrap();
    let second = engine(dir.path()).await;
    assert_eq!(readable(&second).await, [(1, true)]);
    let aside = dir.path().join("events").join(format!("damaged-{:020}-{}", 1, whole.len()));
    assert_eq!(std::fs::read(aside).unwrap(), whole[16..60], "nothing is thrown away");
    let next = second.publish(&event("2")).await.unwrap();
    assert_eq!((next.position, next.duplicate), (Position(2), false));
    assert_eq!(readable(&second).await, [(1, true), (2, true)]);
}

#[tokio::test]
async fn a_damaged_or_lost_index_is_made_anew_and_knows_every_id() {
    let dir = tempfile::tempdir().unwrap();
    close(filled(dir.path(), 50).await).await;
    let indexes = files(dir.path(), "index");
    assert!(indexes.len() > 3, "the log has several files: {indexes:?}");
    std::fs::remove_file(&indexes[0]).unwrap();
    flip(&indexes[1], 20);
    // Behind what a start reads: the table, and the ids.
    let size = std::fs::metadata(&indexes[2]).unwrap().len();
    flip(&indexes[2], size - 100);
    let table = std::fs::metadata(&indexes[3]).unwrap().len() / 2;
    flip(&indexes[3], table);
    let engine = Embedded::open_with(dir.path(), Arc::new(SystemClock), small()).await.unwrap();
    assert_eq!(readable(&engine).await.len(), 50);
    for id in 1..=50_u64 {
        let again = engine.publish(&event(&id.to_string())).await.unwrap();
        assert_eq!((again.position, again.duplicate), (Position(id), true));
    }
    let report = engine.verify().await.unwrap();
    assert_eq!((report.messages, report.damage.len()), (50, 2), "{:?}", report.damage);
}

#[tokio::test]
async fn a_damaged_state_is_never_taken_for_a_shorter_one() {
    let dir = tempfile::tempdir().unwrap();
    let first = engine(dir.path()).await;
    for key in 0..50 {
        first.put(Bucket::Watch, &format!("key-{key}"), vec![7; 200], Expect::Any, None).await.unwrap();
    }
    first.publish(&event("1")).await.unwrap();
    close(first).await;
    let path = dir.path().join("state").join("db");
    let whole = std::fs::read(&path).unwrap();
    let mut refused = 0;
    for at in (0..whole.len() as u64).step_by(101) {
        std::fs::write(&path, &whole).unwrap();
        flip(&path, at);
        match Embedded::open(dir.path(), Arc::new(SystemClock)).await {
            Err(error) => {
                let text = format!("{:#}", anyhow::Error::new(error));
                assert!(text.contains("The events are apart from it and safe"), "{text}");
                refused += 1;
            }
            // Bytes that sled does not use.
            Ok(engine) => {
                let report = engine.verify().await.unwrap();
                assert_eq!((report.entries, report.damage), (50, Vec::new()), "bit at {at}");
                close(engine).await;
            }
        }
        let _ = std::fs::remove_dir_all(dir.path().join("state").join("blobs"));
    }
    assert!(refused > 20, "{refused}");
    let kept =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(kept.into_iter().any(|name| name.starts_with("damaged-state-")), "the file is kept as it was");
    // With what is left, as the text says.
    std::fs::write(&path, &whole).unwrap();
    flip(&path, whole.len() as u64 / 2);
    std::fs::remove_file(dir.path().join("state").join("mark")).unwrap();
    close(engine(dir.path()).await).await;
    // The state moved aside, as the text says, the events are there.
    std::fs::rename(dir.path().join("state"), dir.path().join("state.damaged")).unwrap();
    let engine = engine(dir.path()).await;
    assert_eq!(readable(&engine).await, [(1, true)]);
}

#[tokio::test]
async fn a_missing_and_a_damaged_large_body_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path()).await;
    for (id, byte) in [("kept", b'k'), ("lost", b'l'), ("damaged", b'd')] {
        let body = vec![byte; crate::claim::EMBEDDED_INLINE_BYTES + 1];
        let event = Envelope::builder(id, "/tests", "t").body("application/octet-stream", body);
        engine.publish(&event.build().unwrap()).await.unwrap();
    }
    let body = |byte: u8| {
        let bytes = vec![byte; crate::claim::EMBEDDED_INLINE_BYTES + 1];
        let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(bytes));
        dir.path().join("blobs").join(&hash[..2]).join(hash)
    };
    std::fs::remove_file(body(b'l')).unwrap();
    flip(&body(b'd'), 100);
    let report = engine.verify().await.unwrap();
    assert_eq!((report.messages, report.blobs, report.damage.len()), (3, 1, 2), "{:?}", report.damage);
}
