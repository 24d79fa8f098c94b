//! The loader of settings: a file, then variables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::search::Target;
use crate::{Verdict, clear};

/// Settings of every shape that settings have.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    bus: String,
    port: u16,
    ratio: f64,
    on: Option<bool>,
    only: Vec<String>,
    log: Log,
    labels: BTreeMap<String, i64>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Log {
    format: Format,
    lines: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Text,
    Json,
}

fn load(file: &[u8], variables: &[(String, String)]) -> Result<Settings, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signalbox.yaml");
    std::fs::write(&path, file).unwrap();
    let loaded = chassis::config::load(Some(&path), variables.iter().cloned(), serde_json::Value::Null);
    loaded.map_err(|error| crate::chain(&error).replace(&path.display().to_string(), "signalbox.yaml"))
}

fn holds(input: &[u8]) -> Verdict {
    let at = input.windows(2).position(|pair| pair == b"\n\n").unwrap_or(input.len());
    let (file, variables) = input.split_at(at);
    let variables = String::from_utf8_lossy(variables);
    let variables: Vec<_> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match load(file, &variables) {
        Ok(settings) => {
            let text = serde_json::to_vec(&settings).map_err(|error| error.to_string())?;
            // JSON has no number for these.
            if settings.ratio.is_finite() && load(&text, &[])? != settings {
                return Err(format!("{settings:?} is not the same when it is written and loaded"));
            }
            Ok("settings".to_owned())
        }
        Err(error) => {
            if !error.contains("signalbox.yaml") && !error.contains("SIGNALBOX_") {
                return Err(format!("the error names no place: {error}"));
            }
            // Whoever writes the settings runs the program: what is shown is their own.
            let shown: String = error.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            clear(shown.get(..shown.floor_char_boundary(1_000)).unwrap_or_default())
        }
    }
}

#[test]
fn whatever_the_settings_say_they_are_loaded_or_refused_with_a_place() {
    let words: &[&str] = &[
        "SIGNALBOX_PORT=",
        "SIGNALBOX_LOG__FORMAT=",
        "SIGNALBOX_ONLY=a,b",
        "SIGNALBOX_LABELS__A=1",
        "SIGNALBOX_",
        "__",
        "\n\n",
        "bus: ",
        "port: 80\n",
        "ratio: .nan\n",
        "ratio: 1e400\n",
        "on: yes\n",
        "only: [a, b]\n",
        "log: {format: json}\n",
        "<<: *a\n",
        "&a ",
        "*a",
        "!!binary ",
        "? ",
        "- ",
        "| \n",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "#",
        "%YAML 1.2\n",
        "---\n",
        "...\n",
        "\t",
        "\u{feff}",
        "\u{85}",
        "null",
        "~",
        "0x10",
        "0o7",
        "1_000",
        "18446744073709551616",
        "-1",
        "é",
    ];
    Target { name: "config", seeds: Vec::new(), words, holds, answers: 30 }.search();
}
