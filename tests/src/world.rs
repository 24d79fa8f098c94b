//! What the stories declare, and what they look at.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;

use crate::fixtures::REPOSITORY;
use crate::git::{FILE, Repository};

/// The secret of the GitHub source.
pub const SECRET: &str = "a secret of the tests";
/// The bearer token of the Alertmanager source.
pub const TOKEN: &str = "a-token-of-the-tests";

/// Which Argo CD Application carries the environment out, if one does.
#[derive(Debug, Clone, Copy)]
pub struct Argo<'a> {
    /// Its name.
    pub application: &'a str,
    /// Seconds that the image may take to run.
    pub timeout: u32,
    /// Seconds for which it must stay well.
    pub hold: u32,
}

/// Writes the secrets into `folder` and returns the resources: two Sources, an App, two Automations, a Channel.
pub fn resources(
    folder: &Path,
    gitops: &Repository,
    chat: &str,
    argo: Option<Argo<'_>>,
    tag: &str,
) -> anyhow::Result<String> {
    for (name, secret) in [("github", SECRET), ("alertmanager", TOKEN), ("chat", chat)] {
        std::fs::write(folder.join(name), secret)
            .with_context(|| format!("cannot write the secret {name}"))?;
    }
    let secret = |name: &str| folder.join(name).display().to_string();
    let mut text = format!(
        r#"apiVersion: signalbox.dev/v1alpha1
kind: Source
metadata: {{name: github}}
spec: {{github: {{secrets: [{{file: {}}}]}}}}
---
apiVersion: signalbox.dev/v1alpha1
kind: Source
metadata: {{name: alertmanager}}
spec: {{alertmanager: {{tokens: [{{file: {}}}]}}}}
---
apiVersion: signalbox.dev/v1alpha1
kind: Channel
metadata: {{name: team}}
spec: {{slack: {{url: {{file: {}}}}}}}
---
apiVersion: signalbox.dev/v1alpha1
kind: Automation
metadata: {{name: ship-to-dev}}
spec:
  on: [{{type: com.github.workflow_run.completed}}]
  when: data.workflow_run.conclusion == "success" && data.workflow_run.head_branch == app.branch
  do:
    - deploy: {{app: my-app, environment: dev, image: {{tag: "{tag}"}}}}
---
apiVersion: signalbox.dev/v1alpha1
kind: Automation
metadata: {{name: tell-team}}
spec:
  on: [{{type: io.signalbox.deploy.succeeded.v1}}, {{type: io.signalbox.deploy.failed.v1}}]
  do:
    - notify:
        channel: team
        text: "{{{{ data.app }}}} in {{{{ data.environment }}}}: {{{{ 'runs' if 'succeeded' in event.type else data.reason }}}}"
---
apiVersion: signalbox.dev/v1alpha1
kind: App
metadata: {{name: my-app}}
spec:
  repository: {REPOSITORY}
  branch: master
  image: ghcr.io/octo-org/octo-repo
  environments:
    - name: dev
      git: {{repository: "{}", branch: main, file: {FILE}, tag: image.tag}}
"#,
        secret("github"),
        secret("alertmanager"),
        secret("chat"),
        gitops.path().display()
    );
    if let Some(Argo { application, timeout, hold }) = argo {
        let _ = writeln!(text, "      argocd: {{application: {application}}}");
        let _ = writeln!(text, "      verify: {{timeout: {timeout}s, hold: {hold}s}}");
    }
    Ok(text)
}

/// The tag that the stories deploy: the short commit of the delivery.
pub const TAG_TEMPLATE: &str = "{{ data.workflow_run.head_sha[:7] }}";
