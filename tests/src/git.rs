//! A GitOps repository: bare, in a temporary folder, with one application.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::scratch::Scratch;

const CHART: &str = "apiVersion: v2\nname: my-app\nversion: 0.1.0\n";
const VALUES: &str = "# Defaults of all environments.\nreplicas: 1\nimage:\n  repository: ghcr.io/octo-org/octo-repo\n  tag: none\n";
/// The values of dev, as people write them.
pub const VALUES_DEV: &str = "\
# The environment dev: deployed by Signalbox, so do not edit the tag by hand.
replicas: 2   # enough to see a rollout

image:
  # Set by the deployer.
  tag: \"0000000\"   # the commit that built it
";
const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: my-app
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: my-app}}
  template:
    metadata: {labels: {app: my-app}}
    spec:
      containers:
      - name: my-app
        image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
"#;
/// The file that the deployer edits.
pub const FILE: &str = "applications/my-app/values-dev.yaml";

/// A bare repository.
#[derive(Debug)]
pub struct Repository {
    dir: Scratch,
}

impl Repository {
    /// Makes the repository with its first commit on `main`.
    pub fn start() -> anyhow::Result<Self> {
        let repository = Self { dir: Scratch::new("git")? };
        let bare = repository.path();
        git(
            repository.dir.path(),
            &["init", "--quiet", "--bare", "--initial-branch=main", &bare.display().to_string()],
        )?;
        repository.push_as(
            "Somebody",
            "Begin",
            &[
                ("applications/my-app/Chart.yaml", CHART),
                ("applications/my-app/values.yaml", VALUES),
                (FILE, VALUES_DEV),
                ("applications/my-app/templates/deployment.yaml", DEPLOYMENT),
            ],
        )?;
        Ok(repository)
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("gitops.git")
    }

    /// Its address, as Argo CD takes it.
    pub fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Commits these files and pushes, as somebody else would.
    pub fn push_as(&self, who: &str, message: &str, files: &[(&str, &str)]) -> anyhow::Result<String> {
        let clone = Scratch::new("git")?;
        let at = clone.path();
        git(at, &["clone", "--quiet", &self.path().display().to_string(), "."])?;
        for (name, text) in files {
            let path = at.join(name);
            fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
            fs::write(path, text)?;
        }
        git(at, &["add", "--all"])?;
        let (name, mail) = (format!("user.name={who}"), "user.email=somebody@example.org");
        git(at, &["-c", &name, "-c", mail, "commit", "--quiet", "-m", message])?;
        git(at, &["push", "--quiet", "origin", "HEAD:main"])?;
        Ok(git(at, &["rev-parse", "HEAD"])?.trim().to_owned())
    }

    /// The messages of the commits on `main`, newest first.
    pub fn messages(&self) -> anyhow::Result<Vec<String>> {
        let log = git(&self.path(), &["log", "--format=%B%x00", "main"])?;
        Ok(log
            .split('\0')
            .map(|message| message.trim().to_owned())
            .filter(|message| !message.is_empty())
            .collect())
    }

    /// The newest commit on `main`.
    pub fn head(&self) -> anyhow::Result<String> {
        Ok(git(&self.path(), &["rev-parse", "main"])?.trim().to_owned())
    }

    /// A file as it is on `main`.
    pub fn file(&self, name: &str) -> anyhow::Result<String> {
        git(&self.path(), &["show", &format!("main:{name}")])
    }
}

/// Runs git without the settings of whoever runs the tests.
fn git(at: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(at)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .context("cannot run git")?;
    let error = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "git {} says: {error}", arguments.join(" "));
    Ok(String::from_utf8(output.stdout)?)
}
