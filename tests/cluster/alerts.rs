//! A real Alertmanager posts to the real gateway.

use std::time::Duration;

use chassis::{Clock as _, SystemClock};
use tests::alertmanager::Alertmanager;
use tests::git::Repository;
use tests::receiver::Receiver;
use tests::signalbox::Signalbox;
use tests::world::{TAG_TEMPLATE, TOKEN, resources};
use tests::{eventually, skip};

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_arrives_when_it_fires_and_when_it_is_resolved() -> anyhow::Result<()> {
    if skip::without(&["alertmanager"]) {
        return Ok(());
    }
    let (gitops, chat, secrets) = (Repository::start()?, Receiver::start().await?, tempfile::tempdir()?);
    let text = resources(secrets.path(), &gitops, chat.url(), None, TAG_TEMPLATE)?;
    let mut signalbox = Signalbox::new(&text, None)?;
    signalbox.serve().await?;
    let alertmanager = Alertmanager::start(&signalbox.hook("alertmanager"), TOKEN).await?;
    let labels = [("alertname", "KubePodCrashLooping"), ("namespace", "dev"), ("severity", "warning")];
    let began = SystemClock.now() - Duration::from_secs(5);
    let arrived = async |state: &str| {
        let ty = format!("io.prometheus.alert.{state}.v1");
        eventually(PATIENCE, &format!("the alert is {state}"), async || {
            let lines = signalbox.output(&["events", "tail", "--no-follow", "--json", "--type", &ty])?;
            let events =
                lines.lines().map(serde_json::from_str).collect::<Result<Vec<serde_json::Value>, _>>()?;
            anyhow::ensure!(events.len() == 1, "there are {events:?}");
            Ok(events.into_iter().next().unwrap_or_default())
        })
        .await
    };
    alertmanager.fire(&labels, began).await?;
    let firing = arrived("firing").await?;
    assert_eq!(firing["data"]["labels"]["namespace"], "dev");
    alertmanager.resolve(&labels, began, SystemClock.now()).await?;
    let resolved = arrived("resolved").await?;
    assert_eq!(resolved["correlationid"], firing["id"], "one story");
    assert_eq!(resolved["partitionkey"], firing["partitionkey"]);
    Ok(())
}
