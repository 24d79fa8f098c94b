//! `signalbox check`.

use std::path::Path;

use resources::{Catalog, Loaded, Problems, Severity, load_dir};

use crate::exit::{Exit, Stop};
use crate::output::{Output, Style, harmless};

/// Prints what is wrong with the resources of a folder, or what there is when nothing is.
pub fn run(dir: &Path, out: &mut Output) -> Result<Exit, Stop> {
    match load_dir(dir) {
        Ok(Loaded { catalog, warnings }) => {
            print(&warnings, out)?;
            if catalog_is_empty(&catalog) {
                let text = format!(
                    "warning: {} declares nothing: resources are read from *.yaml and *.yml",
                    dir.display()
                );
                out.line(out.styled(Style::Yellow, harmless(&text)))?;
            }
            let verdict = out.styled(Style::Green, "ok");
            out.line(format_args!("{verdict}: {}{}", counts(&catalog), tally(0, warnings.len())))?;
            Ok(Exit::Done)
        }
        Err(problems) => {
            print(&problems, out)?;
            let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
            let verdict = out.styled(Style::Red, "not ok");
            out.line(format_args!("{verdict}{}", tally(errors, problems.len() - errors)))?;
            Ok(Exit::Failed)
        }
    }
}

fn catalog_is_empty(catalog: &Catalog) -> bool {
    let Catalog { sources, apps, automations, channels } = catalog;
    sources.is_empty() && apps.is_empty() && automations.is_empty() && channels.is_empty()
}

fn print(problems: &Problems, out: &mut Output) -> Result<(), Stop> {
    for problem in problems {
        let text = harmless(&problem.to_string());
        let style = match problem.severity {
            Severity::Error => Style::Red,
            Severity::Warning => Style::Yellow,
        };
        let line = match text.split_once('\n') {
            Some((head, hint)) => format!("{}\n{hint}", out.styled(style, head)),
            None => out.styled(style, text),
        };
        out.line(line)?;
    }
    Ok(())
}

/// `2 sources, 1 app, 3 automations, 1 channel`.
pub fn counts(catalog: &Catalog) -> String {
    let Catalog { sources, apps, automations, channels } = catalog;
    [
        count(sources.len(), "source"),
        count(apps.len(), "app"),
        count(automations.len(), "automation"),
        count(channels.len(), "channel"),
    ]
    .join(", ")
}

fn tally(errors: usize, warnings: usize) -> String {
    let parts: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| count(number, noun))
        .collect();
    if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
