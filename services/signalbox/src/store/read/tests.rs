use chassis::Position;
use chassis::archive::{Cursor, KnownId};

use super::super::format::{Blob, Bytes, Damaged, Head, Line, Message, State, VERSION};
use super::super::line::Lines;
use super::{BadArchive, Reader, inspect};

fn blob(name: &str, part: u32, of: u32) -> Line {
    Line::Blob(Blob { name: name.to_owned(), part, of, bytes: Bytes(vec![7; 5]) })
}

fn message(position: u64) -> Line {
    Line::Message(Message {
        position: Position(position),
        recorded: "2026-11-24T10:00:00.123456789Z".parse().expect("a time"),
        subject: "signalbox.events.com.example.a".to_owned(),
        headers: vec![("ce-id".to_owned(), "ä \"1\"".to_owned()), ("ce-id".to_owned(), String::new())],
        payload: Bytes(b"\x00\xff{}".to_vec()),
    })
}

fn head(version: u32) -> Line {
    let made = "2026-11-24T10:00:00Z".parse().expect("a time");
    Line::Archive(Head { version, program: "0.1.0".to_owned(), made })
}

/// One of everything.
fn everything() -> Vec<Line> {
    let time = "2026-11-24T10:00:00Z".parse().expect("a time");
    vec![
        head(VERSION),
        blob("sha256:a", 1, 2),
        blob("sha256:a", 2, 2),
        blob("sha256:b", 1, 1),
        message(3),
        Line::Damaged(Damaged {
            position: Position(4),
            recorded: time,
            reason: "the checksum is wrong".to_owned(),
            bytes: Bytes(vec![1, 2, 3]),
        }),
        message(9),
        Line::Id(KnownId { hash: "00ff".to_owned(), position: Position(3), seen: time }),
        Line::State(State {
            bucket: "ledger".to_owned(),
            key: "h/1/s".to_owned(),
            value: Bytes(b"{\"v\":1}".to_vec()),
            expires: Some(time),
        }),
        Line::Cursor(Cursor { name: "deployer".to_owned(), floor: Position(3), settled: vec![Position(9)] }),
    ]
}

fn written(lines: &[Line]) -> Vec<u8> {
    let mut writer = Lines::to(Vec::new());
    for line in lines {
        writer.write(line).expect("memory takes it");
    }
    writer.end().expect("memory takes it").0
}

fn read(bytes: &[u8]) -> Result<Vec<Line>, BadArchive> {
    let mut reader = Reader::of(bytes);
    let mut lines = Vec::new();
    while let Some(line) = reader.next()? {
        lines.push(line);
    }
    Ok(lines)
}

#[test]
fn what_is_written_is_read() {
    let lines = everything();
    let bytes = written(&lines);
    let mut found = read(&bytes).expect("it is right");
    assert!(matches!(found.pop(), Some(Line::End(_))));
    assert_eq!(found, lines);
    let contents = inspect(&*bytes).expect("it is right");
    let counts = contents.counts;
    assert_eq!((counts.blobs, counts.messages, counts.damaged), (2, 2, 1));
    assert_eq!((counts.ids, counts.state, counts.cursors), (1, 1, 1));
    assert_eq!(contents.damaged, [Position(4)]);
    assert!(inspect(&*written(&[head(VERSION)])).is_ok(), "an empty bus has an export too");
}

/// The format is on disks of others: it changes with its version alone.
#[test]
fn the_first_version_stays_as_it_is() {
    let golden = include_str!("version-1.jsonl");
    assert_eq!(String::from_utf8(written(&everything())).expect("UTF-8"), golden);
    assert!(inspect(golden.as_bytes()).is_ok());
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let bytes = written(&everything());
    for end in 0..bytes.len() {
        let error = inspect(&bytes[..end]).expect_err("it is cut off");
        assert!(matches!(error, BadArchive::CutOff(_)), "cut at {end}: {error}");
    }
}

#[test]
fn a_bit_that_is_flipped_anywhere_is_noticed() {
    let bytes = written(&everything());
    for at in 0..bytes.len() {
        for bit in [0, 2, 5] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(inspect(&*flipped).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_newer_version_is_told_apart_from_damage() {
    let newer = b"{\"archive\":{\"version\":2,\"whatever\":[]}}\n{\"new\":1}\n";
    let error = inspect(&newer[..]).expect_err("it is newer");
    assert_eq!(
        error.to_string(),
        "it has version 2 of the format, this program reads version 1: use a newer program"
    );
    for no in [&b"\n"[..], b"{}\n", b"{\"archive\":{}}\n", b"PK\x03\x04\n", b"{\"version\":1}\n"] {
        assert!(matches!(inspect(no), Err(BadArchive::Line { line: 1, .. })), "{no:?}");
    }
    assert!(matches!(inspect(&b""[..]), Err(BadArchive::CutOff(0))));
}

#[test]
fn lines_stand_where_they_should() {
    let everything = everything();
    let with = |change: &dyn Fn(&mut Vec<Line>)| {
        let mut lines = everything.clone();
        change(&mut lines);
        inspect(&*written(&lines)).expect_err("it is wrong").to_string()
    };
    for (what, change) in [
        (
            "it stands in the wrong place",
            &(|lines: &mut Vec<Line>| lines.swap(4, 7)) as &dyn Fn(&mut Vec<Line>),
        ),
        ("it stands in the wrong place", &|lines| lines.push(head(VERSION))),
        ("its position does not grow", &|lines| lines.swap(4, 6)),
        ("it is not the next part of a large body", &|lines| drop(lines.remove(1))),
        ("it is not the next part of a large body", &|lines| drop(lines.remove(2))),
        ("a large body is not whole", &|lines| drop(lines.drain(2..4))),
        ("the first line should be", &|lines| drop(lines.remove(0))),
    ] {
        let error = with(change);
        assert!(error.contains(what), "{what}: {error}");
    }
    let mut behind = written(&everything);
    behind.extend(b"{}\n");
    assert!(matches!(inspect(&*behind), Err(BadArchive::BehindTheEnd(12))));
    let unknown = String::from_utf8(written(&everything)).expect("UTF-8").replacen(
        "\"part\":1",
        "\"part\":1,\"x\":1",
        1,
    );
    assert!(inspect(unknown.as_bytes()).is_err());
}

#[test]
fn a_wrong_count_is_noticed_although_the_checksum_is_right() {
    let text = String::from_utf8(written(&everything())).expect("UTF-8");
    let wrong = text.replace("\"messages\":2", "\"messages\":3");
    assert_ne!(text, wrong);
    assert!(matches!(inspect(wrong.as_bytes()), Err(BadArchive::Counts { .. })));
}
