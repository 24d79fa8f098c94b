//! Reads and makes objects in the cache.

use std::ffi::OsStr;

use chrono::{DateTime, Utc};

use super::program::Run;
use super::{Commit, GitError, Repository};

/// The largest values file that is read.
const LARGEST_FILE: usize = 1024 * 1024;
/// Parts what `git log` prints for one commit.
const FIELD: char = '\u{1f}';

/// A file as a commit has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its mode, `100644` or `100755`.
    mode: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Stored {
    /// The same file with other bytes.
    #[must_use]
    pub fn with(self, bytes: Vec<u8>) -> Self {
        Self { bytes, ..self }
    }
}

/// Who commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
}

impl Repository {
    /// The file in that commit; `branch` is for the error.
    pub async fn file(&self, commit: &Commit, branch: &str, file: &str) -> Result<Stored, GitError> {
        let listed = self.git("ls-tree", &["-z", "-l", commit.as_str(), "--", file]).await?.ok()?;
        // `<mode> SP <type> SP <object> SP+ <size> TAB <path> NUL`
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let entry = listed.split('\0').next().and_then(|entry| entry.split_once('\t'));
        let Some((meta, _)) = entry else {
            return Err(GitError::NoFile { branch: branch.to_owned(), file: file.to_owned() });
        };
        let mut meta = meta.split_ascii_whitespace();
        let (Some(mode), Some(_), Some(object), Some(size)) =
            (meta.next(), meta.next(), meta.next(), meta.next())
        else {
            return Err(GitError::NoFile { branch: branch.to_owned(), file: file.to_owned() });
        };
        let not_a_file = |what| GitError::NotAFile { file: file.to_owned(), what };
        match mode {
            "100644" | "100755" => {}
            "120000" => return Err(not_a_file("a symbolic link")),
            "040000" => return Err(not_a_file("a folder")),
            _ => return Err(not_a_file("a submodule")),
        }
        if size.parse::<usize>().is_ok_and(|size| size > LARGEST_FILE) {
            return Err(GitError::TooLarge(file.to_owned()));
        }
        let bytes = self.git("cat-file", &["blob", object]).await?.ok()?;
        Ok(Stored { mode: mode.to_owned(), bytes })
    }

    /// Makes a commit on top of `parent` in which `file` has other bytes; nobody else sees it yet.
    pub async fn commit(
        &self,
        parent: &Commit,
        file: &str,
        stored: &Stored,
        message: &str,
        author: &Author,
        now: DateTime<Utc>,
    ) -> Result<Commit, GitError> {
        let blob = ["-w", "--no-filters", "--stdin"].map(OsStr::new).to_vec();
        let blob = Run { command: "hash-object", args: blob, input: &stored.bytes, ..Run::default() };
        let blob = self.run(blob).await?.line()?;

        // An index of its own, so that nothing need be checked out and nothing is left over.
        let scratch = self.scratch()?;
        let index = scratch.path().join("index");
        let env = vec![("GIT_INDEX_FILE", index.as_os_str())];
        let args = vec![OsStr::new(parent.as_str())];
        self.run(Run { command: "read-tree", args, env: env.clone(), ..Run::default() }).await?.ok()?;
        let entry = format!("{} {blob}\t{file}\0", stored.mode);
        let args = ["-z", "--index-info"].map(OsStr::new).to_vec();
        let update = Run { command: "update-index", args, input: entry.as_bytes(), env: env.clone() };
        self.run(update).await?.ok()?;
        let tree = self.run(Run { command: "write-tree", env, ..Run::default() }).await?.line()?;

        let date = format!("@{} +0000", now.timestamp());
        let env = [
            ("GIT_AUTHOR_NAME", author.name.as_str()),
            ("GIT_AUTHOR_EMAIL", &author.email),
            ("GIT_AUTHOR_DATE", &date),
            ("GIT_COMMITTER_NAME", &author.name),
            ("GIT_COMMITTER_EMAIL", &author.email),
            ("GIT_COMMITTER_DATE", &date),
        ];
        let env = env.map(|(name, value)| (name, OsStr::new(value))).to_vec();
        let args = [tree.as_str(), "-p", parent.as_str(), "-F", "-"].map(OsStr::new).to_vec();
        self.run(Run { command: "commit-tree", args, input: message.as_bytes(), env }).await?.commit()
    }

    /// The newest commit up to `head` that has all these trailers, if there is one.
    pub async fn with_trailers(
        &self,
        head: &Commit,
        trailers: &[(&str, &str)],
    ) -> Result<Option<Commit>, GitError> {
        let fields = trailers
            .iter()
            .map(|(name, _)| format!("%(trailers:key={name},valueonly,unfold,separator=%x1e)"));
        let format = format!(
            "--format={}",
            std::iter::once("%H".to_owned()).chain(fields).collect::<Vec<_>>().join("%x1f")
        );
        // The message is searched first, as that is cheap; then the trailers are compared, as that is exact.
        let grep: Vec<String> =
            trailers.iter().map(|(name, value)| format!("--grep={name}: {value}")).collect();
        let mut args = vec!["-z", "--fixed-strings", "--all-match", format.as_str()];
        args.extend(grep.iter().map(String::as_str));
        args.extend([head.as_str(), "--"]);
        let log = self.git("log", &args).await?.ok()?;
        let log = String::from_utf8_lossy(&log);
        let found = log.split('\0').find_map(|entry| {
            let mut fields = entry.split(FIELD);
            let commit = fields.next().and_then(Commit::parse)?;
            let all = trailers.iter().all(|(_, value)| {
                fields.next().is_some_and(|field| field.split('\u{1e}').any(|said| said.trim() == *value))
            });
            all.then_some(commit)
        });
        Ok(found)
    }

    /// The newest commit up to `head` that changed the file; `head` itself if none did.
    pub async fn last_change(&self, head: &Commit, file: &str) -> Result<Commit, GitError> {
        let log = self.git("log", &["-1", "--format=%H", head.as_str(), "--", file]).await?.line()?;
        Ok(Commit::parse(&log).unwrap_or_else(|| head.clone()))
    }

    /// Whether `revision` has `commit` in its past, or is it; `None` if the repository does not know `revision`.
    pub async fn contains(
        &self,
        branch: &str,
        commit: &Commit,
        revision: &Commit,
    ) -> Result<Option<bool>, GitError> {
        if commit == revision {
            return Ok(Some(true));
        }
        if !self.has(revision).await? || !self.has(commit).await? {
            self.fetch(branch).await?;
        }
        // On another branch, perhaps. Not every server gives out a commit by its name.
        let known =
            self.has(revision).await? || (self.fetch_commit(revision).await? && self.has(revision).await?);
        if !known {
            return Ok(None);
        }
        let answer = self.git("merge-base", &["--is-ancestor", commit.as_str(), revision.as_str()]).await?;
        match (answer.is_ok(), answer.is_no()) {
            (true, _) => Ok(Some(true)),
            (false, true) => Ok(Some(false)),
            (false, false) => Err(answer.failure()),
        }
    }

    async fn has(&self, commit: &Commit) -> Result<bool, GitError> {
        Ok(self.git("cat-file", &["-e", &format!("{commit}^{{commit}}")]).await?.is_ok())
    }

    async fn git(&self, command: &'static str, args: &[&str]) -> Result<super::program::Answer, GitError> {
        let args = args.iter().map(OsStr::new).collect();
        self.run(Run { command, args, ..Run::default() }).await
    }
}
