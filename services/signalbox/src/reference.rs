//! `CLI.md`, made from the command line itself and checked here.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory as _};

use crate::cli::Cli;

const HEAD: &str = "\
# signalbox: the command line

Generated from the program's own help. Do not edit: `SIGNALBOX_UPDATE=1 cargo test -p signalbox reference` writes it.
";

/// Columns of the help in the reference.
const WIDTH: usize = 100;

fn reference() -> String {
    let mut text = HEAD.to_owned();
    let mut root = Cli::command().term_width(WIDTH);
    // Gives every command its full name and the flags of everywhere.
    root.build();
    section(&mut root, &mut text);
    text
}

fn section(command: &mut Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    // Writing to a String cannot fail.
    let _ = write!(text, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n"));
    for sub in command.get_subcommands_mut().filter(|sub| !sub.is_hide_set()) {
        section(sub, text);
    }
}

#[test]
fn the_reference_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("CLI.md");
    let fresh = reference();
    if std::env::var_os("SIGNALBOX_UPDATE").is_some() {
        std::fs::write(&path, &fresh).expect("the reference can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "CLI.md is not that of the program: run SIGNALBOX_UPDATE=1 cargo test -p signalbox reference"
    );
}

#[test]
fn every_command_is_in_the_reference() {
    let text = reference();
    for name in [
        "serve",
        "check",
        "events list",
        "events tail",
        "events show",
        "events story",
        "dead list",
        "dead redrive",
        "nats users",
        "replay start",
        "replay list",
        "replay show",
        "store verify",
        "store export",
        "store import",
        "demo",
        "doctor soak",
        "version",
    ] {
        assert!(text.contains(&format!("\n## signalbox {name}\n")), "{name}");
    }
}
