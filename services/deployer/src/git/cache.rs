//! The bare copy of one repository: made when it is needed, thrown away when it is broken.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedMutexGuard;

use super::program::{Answer, Program, Run};
use super::{Commit, GitError};

/// Where the branches of the other side are kept in the cache.
const REFS: &str = "refs/signalbox";
/// What a cache is called before it is complete.
const UNFINISHED: &str = ".new-";
/// What the folder of an index is called.
const INDEX: &str = ".index-";

/// One repository, held for as long as this value lives.
#[derive(Debug)]
pub struct Repository {
    pub(super) program: Program,
    pub(super) address: String,
    /// The folder of all caches.
    dir: PathBuf,
    /// The cache of this one.
    path: PathBuf,
    _lock: OwnedMutexGuard<()>,
}

impl Repository {
    pub(super) fn new(program: Program, dir: &Path, address: &str, lock: OwnedMutexGuard<()>) -> Self {
        let path = dir.join(folder_name(address));
        Self { program, address: address.to_owned(), dir: dir.to_owned(), path, _lock: lock }
    }

    /// Brings the branch up to date and returns its newest commit. A cache that is broken is replaced.
    pub async fn fetch(&self, branch: &str) -> Result<Commit, GitError> {
        if !self.path.join("HEAD").exists() {
            return self.renew(branch).await;
        }
        match self.fetch_into(&self.path, branch).await {
            Err(error) if error.is_local() => {
                tracing::warn!(cache = %self.path.display(), error = %error, "replacing the cache of a repository");
                self.renew(branch).await
            }
            result => result,
        }
    }

    /// Throws the cache away: the next fetch makes a new one.
    pub async fn discard(&self) -> Result<(), GitError> {
        match tokio::fs::remove_dir_all(&self.path).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.folder(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// A new cache takes the place of the old one as soon as it has the branch, and not before.
    async fn renew(&self, branch: &str) -> Result<Commit, GitError> {
        tokio::fs::create_dir_all(&self.dir).await.map_err(|error| self.folder(error))?;
        let fresh = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&self.dir)
            .map_err(|error| self.folder(error))?;
        let args = ["--bare", "--quiet", "--template="].map(OsStr::new).to_vec();
        self.program.run(fresh.path(), Run { command: "init", args, ..Run::default() }).await?.ok()?;
        let commit = self.fetch_into(fresh.path(), branch).await?;
        self.discard().await?;
        tokio::fs::rename(fresh.keep(), &self.path).await.map_err(|error| self.folder(error))?;
        Ok(commit)
    }

    async fn fetch_into(&self, path: &Path, branch: &str) -> Result<Commit, GitError> {
        let (theirs, ours) = (format!("refs/heads/{branch}"), format!("{REFS}/{branch}"));
        let refspec = format!("+{theirs}:{ours}");
        let answer = self.fetch_refspec(path, &refspec).await?;
        if !answer.is_ok() && answer.complaints.contains("couldn't find remote ref") {
            return Err(GitError::NoBranch(branch.to_owned()));
        }
        answer.ok()?;
        let tip = format!("{ours}^{{commit}}");
        let args = ["--verify", "--quiet", &tip].map(OsStr::new).to_vec();
        self.program.run(path, Run { command: "rev-parse", args, ..Run::default() }).await?.commit()
    }

    /// Fetches one commit by its name. Not every server allows it.
    pub(super) async fn fetch_commit(&self, commit: &Commit) -> Result<bool, GitError> {
        Ok(self.fetch_refspec(&self.path, commit.as_str()).await?.is_ok())
    }

    async fn fetch_refspec(&self, path: &Path, refspec: &str) -> Result<Answer, GitError> {
        let options = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--"];
        let args = options.into_iter().chain([self.address.as_str(), refspec]).map(OsStr::new).collect();
        self.program.run(path, Run { command: "fetch", args, ..Run::default() }).await
    }

    /// Runs a command on the cache.
    pub(super) async fn run(&self, run: Run<'_>) -> Result<Answer, GitError> {
        self.program.run(&self.path, run).await
    }

    /// A folder beside the caches that is gone when it is dropped.
    pub(super) fn scratch(&self) -> Result<tempfile::TempDir, GitError> {
        tempfile::Builder::new().prefix(INDEX).tempdir_in(&self.dir).map_err(|error| self.folder(error))
    }

    fn folder(&self, source: io::Error) -> GitError {
        GitError::Folder { folder: self.dir.clone(), source }
    }
}

/// Removes what a killed process has left. The folder is ours alone, so nothing of it is in use.
pub(super) async fn sweep(dir: &Path) {
    let Ok(mut entries) = tokio::fs::read_dir(dir).await else { return };
    while let Ok(Some(entry)) = entries.next_entry().await {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(UNFINISHED) || name.starts_with(INDEX) {
            // What cannot be removed takes up space and does no other harm.
            let _ = tokio::fs::remove_dir_all(entry.path()).await;
        }
    }
}

/// A name that people recognise, and that no other address has.
fn folder_name(address: &str) -> String {
    let last = address.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
    let safe = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = last.trim_end_matches(".git").chars().filter(safe).take(40).collect();
    format!("{name}-{}.git", &hex::encode(Sha256::digest(address.as_bytes()))[..16])
}
