//! GitOps repositories, through the `git` program: a bare cache of each, and plumbing on it. Nothing is ever checked out,
//! nothing is ever forced.

mod cache;
mod error;
mod objects;
mod program;
mod push;
mod redact;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

pub use cache::Repository;
pub use error::{Fault, GitError};
pub use objects::Author;
pub use push::Pushed;

use program::Program;

/// The name of a commit: 40 or 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commit(String);

impl Commit {
    /// The commit of that name; `None` for what is no name of a commit (a branch, a chart's version).
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (hex && matches!(text.len(), 40 | 64)).then(|| Self(text.to_owned()))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All repositories that this process knows, each with a cache in one folder and a lock.
#[derive(Debug, Clone)]
pub struct Repositories {
    program: Program,
    dir: PathBuf,
    locks: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
    swept: Arc<OnceCell<()>>,
}

impl Repositories {
    /// Caches go to `dir`; one run of `git` may take `timeout`.
    pub fn new(dir: PathBuf, timeout: Duration) -> Self {
        Self { program: Program::new(timeout), dir, locks: Arc::default(), swept: Arc::default() }
    }

    /// The repository at this address, locked: two Apps in one repository do not race within this process.
    pub async fn lock(&self, address: &str) -> Repository {
        self.swept.get_or_init(|| cache::sweep(&self.dir)).await;
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.entry(address.to_owned()).or_default().clone()
        };
        Repository::new(self.program.clone(), &self.dir, address, lock.lock_owned().await)
    }
}

#[cfg(test)]
pub mod testbed;
#[cfg(test)]
mod tests;
