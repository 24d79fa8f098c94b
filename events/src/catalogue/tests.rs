//! The generated part of the catalogue is fresh, and the samples are what they claim to be.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::{Map, Value};
use strum::IntoEnumIterator as _;

use super::{FOREIGN_SAMPLES, Reread};
use crate::{Envelope, Kind, github, json, subject};

const BEGIN: &str =
    "<!-- begin: generated from events/src/kind.rs by SIGNALBOX_UPDATE=1 cargo test -p events -->\n";
const END: &str = "<!-- end: generated -->\n";

#[test]
fn generated_files_are_fresh() {
    let mut stale = Vec::new();
    let mut expect = |path: PathBuf, wanted: String| {
        // A checkout on Windows may have other line ends.
        let found = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        if found == wanted {
            return;
        }
        if env::var_os("SIGNALBOX_UPDATE").is_some() {
            fs::write(&path, wanted).unwrap();
        } else {
            stale.push(path);
        }
    };
    for kind in Kind::iter() {
        expect(schema_path(kind.name()), pretty(&kind.derive_schema()));
    }
    for (event, _, schema, _) in github::view::all() {
        expect(schema_path(&format!("com.github.{event}")), pretty(&schema));
    }
    let readme = root().join("README.md");
    let text = fs::read_to_string(&readme).unwrap().replace("\r\n", "\n");
    let (head, rest) = text.split_once(BEGIN).expect("the README has the first marker");
    let (_, tail) = rest.split_once(END).expect("the README has the second marker");
    expect(readme, format!("{head}{BEGIN}\n{}\n{END}{tail}", catalogue()));
    assert!(stale.is_empty(), "stale: {stale:#?}; run SIGNALBOX_UPDATE=1 cargo test -p events");
}

#[test]
fn nothing_but_the_catalogue_lies_in_its_folders() {
    let own = || Kind::iter().map(|kind| kind.name().to_owned());
    let views = github::view::all().into_iter().map(|(event, ..)| format!("com.github.{event}"));
    let samples = FOREIGN_SAMPLES.iter().map(|(ty, _)| (*ty).to_owned());
    for (folder, names) in [
        ("schemas", own().chain(views).collect::<BTreeSet<_>>()),
        ("samples", own().chain(samples).collect::<BTreeSet<_>>()),
    ] {
        let names: BTreeSet<_> = names.into_iter().map(|name| format!("{name}.json")).collect();
        let found: BTreeSet<_> = fs::read_dir(root().join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(found, names, "{folder}/");
    }
}

#[test]
fn every_sample_of_ours_decodes_into_its_payload_and_encodes_to_the_same_json() {
    for kind in Kind::iter() {
        let event = decode(kind.name(), kind.sample());
        let (claimed, body) = kind.reread(event.body()).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(claimed, kind, "the payload's own type");
        assert_eq!(body, event.json().unwrap(), "{kind}");
        assert!(event.subject().is_some(), "{kind}: an event of ours says what it is about");
    }
}

#[test]
fn every_sample_of_github_fits_its_view() {
    for (ty, sample) in FOREIGN_SAMPLES {
        let event = decode(ty, sample);
        let (_, _, reread) = view_of(ty);
        let view = reread(event.body()).unwrap_or_else(|error| panic!("{ty}: {error}"));
        assert_within(&view, &event.json().unwrap(), ty);
    }
}

#[test]
fn every_sample_is_valid_by_its_schema_and_an_empty_body_is_not() {
    let own = Kind::iter().map(|kind| (kind.name(), kind.derive_schema(), kind.sample()));
    let foreign = FOREIGN_SAMPLES.iter().map(|(ty, sample)| (*ty, view_of(ty).1, *sample));
    for (ty, schema, sample) in own.chain(foreign) {
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let body = decode(ty, sample).json().unwrap();
        let errors: Vec<_> =
            validator.iter_errors(&body).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{ty}: {errors:#?}");
        assert!(!validator.is_valid(&Value::Object(Map::new())), "{ty}: the schema accepts anything");
    }
}

#[test]
fn every_type_has_a_name_by_the_rules_and_a_subject_of_its_own() {
    let mut subjects = BTreeSet::new();
    for kind in Kind::iter() {
        let name = kind.name();
        assert_eq!(name.parse(), Ok(kind));
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b)));
        let version = name.rsplit_once(".v").expect("ends with a version").1;
        assert!(version.parse::<u32>().is_ok(), "{name}");
        assert!(kind.description().ends_with('.'), "{name}: a sentence");
        assert!(subjects.insert(subject::of(name)));
    }
}

fn decode(ty: &str, sample: &str) -> Envelope {
    let event = json::decode(sample.as_bytes()).unwrap_or_else(|error| panic!("{ty}: {error:?}"));
    assert_eq!(event.ty(), ty);
    assert_eq!(json::to_value(&event), serde_json::from_str::<Value>(sample).unwrap(), "{ty}");
    event
}

fn view_of(ty: &str) -> (&'static str, Value, Reread) {
    let (event, _, schema, reread) = github::view::all()
        .into_iter()
        .find(|(event, ..)| ty.split('.').nth(2) == Some(event))
        .expect("a sample of GitHub has a view");
    (event, schema, reread)
}

/// Whether `part` says nothing that `whole` does not.
pub(crate) fn assert_within(part: &Value, whole: &Value, at: &str) {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            for (name, value) in part {
                assert_within(value, &whole[name], &format!("{at}.{name}"));
            }
        }
        (Value::Array(part), Value::Array(whole)) => {
            assert_eq!(part.len(), whole.len(), "{at}");
            for (index, (part, whole)) in part.iter().zip(whole).enumerate() {
                assert_within(part, whole, &format!("{at}[{index}]"));
            }
        }
        _ => assert_eq!(part, whole, "{at}"),
    }
}

/// The tables of the README: one for each family of types. What a family shares is said once.
fn catalogue() -> String {
    let family_of = |kind: &Kind| kind.name().rsplitn(3, '.').last().unwrap_or_default();
    let kinds: Vec<_> = Kind::iter().collect();
    let mut text = String::new();
    for family in kinds.chunk_by(|a, b| family_of(a) == family_of(b)) {
        let route = |kind: &Kind| format!("from {} to {}", kind.said_by(), kind.heard_by());
        let body = |kind: &Kind| fields(&kind.derive_schema());
        let first = &family[0];
        let shared = family.iter().all(|kind| (route(kind), body(kind)) == (route(first), body(first)));
        write!(text, "### `{}`\n\nSubject: {}.", family_of(first), first.subject()).unwrap();
        if shared {
            write!(text, " All go {}, with the body {}.", route(first), body(first)).unwrap();
        }
        text += if shared {
            "\n\n| Type and sample | Says | Schema |\n|---|---|---|\n"
        } else {
            "\n\n| Type and sample | Says | Goes | Body and schema |\n|---|---|---|---|\n"
        };
        for kind in family {
            let name = kind.name();
            let (schema, says) = (format!("schemas/{name}.json"), kind.description());
            write!(text, "| [`{name}`](samples/{name}.json) | {says} |").unwrap();
            if shared {
                writeln!(text, " [schema]({schema}) |").unwrap();
            } else {
                writeln!(text, " {} | [{}]({schema}) |", route(kind), body(kind)).unwrap();
            }
        }
        text.push('\n');
    }
    text + &github_catalogue()
}

fn github_catalogue() -> String {
    let mut text = "### `com.github`\n\nFrom gateway to automator. The body is what GitHub sent; these events have a typed view of it.\n\n\
                    | Event and sample | Says | View and schema |\n|---|---|---|\n"
        .to_owned();
    for (event, _, schema, _) in github::view::all() {
        let sample = FOREIGN_SAMPLES.iter().find(|(ty, _)| ty.split('.').nth(2) == Some(event));
        let name = match sample {
            Some((ty, _)) => format!("[`com.github.{event}`](samples/{ty}.json)"),
            None => format!("`com.github.{event}`"),
        };
        let says = schema["description"].as_str().unwrap();
        writeln!(text, "| {name} | {says} | [{}](schemas/com.github.{event}.json) |", fields(&schema))
            .unwrap();
    }
    text
}

/// The members of a body; `?` marks those that can be absent.
fn fields(schema: &Value) -> String {
    let required: Vec<_> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut names: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
    names.sort_unstable();
    names
        .into_iter()
        .map(
            |name| {
                if required.contains(&name.as_str()) { format!("`{name}`") } else { format!("`{name}`?") }
            },
        )
        .collect::<Vec<_>>()
        .join(", ")
}

/// Sorted by name at every level, whatever features of `serde_json` other crates of the build ask for.
fn pretty(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let mut names: Vec<_> = members.keys().collect();
                names.sort_unstable();
                Value::Object(names.into_iter().map(|name| (name.clone(), sorted(&members[name]))).collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        }
    }
    serde_json::to_string_pretty(&sorted(value)).unwrap() + "\n"
}

fn schema_path(name: &str) -> PathBuf {
    root().join("schemas").join(format!("{name}.json"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
