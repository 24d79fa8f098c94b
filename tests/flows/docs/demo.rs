//! The demo that README shows is the one that there is.

use anyhow::Context as _;

use super::commands::succeeds;
use super::markdown::Document;
use super::root;

/// Hashes, ids and numbers differ from run to run.
fn masked(line: &str) -> String {
    let mut masked = String::new();
    let mut word = String::new();
    for c in line.trim().chars().chain([' ']) {
        if c.is_ascii_alphanumeric() || c == '-' {
            word.push(c);
            continue;
        }
        let is_hash = word.len() >= 7 && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if is_hash {
            masked.push('#');
        } else {
            masked.extend(word.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }));
        }
        word.clear();
        masked.push(c);
    }
    masked.trim_end().to_owned()
}

#[test]
fn the_demo_prints_every_line_that_the_readme_shows() -> anyhow::Result<()> {
    let readme = Document::read(&root(), "README.md")?;
    let shown = readme
        .code()
        .into_iter()
        .find(|code| code.lines.first().is_some_and(|line| line.ends_with("-- demo")));
    let shown =
        shown.filter(|code| code.language == "console").context("README shows what the demo prints")?;
    let printed: Vec<String> = succeeds(&["demo"])?.lines().map(masked).collect();
    let mut missing = Vec::new();
    let mut looked = 0;
    for line in shown.lines.iter().skip(1).filter(|line| !line.trim().is_empty() && line.trim() != "…") {
        looked += 1;
        // A line that ends so was cut.
        let there = match line.strip_suffix('…') {
            Some(beginning) => {
                let beginning = masked(beginning);
                printed.iter().any(|line| line.starts_with(&beginning))
            }
            None => printed.contains(&masked(line)),
        };
        if !there {
            missing.push(line);
        }
    }
    assert!(missing.is_empty(), "the demo does not print {missing:#?}, but:\n{}", printed.join("\n"));
    assert!(looked > 20, "only {looked} lines are shown");
    Ok(())
}

#[test]
fn what_differs_from_run_to_run_is_masked_and_nothing_else() {
    assert_eq!(
        masked("  +0.022s  ├─ deploy requested [13c4645b-9353-51ff-acb3-58d91207926c]"),
        "+0.000s  ├─ deploy requested [#]"
    );
    assert_eq!(masked("done in 1.4 s"), "done in 0.0 s");
    assert_ne!(masked("deploy started"), masked("deploy failed"));
}
