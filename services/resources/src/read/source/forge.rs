//! `spec.gitea`, `spec.gitlab` and `spec.registry` of a Source.

use events::payload::image;

use super::credential;
use crate::names;
use crate::read::secret;
use crate::reader::{Keys, Read, Reader};
use crate::source::credential::{Credential, Hmac};
use crate::source::{Gitea, Gitlab, Registry};
use crate::yaml::Node;

const GITEA: Keys = Keys { known: &["secrets", "repositories"], later: &[] };
const GITLAB: Keys = Keys { known: &["tokens", "secrets", "projects"], later: &[] };
/// What GitLab can show: a secret token, or a signature made with a signing token.
const OF_GITLAB: [&str; 2] = ["tokens", "secrets"];
const REGISTRY: Keys = Keys { known: &["ghcr", "dockerhub", "harbor", "quay", "distribution"], later: &[] };
const SIGNED: Keys = Keys { known: &["secrets"], later: &[] };
/// What a registry that signs nothing can show: a bearer token (in its address, if it cannot send headers), or more.
const SHOWN: Keys = Keys { known: &["tokens", "basic", "header"], later: &[] };
/// Those that can send no header of the user's.
const ADDRESS: Keys = Keys { known: &["tokens"], later: &[] };

pub(super) fn gitea(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Gitea> {
    let fields = reader.fields(node, path, &GITEA)?;
    let secrets = reader.required(&fields, "secrets", secret::read_live);
    let repositories = reader.optional(&fields, "repositories", super::repositories);
    Ok(Gitea { secrets: secrets?, repositories: repositories?.unwrap_or_default() })
}

pub(super) fn gitlab(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Gitlab> {
    let fields = reader.fields(node, path, &GITLAB)?;
    let credential = reader.one_of(&fields, &OF_GITLAB).and_then(|(kind, node)| {
        let live = secret::read_live(reader, node, &fields.path(kind))?;
        Ok(match kind {
            "tokens" => Credential::Header { name: "x-gitlab-token".to_owned(), values: live },
            _ => Credential::Hmac(Hmac::standard_webhooks(live)),
        })
    });
    let projects = reader.optional(&fields, "projects", |reader, node, path| {
        reader.items(node, path, |reader, node, path| reader.formed(node, path, names::project))
    });
    Ok(Gitlab { credential: credential?, projects: projects?.unwrap_or_default() })
}

pub(super) fn registry(reader: &mut Reader<'_>, node: &Node, path: &str) -> Read<Registry> {
    let fields = reader.fields(node, path, &REGISTRY)?;
    let (name, node) = reader.one_of(&fields, REGISTRY.known)?;
    let path = fields.path(name);
    let (kind, keys) = match name {
        "ghcr" => {
            let fields = reader.fields(node, &path, &SIGNED)?;
            let secrets = reader.required(&fields, "secrets", secret::read_live)?;
            let hmac = Hmac::over_the_body("x-hub-signature-256", "sha256=", secrets);
            return Ok(Registry { kind: image::Registry::Ghcr, credential: Credential::Hmac(hmac) });
        }
        "dockerhub" => (image::Registry::DockerHub, &ADDRESS),
        "harbor" => (image::Registry::Harbor, &SHOWN),
        "quay" => (image::Registry::Quay, &ADDRESS),
        _ => (image::Registry::Distribution, &SHOWN),
    };
    let fields = reader.fields(node, &path, keys)?;
    Ok(Registry { kind, credential: credential::read(reader, &fields, keys.known)? })
}
