//! What one resource says about another: does it hold?

use std::collections::{BTreeMap, BTreeSet};

use crate::Catalog;
use crate::names;
use crate::problem::{Problem, Problems, Severity};
use crate::yaml::Place;

/// A name that should be another resource's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub file: String,
    pub at: Place,
    /// Where in the resource: `spec.do[1].notify.channel`.
    pub path: String,
    pub to: Target,
}

/// What a reference names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Channel(String),
    App(String),
    Environment { app: String, environment: String },
}

/// The names that were declared, those of resources with problems included.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub apps: BTreeSet<String>,
    pub channels: BTreeSet<String>,
    /// Files and lines of the Apps, for what is said about two of them.
    pub app_places: BTreeMap<String, (String, Place)>,
}

/// Says which references name nothing.
pub(crate) fn check(
    references: &[Reference],
    declared: &Declared,
    catalog: &Catalog,
    problems: &mut Problems,
) {
    for Reference { file, at, path, to } in references {
        let (message, hint) = match to {
            Target::Channel(name) if !declared.channels.contains(name) => {
                missing("Channel", name, &declared.channels)
            }
            Target::App(name) if !declared.apps.contains(name) => missing("App", name, &declared.apps),
            Target::Environment { app, environment } => match catalog.apps.get(app) {
                Some(known) if known.environment(environment).is_none() => {
                    let environments: Vec<&str> =
                        known.environments.iter().map(|known| known.name.as_str()).collect();
                    let message = format!("the App `{app}` has no environment `{environment}`");
                    (message, names::suggestion(environment, &environments))
                }
                // An App that is not there, or has problems of its own, has been told of.
                Some(_) | None => continue,
            },
            Target::Channel(_) | Target::App(_) => continue,
        };
        problems.push(Problem {
            file: file.clone(),
            line: at.line,
            column: at.column,
            severity: Severity::Error,
            message: format!("`{path}`: {message}"),
            hint,
        });
    }
}

fn missing(kind: &str, name: &str, known: &BTreeSet<String>) -> (String, Option<String>) {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let hint = names::suggestion(name, &known).or_else(|| Some(format!("no {kind} is declared")));
    (format!("there is no {kind} `{name}`"), hint)
}

/// Says what two Apps or environments must not share.
pub(crate) fn check_shared(declared: &Declared, catalog: &Catalog, problems: &mut Problems) {
    let mut repositories: BTreeMap<String, &str> = BTreeMap::new();
    let mut applications: BTreeMap<(&str, &str), String> = BTreeMap::new();
    let mut keys: BTreeMap<(&str, &str, &str, &[String]), String> = BTreeMap::new();
    for app in catalog.apps.values() {
        let mut say = |severity, message: String, hint: &str| {
            let (file, at) = declared.app_places.get(&app.name).cloned().unwrap_or_default();
            let hint = Some(hint.to_owned());
            problems.push(Problem { file, line: at.line, column: at.column, severity, message, hint });
        };
        if let Some(repository) = &app.repository {
            if let Some(other) = repositories.get(&repository.to_ascii_lowercase()) {
                let message = format!("the Apps `{other}` and `{}` have the same repository", app.name);
                let hint = format!("for events of {repository}, `app` is `{other}`");
                say(Severity::Warning, message, &hint);
            } else {
                repositories.insert(repository.to_ascii_lowercase(), &app.name);
            }
        }
        for environment in &app.environments {
            let this = format!("{}/{}", app.name, environment.name);
            let git = &environment.git;
            let key =
                (git.repository.as_str(), git.branch.as_str(), git.file.as_str(), git.tag_key.as_slice());
            if let Some(other) = keys.insert(key, this.clone()) {
                let message = format!(
                    "`{other}` and `{this}` write the same key `{}` of {}",
                    git.tag_key.join("."),
                    git.file
                );
                say(Severity::Error, message, "give each environment its own file or key");
            }
            if let Some(argocd) = &environment.argocd
                && let Some(other) =
                    applications.insert((&argocd.namespace, &argocd.application), this.clone())
            {
                let name = format!("{}/{}", argocd.namespace, argocd.application);
                let message = format!("`{other}` and `{this}` have the same Argo CD Application {name}");
                say(Severity::Error, message, "give each environment its own Application");
            }
        }
    }
}
