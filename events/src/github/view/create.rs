//! `create`: branches and tags.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Repository, User};

/// A branch or tag was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Create {
    /// Its name, without `refs/`.
    pub r#ref: String,
    /// `branch` or `tag`.
    pub ref_type: String,
    /// The main branch of the repository.
    pub master_branch: String,
    /// What the repository says of itself.
    pub description: Option<String>,
    /// Where it was made.
    pub repository: Repository,
    /// Who made it.
    pub sender: User,
}
