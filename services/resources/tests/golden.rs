//! Files that people write, and what they are told about them.
//!
//! `bad/<name>.yaml` is a file with problems, `bad/<name>.txt` is what is said. `good/` likewise; there it is the
//! warnings. To write the texts anew: `UPDATE_GOLDEN=1 cargo test -p resources --test golden`, then read the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn stems(folder: &Path, extension: &str) -> BTreeSet<String> {
    fs::read_dir(folder)
        .expect("the folder is part of the crate")
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.file_stem().expect("a file has a name").to_string_lossy().into_owned())
        .collect()
}

/// Compares what is said about each file of a folder with what should be said. Returns how many files there are.
fn compare(name: &str, say: impl Fn(&str, &str) -> String) -> usize {
    let folder = folder(name);
    let stems_of_yaml = stems(&folder, "yaml");
    let mut differences = Vec::new();
    for stem in &stems_of_yaml {
        let text = fs::read_to_string(folder.join(format!("{stem}.yaml"))).expect("the file can be read");
        let said = say(&format!("{stem}.yaml"), &text);
        let golden = folder.join(format!("{stem}.txt"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, format!("{said}\n")).expect("the golden text can be written");
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if expected.trim_end() != said {
            differences.push(format!("--- {stem}: expected\n{}\n+++ said\n{said}", expected.trim_end()));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    assert_eq!(stems(&folder, "txt"), stems_of_yaml, "each text belongs to a file");
    stems_of_yaml.len()
}

#[test]
fn every_bad_file_is_told_what_is_wrong_and_where() {
    let count = compare("bad", |name, text| match resources::load_text(name, text) {
        Ok(loaded) => panic!("{name} was loaded: {:?}", loaded.catalog),
        Err(problems) => problems.to_string(),
    });
    assert!(count >= 25, "{count} bad files");
}

#[test]
fn every_good_file_is_loaded() {
    let count = compare("good", |name, text| match resources::load_text(name, text) {
        Ok(loaded) => loaded.warnings.to_string(),
        Err(problems) => panic!("{name} was refused:\n{problems}"),
    });
    assert!(count >= 3, "{count} good files");
}
