//! `delete`: branches and tags.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Repository, User};

/// A branch or tag was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delete {
    /// Its name, without `refs/`.
    pub r#ref: String,
    /// `branch` or `tag`.
    pub ref_type: String,
    /// Where it was.
    pub repository: Repository,
    /// Who deleted it.
    pub sender: User,
}
