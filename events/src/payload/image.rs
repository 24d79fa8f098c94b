//! An image that was pushed to a registry, whichever it is.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Family, Kind, Payload};

/// A tag of an image was pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pushed {
    /// With the registry's host, without tag and digest, as `image` of an App: `ghcr.io/acme/shop`.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// What the tag names since then; absent where the registry does not say (Docker Hub, Quay).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// For which platforms it is, each as `os/architecture` or `os/architecture/variant`; absent where the registry does not
    /// say (see `events::registry`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<String>,
    /// Which kind of registry said it.
    pub registry: Registry,
    /// Who pushed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_by: Option<String>,
    /// When, by the registry's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_at: Option<DateTime<Utc>>,
    /// The commit that it was built from, by its label `org.opencontainers.image.revision` (GHCR).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// A kind of registry, by what its webhook looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Registry {
    /// GitHub's container registry, through GitHub's webhooks.
    Ghcr,
    /// Docker Hub.
    DockerHub,
    /// Harbor.
    Harbor,
    /// Quay.
    Quay,
    /// The CNCF distribution registry (`registry:2`, `registry:3`), and what is built from it.
    Distribution,
}

impl Payload for Pushed {
    const FAMILY: Family = Family::ImagePushed;
    const SAID_BY: &'static str = "gateway";
    const HEARD_BY: &'static str = "automator";
    const SUBJECT: &'static str = "`<repository>:<tag>`";

    fn kind(&self) -> Kind {
        Kind::ImagePushed
    }
}
