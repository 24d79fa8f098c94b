//! `issue_comment`: what people say under issues and pull requests, `/commands` among it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Label, Repository, User};

/// A comment under an issue or pull request was made, edited or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueComment {
    /// `created`, `edited` or `deleted`.
    pub action: String,
    /// What it stands under.
    pub issue: IssueRef,
    /// The comment.
    pub comment: Comment,
    /// Where it was made.
    pub repository: Repository,
    /// Who did it.
    pub sender: User,
}

/// The issue or pull request of a comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueRef {
    /// Unique within the repository.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// `open` or `closed`.
    pub state: String,
    /// Its page.
    pub html_url: String,
    /// Who opened it.
    pub user: User,
    /// Its labels.
    pub labels: Vec<Label>,
    /// Present when it is a pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestLink>,
}

/// That an issue is a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullRequestLink {
    /// Its page.
    pub html_url: String,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comment {
    /// Unique within GitHub.
    pub id: u64,
    /// Its text.
    pub body: String,
    /// Who made it.
    pub user: User,
    /// What its author is to the repository: `OWNER`, `MEMBER`, `COLLABORATOR`, `CONTRIBUTOR`, `NONE`, …
    pub author_association: String,
    /// Its page.
    pub html_url: String,
}

impl IssueComment {
    /// The command that a comment gives, and what follows it on its line: its first line that begins with a slash and a
    /// letter.
    ///
    /// Who may give commands is another question: see `comment.author_association`.
    ///
    /// ```
    /// use events::github::IssueComment;
    /// assert_eq!(IssueComment::command_in("Looks good.\r\n/deploy staging now\r\n"), Some(("deploy", "staging now")));
    /// assert_eq!(IssueComment::command_in("see /etc/hosts"), None);
    /// ```
    pub fn command_in(body: &str) -> Option<(&str, &str)> {
        body.lines().find_map(|line| {
            let line = line.strip_prefix('/')?.trim_end();
            let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
            let is_name = begins && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
            is_name.then_some((name, rest.trim_start()))
        })
    }

    /// The command of this comment: of one that was made, not of one that was edited or deleted.
    pub fn command(&self) -> Option<(&str, &str)> {
        if self.action == "created" { Self::command_in(&self.comment.body) } else { None }
    }
}
