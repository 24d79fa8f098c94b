//! The adapter of image registries: one event for each tag that was pushed, the same for every registry.
//!
//! | attribute | value |
//! |---|---|
//! | `type` | [`ImagePushed`](crate::Kind::ImagePushed) |
//! | `id` | `UUIDv5` of repository, tag, digest and time of the push, as far as the registry says them |
//! | `source` | `/registry/<host>` |
//! | `subject` | `<repository>:<tag>`, the repository with its host |
//! | `time` | when it was pushed; absent where the registry does not say |
//! | `partitionkey` | the repository with its host |
//!
//! So a webhook that is sent again, and the twin events `package` and `registry_package` of GitHub, are one event, and a tag
//! that is moved back to an earlier image is a new one. **Quay** says neither digest nor time, so two pushes of one tag
//! look alike: there, the time of arrival is part of the id, and a webhook that is sent again is another event. That is the
//! lesser evil: an event too many is a second look at the registry, one too few a deploy that does not happen.
//!
//! | registry | repository | tag | digest | time | who |
//! |---|---|---|---|---|---|
//! | GHCR: `package`, `registry_package` with the action `published` or `updated` | `package_version.package_url` | `container_metadata.tag.name` | `container_metadata.tag.digest` | `package_version.updated_at` | `sender.login` |
//! | Docker Hub | `docker.io/` and `repository.repo_name` | `push_data.tag` | - | `push_data.pushed_at` | `push_data.pusher` |
//! | Harbor: `PUSH_ARTIFACT`, or `harbor.artifact.pushed` in its CloudEvents format | `resources[].resource_url` | `resources[].tag` | `resources[].digest` | `occur_at`, or `time` | `operator` |
//! | Quay: repository push | `docker_url` | `updated_tags[]` | - | - | - |
//! | distribution: `events[]` with the action `push` and a tag | `request.host` and `target.repository` | `target.tag` | `target.digest` | `timestamp` | `actor.name` |
//!
//! **Platforms** (`platforms`) are said by the distribution registry alone, and only where it is told to
//! (`notifications.events.includereferences: true`): of an image for several, `target.references[].platform` of its index; or
//! `target.platform`. GHCR's `container_metadata` has tag, labels and the digest of the manifest, Harbor's resource digest, tag
//! and address, Docker Hub and Quay not even the digest.
//!
//! What says anything else (a pull, a delete, a blob, a push without a tag, a package that is no image, a ping) makes no
//! event, and is no error.

mod distribution;
mod docker_hub;
mod ghcr;
mod harbor;
mod quay;
#[cfg(test)]
mod tests;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use crate::payload::image::{Pushed, Registry};
use crate::webhook::DecodeError;
use crate::{Envelope, Payload as _};

/// What each kind of registry sends about a push, in the shape of its documentation.
pub const fn sample(registry: Registry) -> &'static str {
    match registry {
        Registry::Ghcr => include_str!("registry/samples/ghcr.json"),
        Registry::DockerHub => include_str!("registry/samples/dockerhub.json"),
        Registry::Harbor => include_str!("registry/samples/harbor.json"),
        Registry::Quay => include_str!("registry/samples/quay.json"),
        Registry::Distribution => include_str!("registry/samples/distribution.json"),
    }
}

/// The namespace of the ids of pushes (RFC 9562 version 5). Chosen once; changing it would make every push new.
const NAMESPACE: Uuid = Uuid::from_u128(0x9a41_7f52_0c6d_5e38_b7a9_41d2_6c0e_f375);

/// Makes the events of a registry's webhook. Pure: `arrived` is when it came.
///
/// `event` is the header `X-GitHub-Event`, which GHCR alone has.
///
/// ```
/// use events::payload::image::Registry;
/// let body = br#"{"push_data": {"tag": "1.2", "pushed_at": 1790000000, "pusher": "ada"},
///                 "repository": {"repo_name": "acme/shop"}}"#;
/// let events = events::registry::decode(Registry::DockerHub, None, body, events::Utc::now())?;
/// assert_eq!(events[0].ty(), "io.signalbox.image.pushed.v1");
/// assert_eq!(events[0].subject(), Some("docker.io/acme/shop:1.2"));
/// # Ok::<(), events::webhook::DecodeError>(())
/// ```
pub fn decode(
    registry: Registry,
    event: Option<&str>,
    body: &[u8],
    arrived: DateTime<Utc>,
) -> Result<Vec<Envelope>, DecodeError> {
    let pushes = match registry {
        Registry::Ghcr => ghcr::pushes(event, body),
        Registry::DockerHub => docker_hub::pushes(body),
        Registry::Harbor => harbor::pushes(body),
        Registry::Quay => quay::pushes(body),
        Registry::Distribution => distribution::pushes(body),
    }?;
    let envelope = |push| {
        envelope(push, arrived).map_err(|source| DecodeError::Invalid { sender: sender(registry), source })
    };
    pushes.iter().map(envelope).collect()
}

/// What people call it.
const fn sender(registry: Registry) -> &'static str {
    match registry {
        Registry::Ghcr => "GitHub",
        Registry::DockerHub => "Docker Hub",
        Registry::Harbor => "Harbor",
        Registry::Quay => "Quay",
        Registry::Distribution => "a distribution registry",
    }
}

fn envelope(push: &Pushed, arrived: DateTime<Utc>) -> Result<Envelope, crate::InvalidEnvelope> {
    let Pushed { repository, tag, digest, pushed_at, .. } = push;
    let rfc3339 = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Nanos, true);
    let when = match (pushed_at, digest) {
        (Some(time), _) => rfc3339(*time),
        (None, Some(_)) => String::new(),
        (None, None) => rfc3339(arrived),
    };
    // None of them has a space.
    let name = format!("{repository} {tag} {} {when}", digest.as_deref().unwrap_or_default());
    let id = Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string();
    let host = repository.split('/').next().unwrap_or_default();
    let data = serde_json::to_value(push).expect("a push is plain data with string keys");
    let mut builder = Envelope::builder(id, format!("/registry/{host}"), push.kind().name())
        .subject(format!("{repository}:{tag}"))
        .partition_key(repository)
        .json(&data);
    if let Some(time) = pushed_at {
        builder = builder.time(*time);
    }
    builder.build()
}

/// A reference without its tag and digest.
fn repository_of(reference: &str) -> &str {
    let reference = reference.split('@').next().unwrap_or_default();
    match reference.rsplit_once(':') {
        // A colon before a slash belongs to a port.
        Some((repository, tag)) if !tag.contains('/') => repository,
        Some(_) | None => reference,
    }
}

/// A text that says something.
fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
