//! The documents at the root: what they name is there, and what they tell people to type works.

mod commands;
mod demo;
mod markdown;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use markdown::{Document, blocks, code_spans};

/// The documents at the root.
const DOCUMENTS: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is in the workspace").to_owned()
}

fn documents() -> anyhow::Result<Vec<Document>> {
    DOCUMENTS.iter().map(|name| Document::read(&root(), name)).collect()
}

#[test]
fn every_link_within_the_project_leads_somewhere() -> anyhow::Result<()> {
    let mut dead = Vec::new();
    for document in documents()? {
        for target in document.links().into_iter().filter(|target| !target.contains("://")) {
            let (path, anchor) =
                target.split_once('#').map_or((target.as_str(), None), |(path, at)| (path, Some(at)));
            let path = if path.is_empty() { document.name.as_str() } else { path };
            let there = match anchor {
                _ if !root().join(path).exists() => false,
                Some(anchor) => Document::read(&root(), path)?.anchors().contains(anchor),
                None => true,
            };
            if !there {
                dead.push(format!("{}: {target}", document.name));
            }
        }
    }
    assert_eq!(dead, Vec::<String>::new());
    Ok(())
}

#[test]
fn the_crates_of_the_architecture_are_those_of_the_workspace() -> anyhow::Result<()> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml"))?;
    assert!(
        manifest.contains("members = [\"events\", \"services/*\", \"tests\"]"),
        "this test knows the members"
    );
    let mut members = BTreeSet::from(["events".to_owned(), "tests".to_owned()]);
    for entry in std::fs::read_dir(root().join("services"))? {
        let path = entry?.path();
        if path.join("Cargo.toml").is_file() {
            members.insert(format!("services/{}", path.file_name().unwrap_or_default().to_string_lossy()));
        }
    }
    let architecture = Document::read(&root(), "ARCHITECTURE.md")?;
    let section = architecture.section("Crates")?;
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(listed, members);
    Ok(())
}

/// A path in backticks is a file or folder of the project; a name with `()` is a function in a file of the same paragraph.
#[test]
fn every_file_and_function_that_they_name_is_there() -> anyhow::Result<()> {
    let mut missing = Vec::new();
    let mut counted = (0, 0);
    for document in documents()? {
        for block in blocks(&document.prose()) {
            let spans = code_spans(&block);
            let paths: Vec<&String> = spans.iter().filter(|span| is_path(span)).collect();
            counted.0 += paths.len();
            missing.extend(
                paths
                    .iter()
                    .filter(|path| !root().join(path).exists())
                    .map(|path| format!("{}: {path}", document.name)),
            );
            let sources: Vec<String> =
                paths.iter().filter_map(|path| std::fs::read_to_string(root().join(path)).ok()).collect();
            for function in spans.iter().filter_map(|span| span.strip_suffix("()")) {
                counted.1 += 1;
                let declared = [format!("fn {function}("), format!("fn {function}<")];
                if !sources.iter().any(|source| declared.iter().any(|text| source.contains(text))) {
                    missing.push(format!(
                        "{}: {function}(), in a paragraph that names {paths:?}",
                        document.name
                    ));
                }
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
    assert!(counted.0 > 50 && counted.1 > 20, "{counted:?} were found: this test looks past the documents");
    Ok(())
}

/// Whether a code span is a path within the project and no pattern or example.
fn is_path(span: &str) -> bool {
    let tops = ["events/", "services/", "tests/", ".ci/"];
    let top = tops.iter().any(|top| span.starts_with(top)) || (!span.contains('/') && is_root_file(span));
    top && !span.contains(['<', '*', ' ', '{', '…'])
}

fn is_root_file(span: &str) -> bool {
    const NAMES: [&str; 9] = [
        "Cargo.toml",
        "Cargo.lock",
        "compose.yaml",
        "deny.toml",
        ".clippy.toml",
        "rustfmt.toml",
        "LICENSE",
        ".dockerignore",
        "CHANGELOG.md",
    ];
    NAMES.contains(&span)
}

#[test]
fn the_services_of_the_readme_are_those_of_the_program() -> anyhow::Result<()> {
    let help = commands::succeeds(&["serve", "--help"])?;
    let (_, values) = help.split_once("Possible values:").context("serve --help lists the services")?;
    let values = values.lines().skip(1).map_while(|line| line.trim().strip_prefix("- ")?.split_once(':'));
    let services: BTreeSet<String> = values.map(|(name, _)| name.to_owned()).collect();
    let readme = Document::read(&root(), "README.md")?;
    let section = readme.section("The services")?;
    let rows = section.lines().filter_map(|line| line.strip_prefix("| [")?.split_once(']'));
    let listed: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(listed, services);
    Ok(())
}
