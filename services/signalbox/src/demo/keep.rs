//! What can be tried while the demo stays.

use std::path::Path;

use anyhow::Context as _;

use super::{Stage, report};
use crate::exit::Stop;
use crate::output::Output;

/// Prints addresses and commands that can be copied as they are.
pub(super) fn invite(stage: &Stage, folder: &Path, out: &mut Output) -> Result<(), Stop> {
    let Stage { repository, server, .. } = stage;
    let public = server.public().context("the gateway does not run")?;
    let private = server.private();
    let at = folder.display();
    let git = repository.path().display();

    report::title("It stays, until Ctrl-C; then the folder is gone", out)?;
    out.line(format_args!(
        "  webhooks      http://{public}/hooks/github, http://{public}/hooks/alertmanager"
    ))?;
    out.line(format_args!("  health        http://{private}/readyz"))?;
    out.line(format_args!("  metrics       http://{private}/metrics"))?;
    out.line(format_args!(
        "  API           http://{private}/api/v1/   (bearer token in {at}/bus/api-token)"
    ))?;
    out.line(format_args!("  resources     {at}/config/   (changes are taken up within seconds)"))?;
    out.line(format_args!("  GitOps        git --git-dir {git} log --patch"))?;

    report::title("In another terminal", out)?;
    out.line(format_args!("  export SIGNALBOX_BUS=embedded:{at}/bus"))?;
    let program = program();
    out.line(format_args!("  {program} events tail --since all"))?;
    out.line(format_args!("  {program} events story {}", stage.senders.delivery()))?;
    out.line(format_args!("  {program} dead list"))?;

    report::title("An alert", out)?;
    out.line(format_args!(
        "  curl --silent --show-error --fail-with-body http://{public}/hooks/alertmanager \\\n    \
         --header \"Authorization: Bearer $(cat {at}/secrets/alertmanager)\" \\\n    \
         --header 'Content-Type: application/json' \\\n    \
         --data '{{\"version\":\"4\",\"groupKey\":\"demo\",\"status\":\"firing\",\"receiver\":\"signalbox\",\"truncatedAlerts\":0,\
         \"groupLabels\":{{}},\"commonLabels\":{{}},\"commonAnnotations\":{{}},\"externalURL\":\"http://alertmanager:9093\",\
         \"alerts\":[{{\"status\":\"firing\",\"labels\":{{\"alertname\":\"TryMe\",\"severity\":\"critical\"}},\
         \"annotations\":{{\"summary\":\"It was me.\"}},\"startsAt\":\"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'\",\
         \"endsAt\":\"0001-01-01T00:00:00Z\",\"generatorURL\":\"\",\"fingerprint\":\"0000000000000001\"}}]}}'"
    ))?;

    report::title("A signed GitHub delivery", out)?;
    out.line(
        "  printf '{\"action\":\"completed\",\"repository\":{\"full_name\":\"acme/my-app\",\"url\":\"https://api.github.com/repos/acme/my-app\"},\
         \"workflow_run\":{\"id\":1,\"conclusion\":\"success\",\"head_branch\":\"main\",\"head_sha\":\"%s\"}}' \\\n    \
         \"$(openssl rand -hex 20)\" > run.json",
    )?;
    out.line(format_args!(
        "  curl --silent --show-error --fail-with-body http://{public}/hooks/github --data-binary @run.json \\\n    \
         --header 'Content-Type: application/json' --header 'X-GitHub-Event: workflow_run' \\\n    \
         --header \"X-GitHub-Delivery: try-$(date +%s)\" \\\n    \
         --header \"X-Hub-Signature-256: sha256=$(openssl dgst -sha256 -hmac \"$(cat {at}/secrets/github)\" run.json | sed 's/.* //')\""
    ))
}

/// This program as it was called, so that the commands work where it is not on the PATH.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "signalbox".to_owned())
}
