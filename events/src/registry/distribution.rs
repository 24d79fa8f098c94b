//! The CNCF distribution registry: its envelope of notifications.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{said, sender};
use crate::payload::image::{Pushed, Registry};
use crate::webhook::{self, DecodeError};

#[derive(Deserialize)]
struct Notification {
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    action: String,
    timestamp: Option<DateTime<Utc>>,
    target: Target,
    request: Option<Request>,
    actor: Option<Actor>,
}

#[derive(Deserialize)]
struct Target {
    digest: Option<String>,
    repository: Option<String>,
    tag: Option<String>,
    url: Option<String>,
    platform: Option<Platform>,
    /// What a manifest refers to: of an index the manifest of each platform. Sent with
    /// `notifications.events.includereferences`.
    #[serde(default)]
    references: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
struct Reference {
    platform: Option<Platform>,
}

/// As in the descriptors of the OCI image specification.
#[derive(Deserialize)]
struct Platform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

#[derive(Deserialize)]
struct Request {
    host: Option<String>,
}

#[derive(Deserialize)]
struct Actor {
    name: Option<String>,
}

pub(super) fn pushes(body: &[u8]) -> Result<Vec<Pushed>, DecodeError> {
    let Notification { events } = webhook::read(sender(Registry::Distribution), body)?;
    Ok(events.into_iter().filter_map(push).collect())
}

fn push(event: Event) -> Option<Pushed> {
    let Event { action, timestamp, target, request, actor } = event;
    if action != "push" {
        return None;
    }
    let Target { digest, repository, tag, url, platform, references } = target;
    let in_url = || {
        let url = url.as_deref()?;
        url.split_once("://")?.1.split('/').next().map(str::to_owned)
    };
    let host = request.and_then(|request| said(request.host)).or_else(in_url)?;
    let of_references = references.unwrap_or_default().into_iter().filter_map(|reference| reference.platform);
    let mut platforms: Vec<String> = platform.into_iter().chain(of_references).filter_map(name).collect();
    platforms.sort();
    platforms.dedup();
    Some(Pushed {
        repository: format!("{host}/{}", said(repository)?),
        tag: said(tag)?,
        digest: said(digest),
        platforms,
        registry: Registry::Distribution,
        pushed_by: actor.and_then(|actor| said(actor.name)),
        pushed_at: timestamp,
        revision: None,
    })
}

/// `linux/arm64/v8`. What is no image (an attestation that stands in an index) says `unknown/unknown`.
fn name(platform: Platform) -> Option<String> {
    let Platform { os, architecture, variant } = platform;
    let known = |text: Option<String>| said(text).filter(|text| text != "unknown");
    let (os, architecture) = (known(os)?, known(architecture)?);
    Some(match said(variant) {
        Some(variant) => format!("{os}/{architecture}/{variant}"),
        None => format!("{os}/{architecture}"),
    })
}
