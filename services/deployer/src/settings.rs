//! What the deployer needs to know of the place where it runs.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the deployer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where it keeps a copy of each GitOps repository. Only a cache: it may be deleted at any time. Not to be shared
    /// with another process.
    pub work_dir: PathBuf,
    /// Who commits: the name.
    pub author_name: String,
    /// Who commits: the address.
    pub author_email: String,
    /// How long one run of `git` may take. The first copy of a large repository takes the longest.
    pub git_timeout: Duration,
}

impl Settings {
    /// The usual settings, with the cache in `work_dir`.
    pub fn new(work_dir: impl Into<PathBuf>) -> Self {
        Self {
            work_dir: work_dir.into(),
            author_name: "Signalbox".to_owned(),
            author_email: "signalbox@localhost".to_owned(),
            git_timeout: Duration::from_mins(2),
        }
    }
}
