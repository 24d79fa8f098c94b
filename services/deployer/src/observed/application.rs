//! An Argo CD Application, as far as a deploy looks at it.

use std::fmt;

use chrono::{DateTime, Utc};

use super::Kind;

/// What a deploy looks at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Application {
    /// `spec.source.repoURL`, or of each of `spec.sources`.
    pub sources: Vec<String>,
    /// `status.sync`.
    pub sync: Sync,
    /// `status.health`.
    pub health: Health,
    /// `status.reconciledAt`.
    pub reconciled_at: Option<DateTime<Utc>>,
    /// `status.operationState`: the running or the last operation.
    pub operation: Option<Operation>,
    /// `operation`: one is asked for and has perhaps not begun.
    pub operation_asked: bool,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
    /// The `Deployment`s, `StatefulSet`s and `DaemonSet`s of `status.resources`.
    pub workloads: Vec<ResourceId>,
}

/// `status.sync`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sync {
    /// `Synced`, `OutOfSync` or `Unknown`; empty before the first comparison.
    pub status: String,
    /// What was compared to, in the order of the sources.
    pub revisions: Vec<String>,
}

/// `status.health`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing` or `Unknown`; empty before the first look.
    pub status: String,
    /// What is wrong.
    pub message: String,
}

/// `status.operationState`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// `phase`.
    pub phase: Phase,
    /// `message`.
    pub message: String,
    /// What it syncs to, in the order of the sources.
    pub revisions: Vec<String>,
    /// `finishedAt`. With `Running` it means that a failed attempt will be repeated.
    pub finished_at: Option<DateTime<Utc>>,
    /// `retryCount`.
    pub retries: u32,
    /// What `syncResult.resources` says of those that failed.
    pub failed: Vec<SyncedResource>,
}

/// `status.operationState.phase`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It runs, or waits for its next attempt.
    Running,
    /// It is being stopped.
    Terminating,
    /// The manifests were refused, or a hook failed.
    Failed,
    /// It could not be carried out.
    Error,
    /// It ended well.
    Succeeded,
}

/// A resource that could not be synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncedResource {
    /// `Kind namespace/name`.
    pub name: String,
    /// Why.
    pub message: String,
}

/// `status.conditions[]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// For example `ComparisonError`.
    pub name: String,
    /// What is wrong.
    pub message: String,
}

/// A workload that the Application names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceId {
    /// Which kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name } = self;
        write!(f, "{kind} {namespace}/{name}")
    }
}

impl Application {
    /// The revisions to look for a commit of `repository` in: those of the sources with that address, or all of them
    /// where none has it (a mirror, another way to write it). `revisions` are in the order of the sources.
    pub fn of_repository<'a>(&self, revisions: &'a [String], repository: &str) -> Vec<&'a str> {
        let same = |source: &String| address(source) == address(repository);
        let chosen: Vec<&str> = if self.sources.len() == revisions.len() {
            self.sources
                .iter()
                .zip(revisions)
                .filter(|(source, _)| same(source))
                .map(|(_, it)| it.as_str())
                .collect()
        } else {
            Vec::new()
        };
        if chosen.is_empty() { revisions.iter().map(String::as_str).collect() } else { chosen }
    }
}

/// The part of a repository's address that does not depend on how one gets there: `host/owner/name`.
fn address(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = match rest.split_once('/') {
        Some((authority, path)) => {
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{}/{path}", host.replace(':', "/"))
        }
        None => rest.rsplit_once('@').map_or(rest, |(_, host)| host).replace(':', "/"),
    };
    rest.trim_end_matches('/').trim_end_matches(".git").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_repository_is_known_however_it_is_written() {
        for (a, b, same) in [
            ("https://github.com/acme/deploy.git", "git@github.com:acme/deploy", true),
            ("https://github.com/acme/deploy", "https://github.com/Acme/deploy/", true),
            ("ssh://git@github.com/acme/deploy.git", "https://bot@github.com/acme/deploy.git", true),
            ("file:///srv/deploy.git", "/srv/deploy", true),
            ("https://github.com/acme/deploy", "https://github.com/acme/charts", false),
            ("https://github.com/acme/deploy", "https://gitlab.com/acme/deploy", false),
        ] {
            assert_eq!(address(a) == address(b), same, "{a} {b}");
        }
    }

    #[test]
    fn only_the_revisions_of_our_repository_are_looked_at_where_it_is_among_the_sources() {
        let strings = |list: &[&str]| list.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        let application =
            |sources: &[&str]| Application { sources: strings(sources), ..Application::default() };
        let revisions = strings(&["1.2.3", "aaaa"]);
        let two = application(&["https://charts.example.org", "git@github.com:acme/deploy.git"]);
        assert_eq!(two.of_repository(&revisions, "https://github.com/acme/deploy"), ["aaaa"]);
        assert_eq!(two.of_repository(&revisions, "http://mirror/deploy"), ["1.2.3", "aaaa"]);
        let one = application(&["http://mirror/deploy"]);
        assert_eq!(one.of_repository(&revisions[1..], "https://github.com/acme/deploy"), ["aaaa"]);
    }
}
