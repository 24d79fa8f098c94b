//! GHCR, through GitHub's webhooks `package` and `registry_package`.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{repository_of, said, sender};
use crate::payload::image::{Pushed, Registry};
use crate::webhook::{self, DecodeError};

#[derive(Deserialize)]
struct Delivery {
    action: String,
    #[serde(alias = "registry_package")]
    package: Package,
    sender: Option<Sender>,
}

#[derive(Deserialize)]
struct Sender {
    login: Option<String>,
}

#[derive(Deserialize)]
struct Package {
    package_type: Option<String>,
    package_version: Option<Version>,
}

#[derive(Deserialize)]
struct Version {
    package_url: Option<String>,
    container_metadata: Option<Metadata>,
    updated_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Metadata {
    tag: Option<Tag>,
    labels: Option<Labels>,
}

#[derive(Deserialize)]
struct Tag {
    name: Option<String>,
    digest: Option<String>,
}

#[derive(Deserialize)]
struct Labels {
    revision: Option<String>,
}

pub(super) fn pushes(event: Option<&str>, body: &[u8]) -> Result<Vec<Pushed>, DecodeError> {
    match event {
        Some("package" | "registry_package") => {}
        // A ping, or an event that is not about packages.
        Some(_) => return Ok(Vec::new()),
        None => return Err(DecodeError::Event("X-GitHub-Event")),
    }
    let delivery: Delivery = webhook::read(sender(Registry::Ghcr), body)?;
    Ok(push(delivery).into_iter().collect())
}

fn push(delivery: Delivery) -> Option<Pushed> {
    let Delivery { action, package, sender } = delivery;
    let image = package.package_type.is_none_or(|kind| kind.eq_ignore_ascii_case("container"));
    if !image || !matches!(action.as_str(), "published" | "updated") {
        return None;
    }
    let Version { package_url, container_metadata, updated_at } = package.package_version?;
    let Metadata { tag, labels } = container_metadata?;
    let Tag { name, digest } = tag?;
    let tag = said(name)?;
    let repository = said(package_url)?;
    Some(Pushed {
        repository: repository_of(&repository).to_ascii_lowercase(),
        tag,
        digest: said(digest),
        platforms: Vec::new(),
        registry: Registry::Ghcr,
        pushed_by: sender.and_then(|sender| said(sender.login)),
        pushed_at: updated_at,
        revision: labels.and_then(|labels| said(labels.revision)),
    })
}
