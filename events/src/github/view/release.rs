//! `release`: releases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Repository, User};

/// A release was created, published, edited, …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    /// `published`, `released`, `prereleased`, …
    pub action: String,
    /// The release.
    pub release: ReleaseDetail,
    /// What was released.
    pub repository: Repository,
    /// Who did it.
    pub sender: User,
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseDetail {
    /// Unique within GitHub.
    pub id: u64,
    /// Its tag.
    pub tag_name: String,
    /// The branch or commit that the tag is made from, if it does not exist yet.
    pub target_commitish: String,
    /// Its title.
    pub name: Option<String>,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether it is a pre-release.
    pub prerelease: bool,
    /// Its text.
    #[serde(default)]
    pub body: Option<String>,
    /// Its page.
    pub html_url: String,
}
