//! What the documents tell people to type.

use anyhow::Context as _;
use tests::process::command;
use tests::signalbox::program;

use super::{documents, root};

/// Runs the program, and returns what it printed.
pub fn succeeds(arguments: &[&str]) -> anyhow::Result<String> {
    let output = command(program()?, arguments).env_remove("SIGNALBOX_SETTINGS").output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "signalbox {arguments:?} says: {complaint}");
    Ok(String::from_utf8(output.stdout)?)
}

/// A line that is typed: `signalbox …`, `cargo run …`, `tests/run …`, with or without a prompt or variables before it.
fn typed(line: &str) -> Option<&str> {
    let mut line = line.trim();
    line = line.strip_prefix("$ ").unwrap_or(line);
    while let Some((name, rest)) = line.split_once(' ')
        && name.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        })
    {
        line = rest.trim_start();
    }
    let line = line.strip_prefix("docker compose exec signalbox ").unwrap_or(line);
    let ours = ["signalbox ", "cargo run", "tests/run"].iter().any(|begin| line.starts_with(begin));
    ours.then_some(line)
}

/// The words of a line up to a comment, a pipe or a redirection. Quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (String::new(), None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '|' | '>' | '#' | ';' | '&') if word.is_empty() => break,
            (None, c) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (_, c) => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The arguments of the program in a line, if it runs the program; an error if it is something else that does not exist.
fn arguments(line: &str) -> anyhow::Result<Option<Vec<String>>> {
    let words = words(line);
    let rest = |skip: usize| words.get(skip..).unwrap_or_default().to_vec();
    match words.first().map(String::as_str) {
        Some("signalbox") => Ok(Some(rest(1))),
        Some("cargo") => {
            let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
            let ours: Vec<&str> =
                words[2..end].iter().map(String::as_str).take_while(|word| *word != "#").collect();
            match ours[..] {
                [] | ["--release"] => Ok(Some(rest(end + 1))),
                ["--release", "-p", "tests", "--bin", bin, ..] => {
                    let bins = root().join("tests/src/bin");
                    let sources = [bins.join(format!("{bin}.rs")), bins.join(bin).join("main.rs")];
                    let there = sources.iter().any(|source| source.is_file());
                    anyhow::ensure!(there, "there is no program {bin} in tests");
                    Ok(None)
                }
                _ => anyhow::bail!("this test does not know `{line}`"),
            }
        }
        Some("tests/run") => {
            let help = std::fs::read_to_string(root().join("tests/run")).context("cannot read tests/run")?;
            if let Some(flag) = words.get(1).filter(|word| word.starts_with("--")) {
                anyhow::ensure!(help.contains(&format!("{flag})")), "tests/run knows no {flag}");
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}

#[test]
fn every_command_that_they_show_is_one_that_the_program_takes() -> anyhow::Result<()> {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for document in documents()? {
        let lines =
            document.code().into_iter().filter(|code| ["sh", "console"].contains(&code.language.as_str()));
        let lines = lines.flat_map(|code| {
            // In a transcript, what has no prompt was printed.
            let prompt = if code.language == "console" { "$ " } else { "" };
            code.lines.into_iter().filter(move |line| line.starts_with(prompt))
        });
        for line in lines {
            let Some(line) = typed(&line) else { continue };
            tried += 1;
            match arguments(line) {
                Ok(None) => {}
                Ok(Some(mut arguments)) => {
                    // With `--help` at the end, all that stands before it is read, and nothing is run.
                    arguments.push("--help".to_owned());
                    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                    if let Err(error) = succeeds(&arguments) {
                        wrong.push(format!("{}: {line}: {error:#}", document.name));
                    }
                }
                Err(error) => wrong.push(format!("{}: {line}: {error:#}", document.name)),
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(tried >= 10, "{tried} commands were found: this test looks past the documents");
    Ok(())
}

#[test]
fn a_command_that_is_not_there_is_noticed() {
    for wrong in [
        &["events", "tial", "--help"][..],
        &["demo", "--keeep", "--help"],
        &["serve", "--only", "gatway", "--help"],
    ] {
        assert!(succeeds(wrong).is_err(), "{wrong:?} should be refused");
    }
    assert!(arguments("tests/run --fast").is_err());
    assert!(arguments("cargo run --relaese -- demo").is_err());
    assert_eq!(
        arguments("signalbox events tail --type 'a b*' | jq .").ok().flatten().unwrap_or_default(),
        ["events", "tail", "--type", "a b*"]
    );
}
