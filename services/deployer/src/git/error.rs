//! What goes wrong with Git, and whether it stays so.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// The command that changes the other side.
pub(super) const PUSH: &str = "push";

/// Why Git did not do it.
#[derive(Debug, Error)]
pub enum GitError {
    /// The program cannot be started.
    #[error("cannot run the program git")]
    NotRunnable(#[source] io::Error),
    /// The folder of the caches cannot be used.
    #[error("cannot use the folder {folder} for a copy of the repository")]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It took too long.
    #[error("git {command} did not end within {} s", after.as_secs())]
    TimedOut {
        /// Which command.
        command: &'static str,
        /// The limit.
        after: Duration,
    },
    /// It said too much.
    #[error("git {command} said more than {limit} bytes")]
    TooMuch {
        /// Which command.
        command: &'static str,
        /// The limit.
        limit: usize,
    },
    /// It failed.
    #[error("git {command} failed: {message}")]
    Failed {
        /// Which command.
        command: &'static str,
        /// What kind of failure.
        fault: Fault,
        /// What Git said, without secrets.
        message: String,
    },
    /// The branch is not there.
    #[error("the repository has no branch `{0}`")]
    NoBranch(String),
    /// The file is not there.
    #[error("the branch `{branch}` has no file `{file}`")]
    NoFile {
        /// Which branch.
        branch: String,
        /// Which file.
        file: String,
    },
    /// There is something else in its place.
    #[error("`{file}` is {what}, not a file")]
    NotAFile {
        /// Which file.
        file: String,
        /// What is there.
        what: &'static str,
    },
    /// The file is no values file.
    #[error("`{0}` has more than 1 MiB: that is no values file")]
    TooLarge(String),
    /// The other side does not take the commit.
    #[error("the repository refused the commit: {0}")]
    Refused(String),
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The other side is away.
    Unreachable,
    /// The other side does not let us in.
    Denied,
    /// There is no such repository.
    Missing,
    /// None of these: the cache may be broken.
    Local,
}

/// What Git, SSH and the forges say. Without a translation, as Git runs with `LC_ALL=C`. The first that fits counts: a
/// refused login also ends with "the remote end hung up".
const WORDS: &[(Fault, &[&str])] = &[
    (
        Fault::Denied,
        &[
            "Authentication failed",
            "could not read Username",
            "could not read Password",
            "Permission denied (",
            "Host key verification failed",
            "HTTP Basic: Access denied",
            "returned error: 401",
            "returned error: 403",
            "detected dubious ownership",
        ],
    ),
    (
        Fault::Missing,
        &[
            "epository not found",
            "does not appear to be a git repository",
            "returned error: 404",
            "' not found",
        ],
    ),
    (
        Fault::Unreachable,
        &[
            "Could not resolve host",
            "Temporary failure in name resolution",
            "Failed to connect",
            "Couldn't connect to server",
            "Connection refused",
            "Connection reset",
            "Connection timed out",
            "Operation timed out",
            "No route to host",
            "Network is unreachable",
            "closed by remote host",
            "Could not read from remote repository",
            "returned error: 429",
            "returned error: 5",
            "unable to connect",
            "unexpected disconnect",
            "early EOF",
            "RPC failed",
            "hung up unexpectedly",
            "SSL",
            "gnutls",
        ],
    ),
];

impl Fault {
    /// What kind of failure Git is talking about.
    pub fn of(stderr: &str) -> Self {
        let fits = |(_, words): &&(Self, &[&str])| words.iter().any(|word| stderr.contains(word));
        WORDS.iter().find(fits).map_or(Self::Local, |(fault, _)| *fault)
    }
}

impl GitError {
    /// Whether another attempt would end the same until a person has done something.
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::NotRunnable(error) => error.kind() == io::ErrorKind::NotFound,
            Self::Failed { fault, .. } => match fault {
                Fault::Denied | Fault::Missing => true,
                Fault::Unreachable | Fault::Local => false,
            },
            Self::NoBranch(_)
            | Self::NoFile { .. }
            | Self::NotAFile { .. }
            | Self::TooLarge(_)
            | Self::Refused(_) => true,
            Self::Folder { .. } | Self::TimedOut { .. } | Self::TooMuch { .. } => false,
        }
    }

    /// Whether a push was under way, so that it may have been taken although its answer was lost.
    pub fn is_of_push(&self) -> bool {
        match self {
            Self::TimedOut { command, .. } | Self::TooMuch { command, .. } | Self::Failed { command, .. } => {
                *command == PUSH
            }
            // It cannot be told which command.
            Self::NotRunnable(_) => true,
            Self::Folder { .. }
            | Self::NoBranch(_)
            | Self::NoFile { .. }
            | Self::NotAFile { .. }
            | Self::TooLarge(_)
            | Self::Refused(_) => false,
        }
    }

    /// Whether a new cache may help.
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Failed { fault: Fault::Local, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_tells_the_kind_of_failure() {
        for (stderr, fault) in [
            ("fatal: Authentication failed for 'https://github.com/acme/x/'", Fault::Denied),
            (
                "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
                Fault::Denied,
            ),
            (
                "git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                Fault::Denied,
            ),
            ("fatal: unable to access 'https://h/x/': The requested URL returned error: 403", Fault::Denied),
            (
                "remote: Repository not found.\nfatal: repository 'https://github.com/acme/x/' not found",
                Fault::Missing,
            ),
            (
                "fatal: '/nowhere' does not appear to be a git repository\nfatal: Could not read from remote repository.",
                Fault::Missing,
            ),
            ("fatal: unable to access 'https://h/': Could not resolve host: h", Fault::Unreachable),
            (
                "ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote repository.",
                Fault::Unreachable,
            ),
            (
                "fatal: unable to access 'https://h/': The requested URL returned error: 502",
                Fault::Unreachable,
            ),
            ("fatal: not a git repository: '/cache/x.git'", Fault::Local),
            ("error: object file objects/ab/cd is empty\nfatal: loose object abcd is corrupt", Fault::Local),
            ("fatal: Unable to create '/cache/x.git/refs/signalbox/main.lock': File exists.", Fault::Local),
        ] {
            assert_eq!(Fault::of(stderr), fault, "{stderr}");
        }
    }
}
