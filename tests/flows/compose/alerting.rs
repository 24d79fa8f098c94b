//! A real Alertmanager with the configuration of `compose.yaml`, as far as there is one on this machine.

use std::time::Duration;

use serde_json::Value;
use tests::process::{Process, command};
use tests::{eventually, ports, tools};

use super::file::{Compose, text};
use super::stack::{SECRETS, Stack};
use super::{FOLDER, skipped, succeeds};

/// Alertmanager waits 5 s for others of the same group.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn its_alertmanager_posts_the_alert_that_the_first_lines_tell_people_to_try() -> anyhow::Result<()> {
    let (Ok(alertmanager), Ok(amtool)) =
        (tools::find("alertmanager"), tools::find_in("alertmanager", "amtool"))
    else {
        return skipped("the Alertmanager of compose.yaml: it is not there, `tests/run --install` builds it");
    };
    let stack = Stack::start().await?;
    let config = text(&format!("{FOLDER}/alertmanager.yml"))?;
    let config = config.replace(SECRETS, &stack.secrets().display().to_string());
    let config = config.replace("signalbox:8080", &stack.public);
    std::fs::write(stack.folder().join("alertmanager.yml"), config)?;

    let port = ports::free()?;
    let arguments = Compose::read()?.service("alertmanager")?.list("command");
    let place = |argument: &String| {
        let argument = argument.replace("/etc/alertmanager", &stack.folder().display().to_string());
        argument.replace("=/alertmanager", &format!("={}", stack.folder().join("alerts").display()))
    };
    let mut arguments: Vec<String> = arguments.iter().map(place).collect();
    arguments.push(format!("--web.listen-address=127.0.0.1:{port}"));
    let log = stack.folder().join("alertmanager.log");
    let _process = Process::start("alertmanager", command(alertmanager, arguments), &log)?;

    let typed = text("compose.yaml")?;
    let typed = typed
        .lines()
        .find_map(|line| line.split_once("exec alertmanager amtool "))
        .expect("the file says how");
    let typed = typed.1.replace(":9093", &format!(":{port}"));
    let typed: Vec<&str> = typed.split_whitespace().collect();
    eventually(PATIENCE, "Alertmanager takes the alert", async || succeeds(&amtool, &typed)).await?;
    let event: Value = eventually(PATIENCE, "Signalbox has the alert", async || {
        let arguments =
            ["events", "tail", "--since", "all", "--no-follow", "--json", "--type", "io.prometheus.*"];
        Ok(serde_json::from_str(stack.exec(&arguments)?.lines().next().unwrap_or_default())?)
    })
    .await?;
    assert_eq!(event["data"]["alertname"], "TryMe");
    Ok(())
}
