//! `kind: Source`.

use super::secret;
use crate::names;
use crate::reader::{Keys, Read, Reader};
use crate::source::{Alertmanager, Github};
use crate::yaml::Node;
use crate::{Source, SourceKind};

const SPEC: Keys = Keys {
    known: &["github", "alertmanager"],
    later: &["gitea", "gitlab", "argocd", "registry", "cloudevents", "generic"],
};
const GITHUB: Keys = Keys { known: &["secrets", "repositories"], later: &[] };
const ALERTMANAGER: Keys = Keys { known: &["tokens"], later: &[] };

pub(super) fn read(reader: &mut Reader<'_>, name: &str, spec: &Node) -> Read<Source> {
    let fields = reader.fields(spec, "spec", &SPEC)?;
    let (kind, node) = reader.one_of(&fields, SPEC.known)?;
    let path = fields.path(kind);
    let kind = match kind {
        "github" => SourceKind::Github(github(reader, node, &path)?),
        _ => SourceKind::Alertmanager(alertmanager(reader, node, &path)?),
    };
    Ok(Source { name: name.to_owned(), kind })
}

fn github(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Github> {
    let fields = reader.fields(node, path, &GITHUB)?;
    let secrets = reader.required(&fields, "secrets", secret::read_live);
    let repositories = reader.optional(&fields, "repositories", |reader, node, path| {
        reader.items(node, path, |reader, node, path| {
            reader.formed(node, path, |text| names::repository(text, true))
        })
    });
    Ok(Github { secrets: secrets?, repositories: repositories?.unwrap_or_default() })
}

fn alertmanager(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Alertmanager> {
    let fields = reader.fields(node, path, &ALERTMANAGER)?;
    let tokens = reader.required(&fields, "tokens", secret::read_live);
    Ok(Alertmanager { tokens: tokens? })
}
