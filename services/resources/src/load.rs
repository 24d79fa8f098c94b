//! From a folder or a text to a catalog.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Catalog;
use crate::problem::{Problem, Problems, Severity};
use crate::read::{self, Kind, Resource, Spec};
use crate::reader::{self, Reader, Said};
use crate::references::{self, Declared, Reference};
use crate::yaml::Place;

/// A file of 25 apps has some tens of KB; a larger one was put here by mistake.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;
/// Folders within folders; links can make them endless.
const MAX_DEPTH: usize = 16;

/// A catalog, and what should be looked at although it is valid.
#[derive(Debug)]
pub struct Loaded {
    /// All that was declared.
    pub catalog: Catalog,
    /// Only warnings.
    pub warnings: Problems,
}

/// Loads all `*.yaml` and `*.yml` of a folder and its folders, in the order of their paths.
///
/// Names that begin with a dot are left aside: a mounted `ConfigMap` keeps its versions in such folders.
pub fn load_dir(folder: &Path) -> Result<Loaded, Problems> {
    let mut loader = Loader::default();
    let mut files = Vec::new();
    collect(folder, 0, &mut files, &mut loader.problems);
    files.sort();
    for file in files {
        let name = file.display().to_string();
        match read_file(&file) {
            Ok(text) => loader.text(&name, &text),
            Err(error) => loader.problems.push(nowhere(name, format!("the file cannot be read: {error}"))),
        }
    }
    loader.finish()
}

/// Loads one text as if it were the only file.
pub fn load_text(file_name: &str, text: &str) -> Result<Loaded, Problems> {
    let mut loader = Loader::default();
    loader.text(file_name, text);
    loader.finish()
}

fn nowhere(file: String, message: String) -> Problem {
    Problem { file, line: 0, column: 0, severity: Severity::Error, message, hint: None }
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, problems: &mut Problems) {
    let mut say = |message: String| problems.push(nowhere(folder.display().to_string(), message));
    if depth > MAX_DEPTH {
        return say(format!("folders are nested deeper than {MAX_DEPTH}"));
    }
    let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => entries,
        Err(error) => return say(format!("the folder cannot be read: {error}")),
    };
    for path in entries.into_iter().map(|entry| entry.path()) {
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            collect(&path, depth + 1, files, problems);
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
}

fn read_file(path: &Path) -> io::Result<String> {
    let length = fs::metadata(path)?.len();
    if length > MAX_FILE_BYTES {
        return Err(io::Error::other(format!("it has {length} bytes, the limit is {MAX_FILE_BYTES}")));
    }
    String::from_utf8(fs::read(path)?).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        io::Error::other(format!("it is not UTF-8 (byte {byte})"))
    })
}

#[derive(Default)]
struct Loader {
    catalog: Catalog,
    problems: Problems,
    references: Vec<Reference>,
    declared: Declared,
    /// Where each resource is.
    places: BTreeMap<(Kind, String), (String, Place)>,
    /// Whether a document did not say what it is, so that a missing name may be there after all.
    incomplete: bool,
}

impl Loader {
    fn text(&mut self, file: &str, text: &str) {
        let mut found = Vec::new();
        let mut reader = Reader::new(file, text, &mut self.problems, &mut self.references);
        let before = reader.problems.len();
        let roots = reader::documents(&mut reader);
        self.incomplete |= reader.problems.len() > before;
        for root in &roots {
            match read::resource(&mut reader, root) {
                Ok(resource) => found.extend(resource),
                Err(Said) => self.incomplete = true,
            }
        }
        for resource in found {
            self.add(file, resource);
        }
    }

    fn add(&mut self, file: &str, resource: Resource) {
        let Resource { kind, name, at, spec } = resource;
        if let Some((other, place)) = self.places.get(&(kind, name.clone())) {
            let kind = <&str>::from(kind);
            self.problems.push(Problem {
                file: file.to_owned(),
                line: at.line,
                column: at.column,
                severity: Severity::Error,
                message: format!("there are two resources {kind} `{name}`"),
                hint: Some(format!("the other is at {other}:{}:{}", place.line, place.column)),
            });
            return;
        }
        self.places.insert((kind, name.clone()), (file.to_owned(), at));
        match kind {
            Kind::App => {
                self.declared.apps.insert(name.clone());
                self.declared.app_places.insert(name.clone(), (file.to_owned(), at));
            }
            Kind::Channel => {
                self.declared.channels.insert(name.clone());
            }
            Kind::Source | Kind::Automation => {}
        }
        match spec {
            Some(Spec::Source(source)) => drop(self.catalog.sources.insert(name, source)),
            Some(Spec::App(app)) => drop(self.catalog.apps.insert(name, app)),
            Some(Spec::Automation(automation)) => drop(self.catalog.automations.insert(name, automation)),
            Some(Spec::Channel(channel)) => drop(self.catalog.channels.insert(name, channel)),
            None => {}
        }
    }

    fn finish(mut self) -> Result<Loaded, Problems> {
        if !self.incomplete {
            references::check(&self.references, &self.declared, &self.catalog, &mut self.problems);
        }
        references::check_shared(&self.declared, &self.catalog, &mut self.problems);
        self.problems.sort();
        if self.problems.has_errors() {
            return Err(self.problems);
        }
        Ok(Loaded { catalog: self.catalog, warnings: self.problems })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str =
        "apiVersion: signalbox.dev/v1alpha1\nkind: App\nmetadata: {name: NAME}\nspec: {branch: main}\n";

    fn write(folder: &Path, file: &str, text: impl AsRef<[u8]>) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    }

    fn app(name: &str) -> String {
        APP.replace("NAME", name)
    }

    #[test]
    fn a_folder_is_loaded_with_its_folders_and_without_what_is_hidden() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        write(folder.path(), "one.yaml", app("one"));
        write(folder.path(), "more/two.yml", format!("{}---\n{}", app("two"), app("three")));
        write(folder.path(), "notes.txt", "not: [yaml");
        write(folder.path(), ".hidden.yaml", "not: [yaml");
        let loaded = load_dir(folder.path()).expect("a valid folder");
        assert_eq!(loaded.catalog.apps.keys().collect::<Vec<_>>(), ["one", "three", "two"]);
        assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    }

    #[cfg(unix)]
    #[test]
    fn a_mounted_config_map_is_loaded_once() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        write(folder.path(), "..2026_11_24/one.yaml", app("one"));
        std::os::unix::fs::symlink("..2026_11_24", folder.path().join("..data")).expect("a link can be made");
        std::os::unix::fs::symlink("..data/one.yaml", folder.path().join("one.yaml"))
            .expect("a link can be made");
        let loaded = load_dir(folder.path()).expect("a valid folder");
        assert_eq!(loaded.catalog.apps.keys().collect::<Vec<_>>(), ["one"]);
    }

    #[cfg(unix)]
    #[test]
    fn folders_that_link_to_themselves_end() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).expect("a link can be made");
        let problems = load_dir(folder.path()).expect_err("the folder has no end");
        assert!(problems.to_string().contains("nested deeper than 16"), "{problems}");
    }

    #[test]
    fn the_problems_of_all_files_are_told_in_their_order() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        write(folder.path(), "b.yaml", b"kind: \xff\n");
        write(folder.path(), "c.yaml", app("Wrong"));
        write(folder.path(), "a.yaml", "kind: [");
        let problems = load_dir(folder.path()).expect_err("three files with problems");
        let prefix = format!("{}/", folder.path().display());
        let told: Vec<String> =
            problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect();
        assert_eq!(
            told,
            [
                "a.yaml:1:7: error: this is not YAML: unclosed bracket '['",
                "b.yaml: error: the file cannot be read: it is not UTF-8 (byte 6)",
                "c.yaml:3:18: error: `metadata.name`: `Wrong` is not a DNS label\n  hint: use a-z, 0-9 and `-`, \
                 begin and end with a letter or digit, at most 63 characters",
            ]
        );
    }

    #[test]
    fn a_name_twice_is_told_with_both_places() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        write(folder.path(), "a.yaml", app("one"));
        write(folder.path(), "b.yaml", app("one"));
        let problems = load_dir(folder.path()).expect_err("one name twice");
        let told = problems.to_string().replace(&format!("{}/", folder.path().display()), "");
        assert_eq!(
            told,
            "b.yaml:3:18: error: there are two resources App `one`\n  hint: the other is at a.yaml:3:18"
        );
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let problems = load_dir(Path::new("/nonexistent/config")).expect_err("no folder");
        assert!(
            problems.to_string().starts_with("/nonexistent/config: error: the folder cannot be read: "),
            "{problems}"
        );
    }

    #[test]
    fn references_are_not_judged_while_a_document_cannot_be_read() {
        let notify = "apiVersion: signalbox.dev/v1alpha1\nkind: Automation\nmetadata: {name: x}\nspec:\n  on: [{type: \
                      com.github.push}]\n  do: [{notify: {channel: team, text: x}}]\n";
        let alone = load_text("x.yaml", notify).expect_err("no Channel");
        assert!(alone.to_string().contains("there is no Channel `team`"), "{alone}");
        let broken = load_text("x.yaml", &format!("{notify}---\nkind: [")).expect_err("not YAML");
        assert_eq!(broken.len(), 1, "{broken}");
    }
}
