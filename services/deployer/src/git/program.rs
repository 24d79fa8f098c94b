//! Runs the `git` program: explicit arguments, no shell, no prompts, no hooks, limits on time and output.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::redact::redact;
use super::{Commit, Fault, GitError};

/// The largest answer that is read; a values file is far smaller.
const MOST_OUTPUT: usize = 4 * 1024 * 1024;
/// How much of what Git complains about is kept.
const MOST_COMPLAINTS: usize = 16 * 1024;
/// How much of it people are shown.
const MOST_SHOWN: usize = 400;

/// Settings that a person's own configuration must not change.
const CONFIG: &[&str] = &[
    "core.hooksPath=/dev/null",
    // In the background it would outlive this process and hold locks.
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
    "push.followTags=false",
    "fetch.recurseSubmodules=false",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
    "log.showSignature=false",
    "color.ui=false",
];

/// Variables that would turn Git to another repository; set when this program is started from a hook, for example.
const FOREIGN: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
];

/// The `git` program.
#[derive(Debug, Clone)]
pub struct Program {
    timeout: Duration,
}

/// One run.
#[derive(Debug, Default)]
pub struct Run<'a> {
    /// The command's name, for people.
    pub command: &'static str,
    /// Its arguments.
    pub args: Vec<&'a OsStr>,
    /// What it reads.
    pub input: &'a [u8],
    /// Variables for it alone.
    pub env: Vec<(&'a str, &'a OsStr)>,
}

/// What it said.
#[derive(Debug)]
pub struct Answer {
    command: &'static str,
    code: Option<i32>,
    /// Standard output.
    pub output: Vec<u8>,
    /// Standard error, without secrets.
    pub complaints: String,
}

impl Program {
    pub fn new(timeout: Duration) -> Self {
        Self { timeout }
    }

    /// Runs it on the repository at `dir`, to its end, whatever the end is.
    pub async fn run(&self, dir: &Path, run: Run<'_>) -> Result<Answer, GitError> {
        let command = run.command;
        match tokio::time::timeout(self.timeout, Self::to_the_end(dir, run)).await {
            Ok(answer) => answer,
            // The future is dropped by now, and with it the process.
            Err(_) => Err(GitError::TimedOut { command, after: self.timeout }),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "except: of the commands of Git, `push` alone changes the world"
    )]
    async fn to_the_end(dir: &Path, run: Run<'_>) -> Result<Answer, GitError> {
        let Run { command, args, input, env } = run;
        let mut child = arranged(dir, command, &args, &env).spawn().map_err(GitError::NotRunnable)?;
        let mut group = Group::of(&child);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program that ends without reading all has said why in its own words.
                let _ = stdin.write_all(input).await;
            }
        };
        let ((), output, complaints) =
            tokio::join!(write, read(stdout, MOST_OUTPUT), read(stderr, MOST_COMPLAINTS));
        let ((output, more), (complaints, _)) =
            (output.map_err(GitError::NotRunnable)?, complaints.map_err(GitError::NotRunnable)?);
        let status = child.wait().await.map_err(GitError::NotRunnable)?;
        group.is_over();
        if more {
            return Err(GitError::TooMuch { command, limit: MOST_OUTPUT });
        }
        let complaints = redact(&String::from_utf8_lossy(&complaints));
        Ok(Answer { command, code: status.code(), output, complaints })
    }
}

impl Answer {
    /// Whether it ended well.
    pub fn is_ok(&self) -> bool {
        self.code == Some(0)
    }

    /// Whether it ended with the code that means "no".
    pub fn is_no(&self) -> bool {
        self.code == Some(1)
    }

    /// Its output, if it ended well.
    pub fn ok(self) -> Result<Vec<u8>, GitError> {
        if self.is_ok() { Ok(self.output) } else { Err(self.failure()) }
    }

    /// Its output as one line, if it ended well.
    pub fn line(self) -> Result<String, GitError> {
        self.ok().map(|output| String::from_utf8_lossy(&output).trim_end().to_owned())
    }

    /// The name of a commit that it answered with.
    pub fn commit(self) -> Result<Commit, GitError> {
        if self.is_ok()
            && let Some(commit) = Commit::parse(String::from_utf8_lossy(&self.output).trim())
        {
            return Ok(commit);
        }
        Err(self.failure())
    }

    /// Why it did not end well.
    pub fn failure(&self) -> GitError {
        let fault = Fault::of(&self.complaints);
        GitError::Failed { command: self.command, fault, message: self.message() }
    }

    /// What it complains about, in a line.
    pub fn message(&self) -> String {
        let said =
            |line: &str| ["fatal:", "error:", "remote:", "ssh:"].iter().any(|word| line.starts_with(word));
        let lines =
            || self.complaints.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "remote:");
        let mut chosen: Vec<&str> =
            lines().filter(|line| said(line) || line.contains("Permission denied")).collect();
        if chosen.is_empty() {
            chosen = lines().collect();
        }
        let message = chosen.join("; ");
        match message.char_indices().nth(MOST_SHOWN) {
            Some((end, _)) => format!("{}…", &message[..end]),
            None if message.is_empty() => match self.code {
                Some(code) => format!("it ended with code {code}"),
                None => "it was killed".to_owned(),
            },
            None => message,
        }
    }
}

fn arranged(dir: &Path, name: &str, args: &[&OsStr], env: &[(&str, &OsStr)]) -> Command {
    let mut command = Command::new("git");
    command.arg("--git-dir").arg(dir);
    for setting in CONFIG {
        command.args(["-c", setting]);
    }
    command.arg(name).args(args);
    for variable in FOREIGN {
        command.env_remove(variable);
    }
    command
        .env("LC_ALL", "C")
        .env_remove("LANGUAGE")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_LITERAL_PATHSPECS", "1")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .env("GIT_OPTIONAL_LOCKS", "0");
    // SSH asks on the terminal, if there is one, unless it is told to ask a program; this one has no answer.
    if std::env::var_os("SSH_ASKPASS").is_none() {
        command.env("SSH_ASKPASS", "false").env("SSH_ASKPASS_REQUIRE", "force");
    }
    for (variable, value) in env {
        command.env(variable, value);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .process_group(0);
    command
}

/// Reads to the end; keeps the first `limit` bytes, and says whether there were more.
async fn read(pipe: Option<impl AsyncRead + Unpin>, limit: usize) -> io::Result<(Vec<u8>, bool)> {
    let Some(mut pipe) = pipe else { return Ok((Vec::new(), false)) };
    let mut kept = Vec::new();
    (&mut pipe).take(limit as u64).read_to_end(&mut kept).await?;
    let more = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await? > 0;
    Ok((kept, more))
}

/// Git and the helpers that it has started: all of them end when this is dropped before they are done.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn is_over(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // An error means that they have just ended.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}
