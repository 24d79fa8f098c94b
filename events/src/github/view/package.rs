//! `package` and `registry_package`: GitHub Packages, GHCR among them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Repository, User};

/// A version of a package was published or updated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// `published` or `updated`.
    pub action: String,
    /// The package.
    pub package: PackageDetail,
    /// The repository that it belongs to; absent when it belongs to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// Who did it.
    pub sender: User,
}

/// A version of a package was published or updated, under the older name of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistryPackage {
    /// `published` or `updated`.
    pub action: String,
    /// The package.
    pub registry_package: PackageDetail,
    /// The repository that it belongs to; absent when it belongs to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// Who did it.
    pub sender: User,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackageDetail {
    /// Unique within GitHub.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its owner.
    pub namespace: String,
    /// `CONTAINER`, `npm`, `maven`, …
    pub package_type: String,
    /// Its page.
    pub html_url: String,
    /// The version; `null` where GitHub does not say.
    pub package_version: Option<PackageVersion>,
}

/// A version of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackageVersion {
    /// Unique within GitHub.
    pub id: u64,
    /// Its name; of an image its digest.
    pub version: String,
    /// Its page; absent where GitHub shortens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html_url: Option<String>,
    /// Where it is pulled from: `ghcr.io/acme/shop:1.4.2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_url: Option<String>,
    /// Of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_metadata: Option<ContainerMetadata>,
}

/// What is known of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerMetadata {
    /// Its tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<ContainerTag>,
}

/// A tag of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerTag {
    /// The tag; empty when the image was pushed without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}
