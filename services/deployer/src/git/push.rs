//! Gives a commit to the other side; never by force.

use std::ffi::OsStr;

use chassis::Intended;

use super::error::PUSH;
use super::program::{Answer, Run};
use super::{Commit, GitError, Repository};

/// What became of a push that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The branch has the commit.
    Done,
    /// Somebody else was faster: the branch has moved on.
    Overtaken,
}

/// Why the other side says no although nobody minds: the branch was moved, or is being moved, by somebody else.
const RACES: &[&str] = &[
    "fetch first",
    "non-fast-forward",
    "stale info",
    "cannot lock ref",
    "failed to lock",
    "failed to update ref",
    "incorrect old value provided",
];

impl Repository {
    /// Pushes the commit, whose parent was the branch's newest.
    pub async fn push(&self, commit: &Commit, branch: &str, _: &Intended) -> Result<Pushed, GitError> {
        let refspec = format!("{commit}:refs/heads/{branch}");
        let options = ["--porcelain", "--no-verify", "--recurse-submodules=no", "--"];
        let args =
            options.into_iter().chain([self.address.as_str(), refspec.as_str()]).map(OsStr::new).collect();
        let answer = self.run(Run { command: PUSH, args, ..Run::default() }).await?;
        if answer.is_ok() {
            return Ok(Pushed::Done);
        }
        match refusal(&answer) {
            Some(why) if RACES.iter().any(|race| why.contains(race)) => Ok(Pushed::Overtaken),
            Some(why) => Err(GitError::Refused(why)),
            None => Err(answer.failure()),
        }
    }
}

/// What the other side says of the ref: `! TAB <from>:<to> TAB [rejected] (fetch first)`, and of its reasons.
fn refusal(answer: &Answer) -> Option<String> {
    let output = String::from_utf8_lossy(&answer.output);
    let line = output.lines().find(|line| line.starts_with("!\t"))?;
    let summary = line.rsplit('\t').next().unwrap_or(line).to_owned();
    let remote: Vec<&str> = answer
        .complaints
        .lines()
        .filter_map(|line| line.strip_prefix("remote:"))
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    Some(if remote.is_empty() { summary } else { format!("{summary}: {}", remote.join("; ")) })
}
