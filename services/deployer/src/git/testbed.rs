//! A GitOps repository in a temporary folder, with somebody else who pushes to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chassis::Intended;

use super::{Commit, Repositories};

/// These tests are about Git, without a ledger.
#[expect(clippy::disallowed_methods, reason = "a test of what acts")]
pub fn intended() -> Intended {
    Intended::in_a_test()
}

/// A bare repository with a branch `main`, and a clone of somebody else's.
pub struct Testbed {
    dir: tempfile::TempDir,
}

impl Testbed {
    /// With these files.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let testbed = Self { dir: tempfile::tempdir().expect("a temporary folder") };
        Self::git_in(testbed.dir.path(), &["init", "--quiet", "--bare", "-b", "main", "origin.git"]);
        Self::git_in(testbed.dir.path(), &["init", "--quiet", "-b", "main", "theirs"]);
        testbed.git(&["remote", "add", "origin", &testbed.address()]);
        for (file, text) in files {
            testbed.write(file, text);
        }
        testbed.git(&["commit", "--quiet", "--allow-empty", "-m", "begin"]);
        testbed.git(&["push", "--quiet", "-u", "origin", "main"]);
        testbed
    }

    /// What `git clone` takes.
    pub fn address(&self) -> String {
        self.origin().to_str().expect("temporary folders have plain names").to_owned()
    }

    /// The bare repository.
    pub fn origin(&self) -> PathBuf {
        self.dir.path().join("origin.git")
    }

    /// The folder of our caches.
    pub fn work_dir(&self) -> PathBuf {
        self.dir.path().join("caches")
    }

    /// Our side of it.
    pub fn repositories(&self) -> Repositories {
        Repositories::new(self.work_dir(), Duration::from_mins(1))
    }

    /// The folder of the one cache.
    pub fn cache(&self) -> PathBuf {
        let mut caches = std::fs::read_dir(self.work_dir()).expect("a folder of caches");
        caches.next().expect("a cache").expect("a readable folder").path()
    }

    /// Somebody else pushes.
    pub fn somebody_pushes(&self, file: &str, text: &str) -> Commit {
        self.git(&["pull", "--quiet", "--rebase", "origin", "main"]);
        self.write(file, text);
        self.git(&["commit", "--quiet", "-m", "somebody else's"]);
        self.git(&["push", "--quiet", "origin", "main"]);
        Commit::parse(&self.git(&["rev-parse", "HEAD"])).expect("a commit")
    }

    /// The other side does not take pushes, and says so in these words.
    pub fn refuse(&self, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let hook = self.origin().join("hooks/pre-receive");
        std::fs::create_dir_all(hook.parent().expect("a folder")).expect("a folder for hooks");
        std::fs::write(&hook, format!("#!/bin/sh\n{script}\n")).expect("a hook");
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("an executable hook");
    }

    /// The file at the tip of `main`.
    pub fn file(&self, file: &str) -> String {
        self.on_origin(&["show", &format!("main:{file}")])
    }

    /// The subjects of all commits, newest first.
    pub fn log(&self) -> Vec<String> {
        self.on_origin(&["log", "--format=%s", "main"]).lines().map(str::to_owned).collect()
    }

    /// The tip of `main`.
    pub fn tip(&self) -> Commit {
        Self::tip_of(&self.origin())
    }

    /// The tip of `main` of the bare repository there.
    pub fn tip_of(origin: &Path) -> Commit {
        Commit::parse(Self::git_in(origin, &["rev-parse", "main"]).trim()).expect("a commit")
    }

    /// Runs git on the bare repository.
    pub fn on_origin(&self, args: &[&str]) -> String {
        Self::git_in(&self.origin(), args)
    }

    /// Runs git in somebody else's clone.
    pub fn git(&self, args: &[&str]) -> String {
        Self::git_in(&self.dir.path().join("theirs"), args).trim().to_owned()
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.dir.path().join("theirs").join(file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
        self.git(&["add", "--", file]);
    }

    #[expect(clippy::disallowed_methods, reason = "a test plays the others")]
    fn git_in(dir: &Path, args: &[&str]) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=Somebody Else",
                "-c",
                "user.email=else@example.org",
                "-c",
                "commit.gpgSign=false",
            ])
            .args(args)
            .current_dir(dir)
            .output()
            .expect("git is installed");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "git {args:?}: {err}");
        out.into_owned()
    }
}
