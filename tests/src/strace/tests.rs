use super::Trace;

/// An event is written and synced, a body is put, and both are answered; on another thread, something else.
const GOOD: &str = r#"7 openat(AT_FDCWD</t>, "/t/bus/events/01.log", O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC, 0666) = 5</t/bus/events/01.log>
7 fsync(5</t/bus/events/01.log>) = 0
7 fsync(6</t/bus/events>) = 0
7 pwrite64(5</t/bus/events/01.log>, "\0\1 = (ce-id) = event-00", 21, 16) = 21
7 fdatasync(5</t/bus/events/01.log> <unfinished ...>
8 write(9</t/bus/other>, "x", 1) = 1
7 <... fdatasync resumed>) = 0
8 write(1</t/out>, "answered event-00\n", 18) = 18
9 openat(AT_FDCWD</t>, "/t/bus/blobs/ab/abc.part", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0666) = 10</t/bus/blobs/ab/abc.part>
9 write(10</t/bus/blobs/ab/abc.part>, "body of large-00 xxx"..., 70000) = 70000
9 fsync(10</t/bus/blobs/ab/abc.part>) = 0
9 rename("/t/bus/blobs/ab/abc.part", "/t/bus/blobs/ab/abc") = 0
9 fsync(11</t/bus/blobs/ab>) = 0
9 fsync(11</t/bus/blobs>) = 0
9 fsync(11</t/bus>) = 0
7 pwrite64(5</t/bus/events/01.log>, "\0large-00 abc", 11, 37) = 11
7 fdatasync(5</t/bus/events/01.log>) = 0
8 write(1</t/out>, "answered large-00\n", 18) = 18
8 --- SIGTERM {si_signo=SIGTERM} ---
8 +++ exited with 0 +++
"#;

/// All that `tests/flows/durable.rs` asks of a trace.
fn check(trace: &str) -> anyhow::Result<()> {
    let trace = Trace::parse(trace)?;
    let answer = trace.answered("event-00")?;
    let write = trace.kept("event-00", ".log", None, answer)?;
    trace.named(write.file().unwrap(), answer)?;
    let answer = trace.answered("large-00")?;
    let write = trace.kept("large-00", ".log", None, answer)?;
    let path = trace.moved("body of large-00", "/blobs/", "/t/bus", write)?;
    assert_eq!(path, "/t/bus/blobs/ab/abc");
    Ok(())
}

fn without(line: usize) -> String {
    let mut lines: Vec<&str> = GOOD.lines().collect();
    lines.remove(line - 1);
    lines.join("\n") + "\n"
}

/// With this line moved to where that one is.
fn moved(from: usize, to: usize) -> String {
    let mut lines: Vec<&str> = GOOD.lines().collect();
    let line = lines.remove(from - 1);
    lines.insert(to - 1, line);
    lines.join("\n") + "\n"
}

fn refused(trace: &str, expected: &str) {
    let error = check(trace).expect_err(expected);
    let said = format!("{error:#}");
    assert!(said.contains(expected), "it says `{said}`, not `{expected}`, of\n{trace}");
}

#[test]
fn a_trace_in_the_right_order_is_believed() {
    check(GOOD).unwrap();
}

#[test]
fn a_sync_that_is_missing_is_noticed() {
    for (line, expected) in [
        (3, "the folder /t/bus/events was not synced"),
        (11, "abc.part was not synced between the write of `body of large-00` and its answer"),
        (13, "the folder /t/bus/blobs/ab was not synced"),
        (14, "the folder /t/bus/blobs was not synced"),
        (15, "the folder /t/bus was not synced"),
        (17, "01.log was not synced between the write of `large-00` and its answer"),
    ] {
        refused(&without(line), expected);
    }
}

#[test]
fn a_sync_that_comes_too_early_or_too_late_is_noticed() {
    for (from, to, expected) in [
        (3, 1, "the folder /t/bus/events was not synced"),
        (4, 8, "`event-00` was not written before it was answered"),
        (11, 10, "abc.part was not synced"),
        (11, 12, "abc.part was not synced"),
        (13, 12, "the folder /t/bus/blobs/ab was not synced"),
        (15, 16, "the folder /t/bus was not synced"),
        (17, 16, "01.log was not synced between the write of `large-00`"),
        (17, 18, "01.log was not synced between the write of `large-00`"),
    ] {
        refused(&moved(from, to), expected);
    }
    // The answer came while the sync was under way.
    refused(&moved(8, 6), "01.log was not synced between the write of `event-00` and its answer");
}

#[test]
fn a_sync_of_another_file_or_one_that_failed_is_none() {
    for (right, wrong) in [
        ("7 fdatasync(5</t/bus/events/01.log>) = 0", "7 fdatasync(5</t/bus/events/02.log>) = 0"),
        (
            "7 fdatasync(5</t/bus/events/01.log>) = 0",
            "7 fdatasync(5</t/bus/events/01.log>) = -1 EIO (Input/output error)",
        ),
        ("7 fdatasync(5</t/bus/events/01.log>) = 0", "7 fdatasync(5</t/bus/events/01.log> <unfinished ...>"),
        ("9 fsync(10</t/bus/blobs/ab/abc.part>) = 0", "9 fsync(10</t/bus/blobs/ab/other.part>) = 0"),
        ("9 fsync(11</t/bus/blobs/ab>) = 0", "9 fsync(11</t/bus/blobs/cd>) = 0"),
        ("7 fsync(6</t/bus/events>) = 0", "7 fsync(6</t/bus>) = 0"),
    ] {
        assert!(GOOD.contains(right), "{right}");
        refused(&GOOD.replacen(right, wrong, 1), "was not synced");
    }
}

#[test]
fn what_was_never_written_renamed_or_answered_is_noticed() {
    refused(&without(4), "`event-00` was not written");
    refused(&without(8), "nobody was told");
    refused(&without(10), "nobody wrote `body of large-00` there");
    refused(&without(12), "nobody renamed /t/bus/blobs/ab/abc.part");
    refused(&without(1), "nobody made /t/bus/events/01.log");
    refused(
        &GOOD.replace("abc\") = 0", "abc\") = -1 ENOSPC (No space left on device)"),
        "could not be renamed",
    );
}

#[test]
fn what_is_written_elsewhere_or_before_its_time_does_not_count() {
    refused(
        &GOOD.replace("pwrite64(5</t/bus/events/01.log>", "pwrite64(5</t/bus/state/db>"),
        "was not written",
    );
    let trace = Trace::parse(GOOD).unwrap();
    let (since, answer) = (trace.answered("event-00").unwrap(), trace.answered("large-00").unwrap());
    assert!(trace.kept("large-00", ".log", Some(since), answer).is_ok());
    assert!(trace.kept("event-00", ".log", Some(since), answer).is_err());
}

#[test]
fn a_line_that_is_cut_off_at_the_end_does_not_count_and_any_other_is_an_error() {
    let whole = Trace::parse(GOOD).unwrap();
    assert!(Trace::parse("7 openat(AT_FDCWD</t>, \"/t/a\", O_RDONLY) = 18</t/Class_=Gold=.crt>\n").is_ok());
    assert_eq!(Trace::parse(&format!("{GOOD}7 fsync(5</t/b")).unwrap(), whole);
    for wrong in ["7 fsync(5</t/b\n", "strace: cannot attach\n", "7 <... fsync resumed>) = 0\n"] {
        assert!(Trace::parse(&format!("{wrong}{GOOD}")).is_err(), "{wrong}");
    }
    let two = "7 fsync(5</t> <unfinished ...>\n7 fsync(5</t> <unfinished ...>\n";
    assert!(Trace::parse(two).is_err());
}
