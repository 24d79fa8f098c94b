//! Quay: its notification about a push to a repository.

use serde::Deserialize;

use super::{said, sender};
use crate::payload::image::{Pushed, Registry};
use crate::webhook::{self, DecodeError};

#[derive(Deserialize)]
struct Delivery {
    docker_url: String,
    /// Absent in notifications about anything else (builds, scans).
    #[serde(default)]
    updated_tags: Vec<String>,
}

pub(super) fn pushes(body: &[u8]) -> Result<Vec<Pushed>, DecodeError> {
    let Delivery { docker_url, updated_tags } = webhook::read(sender(Registry::Quay), body)?;
    let push = |tag| {
        Some(Pushed {
            repository: docker_url.clone(),
            tag: said(Some(tag))?,
            digest: None,
            platforms: Vec::new(),
            registry: Registry::Quay,
            pushed_by: None,
            pushed_at: None,
            revision: None,
        })
    };
    Ok(updated_tags.into_iter().filter_map(push).collect())
}
