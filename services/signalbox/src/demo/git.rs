//! The demo's GitOps repository, made with `git` in the demo's folder.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use tokio::process::Command;

/// The layout of a GitOps repository, as a platform of this kind has it.
const FILES: &[(&str, &str)] = &[
    ("README.md", include_str!("../../demo/gitops/README.md")),
    ("applications/my-app/Chart.yaml", include_str!("../../demo/gitops/applications/my-app/Chart.yaml")),
    ("applications/my-app/values.yaml", include_str!("../../demo/gitops/applications/my-app/values.yaml")),
    (
        "applications/my-app/values-dev.yaml",
        include_str!("../../demo/gitops/applications/my-app/values-dev.yaml"),
    ),
    (
        "applications/my-app/values-staging.yaml",
        include_str!("../../demo/gitops/applications/my-app/values-staging.yaml"),
    ),
    (
        "applications/my-app/values-production.yaml",
        include_str!("../../demo/gitops/applications/my-app/values-production.yaml"),
    ),
    (
        "applications/my-app/templates/deployment.yaml",
        include_str!("../../demo/gitops/applications/my-app/templates/deployment.yaml"),
    ),
];

/// A bare repository.
pub struct Repository(PathBuf);

impl Repository {
    /// Makes the repository `gitops.git` in `folder`.
    pub async fn make(folder: &Path) -> anyhow::Result<Self> {
        git(folder, &["--version"]).await?;
        let (seed, bare) = (folder.join("seed"), folder.join("gitops.git"));
        for (name, text) in FILES {
            let path = seed.join(name);
            let parent = path.parent().unwrap_or(&seed);
            fs::create_dir_all(parent)
                .with_context(|| format!("cannot make the folder {}", parent.display()))?;
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        git(&seed, &["init", "--quiet"]).await?;
        // Not `init --initial-branch`: git before 2.28 does not know it.
        git(&seed, &["symbolic-ref", "HEAD", "refs/heads/main"]).await?;
        git(&seed, &["add", "--all"]).await?;
        git(&seed, &["commit", "--quiet", "--message", "Begin"]).await?;
        git(folder, &["clone", "--quiet", "--bare", "seed", "gitops.git"]).await?;
        fs::remove_dir_all(&seed).with_context(|| format!("cannot remove {}", seed.display()))?;
        Ok(Self(bare))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The last commit with its diff.
    pub async fn last_commit(&self) -> anyhow::Result<String> {
        git(&self.0, &["log", "--max-count=1", "--patch", "--unified=2", "--no-color", "main"]).await
    }

    /// How many commits there are.
    pub async fn commits(&self) -> anyhow::Result<u64> {
        let count = git(&self.0, &["rev-list", "--count", "main"]).await?;
        count.trim().parse().context("git did not count the commits")
    }
}

/// Runs git with nothing of the user's configuration, so that no signing, hook or template of theirs gets in the way.
#[expect(
    clippy::disallowed_methods,
    reason = "except: the demo makes the repository that it then plays with"
)]
async fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("git");
    command
        .args(arguments)
        .current_dir(folder)
        .kill_on_drop(true)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@acme.example")])
        .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@acme.example")]);
    let output = match command.output().await {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!(
                "there is no `git` on the PATH: the demo and the deployer need it (Debian: apt-get install git; macOS: brew install git)"
            )
        }
        Err(error) => return Err(error).context("cannot run git"),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {} failed: {}", arguments.join(" "), said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::Repository;

    #[tokio::test]
    async fn the_repository_has_one_commit_with_the_whole_layout() {
        let folder = tempfile::tempdir().expect("a temp folder can be made");
        let repository = Repository::make(folder.path()).await.expect("git is installed");
        assert_eq!(repository.commits().await.expect("it has a branch main"), 1);
        let commit = repository.last_commit().await.expect("it has a commit");
        for (name, _) in super::FILES {
            assert!(commit.contains(&format!("+++ b/{name}")), "{name}");
        }
        assert!(repository.path().ends_with("gitops.git"));
    }
}
