//! `kind: Source`.

mod alertmanager;
mod cloudevents;
mod credential;
mod forge;
mod generic;
mod github;
mod guard;
mod schedule;

use super::secret;
use crate::names;
use crate::reader::{Fields, Keys, Read, Reader, Said};
use crate::source::{Argocd, Credential};
use crate::yaml::Node;
use crate::{Source, SourceKind};

const SPEC: Keys = Keys {
    known: &[
        "github",
        "gitea",
        "gitlab",
        "registry",
        "alertmanager",
        "cloudevents",
        "argocd",
        "generic",
        "schedule",
        "retired",
        "from",
        "bodyLimit",
        "rate",
    ],
    later: &[],
};
const KINDS: [&str; 9] =
    ["github", "gitea", "gitlab", "registry", "alertmanager", "cloudevents", "argocd", "generic", "schedule"];
const ARGOCD: Keys = Keys { known: &["tokens"], later: &[] };

pub(super) fn read(reader: &mut Reader<'_>, name: &str, spec: &Node) -> Read<Source> {
    let fields = reader.fields(spec, "spec", &SPEC)?;
    let kind = reader.one_of(&fields, &KINDS).and_then(|(kind, node)| {
        let path = fields.path(kind);
        match kind {
            "github" => github::read(reader, node, &path).map(SourceKind::Github),
            "gitea" => forge::gitea(reader, node, &path).map(SourceKind::Gitea),
            "gitlab" => forge::gitlab(reader, node, &path).map(SourceKind::Gitlab),
            "registry" => forge::registry(reader, node, &path).map(SourceKind::Registry),
            "alertmanager" => alertmanager::read(reader, node, &path).map(SourceKind::Alertmanager),
            "cloudevents" => cloudevents::read(reader, node, &path).map(SourceKind::CloudEvents),
            "argocd" => argocd(reader, node, &path).map(SourceKind::Argocd),
            "generic" => generic::read(reader, node, &path).map(Box::new).map(SourceKind::Generic),
            _ => schedule::read(reader, node, &path).map(SourceKind::Schedule),
        }
    });
    let retired = reader.optional(&fields, "retired", |reader, node, path| {
        reader.choice(node, path, &[("true", true), ("false", false)])
    });
    let guard = guard::read(reader, &fields);
    let (mut kind, retired, guard) = (kind?, retired?.unwrap_or_default(), guard?);
    if let SourceKind::CloudEvents(cloudevents) = &mut kind {
        // Here it can be told by origin, too.
        cloudevents.rate = cloudevents.rate.or(guard.rate);
    }
    if matches!(kind, SourceKind::Schedule(_)) {
        unposted(reader, &fields)?;
    }
    Ok(Source { name: name.to_owned(), kind, retired, guard })
}

/// What is said of those who post has no sense where nobody does.
fn unposted(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Read<()> {
    let found = fields.present().find(|(key, ..)| ["retired", "from", "bodyLimit", "rate"].contains(key));
    let Some((key, at, _)) = found else { return Ok(()) };
    let message = format!("`spec.{key}` is for those who post here: nobody posts a schedule");
    let hint = "take it out; `suspend: true` in `schedule` stops its ticks".to_owned();
    reader.error(at, message, Some(hint));
    Err(Said)
}

/// Globs of `owner/name`.
fn repositories(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Vec<String>> {
    reader.items(node, path, |reader, node, path| {
        reader.formed(node, path, |text| names::repository(text, true))
    })
}

fn argocd(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Argocd> {
    let fields = reader.fields(node, path, &ARGOCD)?;
    let tokens = reader.required(&fields, "tokens", secret::read_live);
    Ok(Argocd { credential: Credential::Tokens(tokens?) })
}
