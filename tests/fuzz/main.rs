//! Fuzz targets that need nothing but stable Rust: whatever comes in, what reads it does not panic, does not hang, says
//! clearly what is wrong, and what it has read it writes and reads again.
//!
//! Inputs are made from the seeds in `corpus/` (and from what the project has anyway) by changing them. An input that
//! leads to an answer that was not there before is kept and changed further, so that the search gets deeper. It is the same
//! search each time: `FUZZ_SEED` makes another one, `FUZZ_CASES` a longer one. An input that fails is made smaller, printed,
//! and kept under `target/fuzz`; put it into the corpus when it is mended.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends by them")]

mod config;
mod http;
mod mutate;
mod nats;
mod record;
mod resources;
mod search;

/// What a target says of an input: in one word what became of it, so that another answer is noticed as such; or how it
/// went against what always holds.
type Verdict = Result<String, String>;

/// The longest text of an error, in characters: it is answered to a sender, and stands on a line of the log.
const LONGEST_ERROR: usize = 2_000;

/// The error with its causes, as the log has it.
fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", chain(cause)))
}

/// Whether a text is fit to be told: it says something, is not endless, and cannot break out of a line.
fn clear(text: &str) -> Verdict {
    if text.trim().is_empty() {
        return Err("the error says nothing".to_owned());
    }
    if text.chars().count() > LONGEST_ERROR {
        return Err(format!("the error has {} characters: {:.200}…", text.chars().count(), text));
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(format!("the error has the character {c:?}: {text:?}"));
    }
    Ok(kind(text))
}

/// What is alike in errors of one kind: its first plain words, without what was quoted or counted.
fn kind(text: &str) -> String {
    let plain = |word: &&str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b',' || b == b':');
    let unquoted = text.split(['`', '"']).step_by(2).collect::<Vec<_>>().join(" ");
    unquoted.split_whitespace().filter(plain).take(12).collect::<Vec<_>>().join(" ")
}

/// The part of an input that is a message: lines `name: value` up to an empty one, then the body.
fn message(input: &[u8]) -> (Vec<(&str, &[u8])>, &[u8]) {
    let at = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = at.map_or((input, &b""[..]), |at| (&input[..at], &input[at + 2..]));
    let header = |line: &'_ [u8]| -> Option<(usize, usize)> {
        let colon = line.iter().position(|b| *b == b':')?;
        std::str::from_utf8(&line[..colon]).ok()?;
        let value = line[colon + 1..].iter().position(|b| *b != b' ').map_or(line.len(), |at| colon + 1 + at);
        Some((colon, value))
    };
    let headers = head.split(|b| *b == b'\n').filter_map(|line| {
        let (colon, value) = header(line)?;
        Some((std::str::from_utf8(&line[..colon]).ok()?, &line[value..]))
    });
    (headers.collect(), body)
}

/// Every file of this folder is named by a `mod`: a target that nobody compiles searches nothing.
#[test]
fn every_file_is_compiled() -> anyhow::Result<()> {
    tests::orphans::check(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}
