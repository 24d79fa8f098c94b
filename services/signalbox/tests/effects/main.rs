//! No effect outside of the ledger.
//!
//! Three things together see to it: `.clippy.toml` bans the calls that change the world (`banned` shows that clippy knows
//! each of them); `rule` finds where a ban is lifted, and demands that this function asks for the ledger's word; and
//! nothing makes that word but `Context::effect`, and what a person has done by a command.

#![expect(clippy::unwrap_used, reason = "a test ends by it")]

mod banned;
mod rule;

use std::fs;
use std::path::{Path, PathBuf};

use rule::{Lifted, Why};

/// Where a ban is lifted for another reason than an effect in the ledger. An exception is a decision: it stands here, and
/// in ARCHITECTURE.md if the world is changed by it.
const EXCEPTIONS: &[&str] = &[
    "services/chassis/src/clock.rs",
    "services/deployer/src/cluster/nudge.rs",
    "services/deployer/src/git/program.rs",
    "services/github/src/http.rs",
    "services/signalbox/src/demo/deliveries.rs",
    "services/signalbox/src/demo/git.rs",
    "services/signalbox/src/doctor/guard.rs",
    "services/signalbox/src/doctor/soak/cast.rs",
    "services/signalbox/src/doctor/soak/disk.rs",
    "services/signalbox/src/doctor/soak/guarded.rs",
    "services/signalbox/src/doctor/soak/load.rs",
    "services/signalbox/src/query/carrier.rs",
    "services/signalbox/src/source/install.rs",
    "services/signalbox/src/source/test.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// All of our Rust, but for the crate `tests`, which plays the world.
fn sources() -> Vec<(String, String)> {
    let root = root();
    let (mut sources, mut folders) = (Vec::new(), vec![root.join("events"), root.join("services")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                sources.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(sources.len() > 300, "the sources are where they were: {}", sources.len());
    sources
}

#[test]
fn whoever_changes_the_world_has_the_ledgers_word() {
    let (mut effects, mut exceptions, mut wrong) = (0, Vec::new(), Vec::new());
    for (file, text) in sources() {
        for Lifted { line, why } in rule::lifted(&text) {
            match why {
                Why::Effect { asks_for_the_word: true } => effects += 1,
                Why::Asks { and_no_more: true } => {}
                Why::Except if EXCEPTIONS.contains(&&*file) => exceptions.push(file.clone()),
                Why::Test if rule::is_test(&file, &text, line) => {}
                Why::Effect { .. } | Why::Asks { .. } | Why::Except | Why::Test | Why::Unclear => {
                    wrong.push(format!("{file}:{line}: {why:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "bans of .clippy.toml are lifted here without a good reason: {wrong:#?}");
    assert!(effects > 0, "the notifier sends messages");
    exceptions.sort();
    exceptions.dedup();
    assert_eq!(exceptions, EXCEPTIONS, "an exception that is no more");
}

/// What would make clippy say nothing at all.
#[test]
fn no_crate_goes_without_the_bans() {
    let root = root();
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    assert!(!workspace.contains("disallowed_methods"), "the lint is on by default");
    let mut crates = vec![root.join("events")];
    crates.extend(fs::read_dir(root.join("services")).unwrap().map(|entry| entry.unwrap().path()));
    for folder in crates {
        for name in [".clippy.toml", "clippy.toml"] {
            assert!(!folder.join(name).exists(), "{} hides the bans", folder.join(name).display());
        }
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} has lints of its own", folder.display());
    }
}

#[test]
fn every_ban_of_an_effect_has_a_sample() {
    let paths: Vec<&str> = banned::BANS
        .lines()
        .filter_map(|line| line.trim().strip_prefix("{ path = \"")?.split('"').next())
        .filter(|path| {
            !["chrono::Utc::now", "std::time::SystemTime::now", "std::env::set_var"].contains(path)
        })
        .collect();
    assert!(paths.len() > 40, "the bans are where they were: {paths:?}");
    let samples: Vec<String> = banned::SAMPLES.lines().map(bare).collect();
    for path in paths {
        // The type and the method; of a function, its name.
        let mut last: Vec<&str> = path.rsplit("::").take(2).collect();
        last.reverse();
        let named =
            if last[0].starts_with(char::is_uppercase) { last.join("::") } else { last[1].to_owned() };
        let ends = |sample: &String| {
            sample.match_indices(&named).any(|(at, _)| sample[at + named.len()..].starts_with([',', '(']))
        };
        assert!(samples.iter().any(ends), "{path} has no sample");
    }
}

/// `Api::<Pod>::patch::<Value>,` is `Api::patch,`.
fn bare(sample: &str) -> String {
    let (mut bare, mut depth) = (String::new(), 0_usize);
    for c in sample.chars() {
        match c {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            c if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    bare.replace("::::", "::").replace("::,", ",")
}
