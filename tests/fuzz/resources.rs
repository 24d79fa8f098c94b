//! The reader of resources.

use std::path::Path;

use crate::search::{Target, files};
use crate::{Verdict, clear};

fn holds(input: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(input);
    let lines = text.lines().count() + 1;
    let (problems, loaded) = match resources::load_text("x.yaml", &text) {
        Ok(loaded) => (loaded.warnings, Some(loaded.catalog)),
        Err(problems) => (problems, None),
    };
    let mut kinds = Vec::new();
    for problem in &problems {
        if !(1..=lines).contains(&problem.line) || problem.column == 0 {
            return Err(format!("it is at no place of the file: {problem}"));
        }
        // A problem may quote a condition of several lines.
        kinds.push(clear(&problem.message.replace('\n', " "))?);
    }
    if loaded.is_none() && kinds.is_empty() {
        return Err("refused without a problem".to_owned());
    }
    Ok(match (loaded, kinds.into_iter().next()) {
        (Some(_), _) => "loaded".to_owned(),
        (None, first) => first.unwrap_or_default(),
    })
}

#[test]
fn whatever_a_file_declares_it_is_loaded_or_refused_with_places() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/resources/tests");
    let yaml = |name: &str| {
        files(&folder.join(name))
            .into_iter()
            .filter(|file| file.starts_with(b"apiVersion") || file.starts_with(b"#"))
    };
    let seeds: Vec<_> = yaml("good").chain(yaml("bad")).collect();
    assert!(seeds.len() > 20, "{} seeds", seeds.len());
    let words: &[&str] = &[
        "apiVersion: signalbox.dev/v1alpha1\n",
        "kind: Source\n",
        "kind: Automation\n",
        "metadata: {name: a}\n",
        "spec:\n",
        "  cloudevents:\n",
        "    tokens: [{env: PATH}]\n",
        "rate: 1/m",
        "retired: true",
        "---\n",
        "...\n",
        "&a ",
        "*a",
        "<<: *a",
        "!!str ",
        "{{",
        "}}",
        "{%",
        "%}",
        "data.x == 1",
        "event.type.startsWith(",
        "[0].all(x, x",
        "|\n",
        ">-\n",
        "\"",
        "'",
        "#",
        ": ",
        "- ",
        "\t",
        "\u{feff}",
        "\u{85}",
        "null",
        "~",
        "[[[[[[[[",
        "{a: {a: {a: ",
        "é",
        "😀",
        "\\",
        "? ",
    ];
    Target { name: "resources", seeds, words, holds, answers: 60 }.search();
}
