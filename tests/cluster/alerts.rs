//! A real Alertmanager posts to the real gateway, and a real Prometheus has it fire.

use std::iter::repeat_n;
use std::time::Duration;

use anyhow::Context as _;
use chassis::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tests::alertmanager::Alertmanager;
use tests::fixtures::PUSH;
use tests::git::Repository;
use tests::process::{command, output};
use tests::prometheus::Prometheus;
use tests::receiver::Receiver;
use tests::signalbox::Signalbox;
use tests::world::{SECRET, TAG_TEMPLATE, TOKEN, resources};
use tests::{eventually, skip, tools};

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
    alertmanager.fire(&labels, began).await?;
    let firing = arrived(&signalbox, "firing").await?;
    assert_eq!(firing["data"]["labels"]["namespace"], "dev");
    alertmanager.resolve(&labels, began, SystemClock.now()).await?;
    let resolved = arrived(&signalbox, "resolved").await?;
    assert_eq!(resolved["correlationid"], firing["id"], "one story");
    assert_eq!(resolved["partitionkey"], firing["partitionkey"]);
    Ok(())
}

/// The one alert in that state.
async fn arrived(signalbox: &Signalbox, state: &str) -> anyhow::Result<Value> {
    let ty = format!("io.prometheus.alert.{state}.v1");
    eventually(PATIENCE, &format!("the alert is {state}"), async || {
        let lines = signalbox.output(&["events", "tail", "--no-follow", "--json", "--type", &ty])?;
        let events = lines.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        anyhow::ensure!(events.len() == 1, "there are {events:?}");
        Ok(events.into_iter().next().unwrap_or_default())
    })
    .await
}

/// The alert rules that the gateway's README gives.
fn rules() -> anyhow::Result<&'static str> {
    let readme = include_str!("../../services/gateway/README.md");
    let rules = readme.split("```yaml\n").find(|block| block.starts_with("groups:"));
    let rules = rules.and_then(|block| block.split("```").next());
    rules.context("the README of the gateway has rules")
}

/// A secret that somebody changed on one side alone: what Signalbox measures of itself comes back as an event, by the rules
/// that it recommends.
#[tokio::test(flavor = "multi_thread")]
async fn prometheus_says_through_alertmanager_that_a_source_is_refused_and_that_it_is_not_any_more()
-> anyhow::Result<()> {
    if skip::without(&["alertmanager", "prometheus"]) {
        return Ok(());
    }
    let (gitops, chat, secrets) = (Repository::start()?, Receiver::start().await?, tempfile::tempdir()?);
    let text = resources(secrets.path(), &gitops, chat.url(), None, TAG_TEMPLATE)?;
    let mut signalbox = Signalbox::new(&text, None)?;
    signalbox.serve().await?;
    let alertmanager = Alertmanager::start(&signalbox.hook("alertmanager"), TOKEN).await?;
    let prometheus = Prometheus::start(rules()?, signalbox.private(), alertmanager.address()).await?;

    let (status, text) = signalbox.deliver("another secret", "push", "refused-1", PUSH).await?;
    assert_eq!(status, 401, "{text}");
    let firing = arrived(&signalbox, "firing").await?;
    let labels = &firing["data"]["labels"];
    assert_eq!(labels["alertname"], "SignalboxSourceRefused", "{firing}");
    assert_eq!(labels["source"], "github", "{firing}");
    let summary = firing["data"]["annotations"]["summary"].as_str().unwrap_or_default();
    let said = format!(
        "github is refused and nothing of it is accepted: {}.",
        labels["answer"].as_str().unwrap_or_default()
    );
    assert_eq!(summary, said, "{firing}");

    let (status, text) = signalbox.deliver(SECRET, "push", "accepted-1", PUSH).await?;
    assert_eq!(status, 202, "{text}");
    let resolved = arrived(&signalbox, "resolved").await?;
    assert_eq!(resolved["correlationid"], firing["id"], "one story");
    assert_eq!(resolved["partitionkey"], firing["partitionkey"]);
    assert_eq!(resolved["data"]["labels"], *labels);

    // All of them were loaded and can be evaluated.
    let rules = prometheus.rules().await?;
    let names: Vec<&str> = rules.iter().filter_map(|rule| rule["name"].as_str()).collect();
    assert_eq!(
        names,
        ["signalbox:source_silence:seconds", "SignalboxSourceSilent", "SignalboxSourceRefused"]
    );
    assert!(rules.iter().all(|rule| rule["health"] == "ok"), "{rules:?}");
    Ok(())
}

/// Ten minutes: so often the rules are evaluated over days that Prometheus' own tool plays.
const STEP: u64 = 600;

/// When a source was heard last, at each step: each `every` seconds for three days, and then never again.
fn heard(every: u64) -> String {
    let times = (0..=3 * 24 * 3600 / every)
        .flat_map(|n| repeat_n(n * every, usize::try_from(every / STEP).unwrap_or(1)));
    let last = 3 * 24 * 3600 / every * every;
    let times = times.chain(repeat_n(last, 600)).map(|time| time.to_string());
    times.collect::<Vec<_>>().join(" ")
}

/// Whether the alert is there so long after the last sign of a source that is heard each `every` seconds.
fn silent(every: u64, after: u64) -> Value {
    let at = 3 * 24 * 3600 / every * every + after;
    let says = |text: String| json!([{"exp_labels": {"source": "s"}, "exp_annotations": {"summary": text}}]);
    let (hours, minutes) = (after / 3600 % 24, after / 60 % 60);
    let days = if after >= 24 * 3600 { format!("{}d ", after / 24 / 3600) } else { String::new() };
    let alerts = says(format!("Nothing came from s for {days}{hours}h {minutes}m 0s."));
    json!({"eval_time": format!("{at}s"), "alertname": "SignalboxSourceSilent", "exp_alerts": alerts})
}

#[test]
fn a_source_is_silent_when_it_is_so_for_longer_than_it_ever_was_and_not_before() -> anyhow::Result<()> {
    if skip::without(&["prometheus"]) {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let (hourly, daily) = (3600, 24 * 3600);
    let quiet = |every: u64, after: u64| {
        let mut test = silent(every, after);
        test["exp_alerts"] = json!([]);
        test
    };
    let played = |every: u64, tests: Vec<Value>| {
        let series =
            r#"signalbox_gateway_source_last_accepted_timestamp_seconds{source="s",source_kind="github"}"#;
        json!({"interval": "10m", "input_series": [{"series": series, "values": heard(every)}], "alert_rule_test": tests})
    };
    let tests = json!({
        "rule_files": ["rules.yml"], "evaluation_interval": "10m",
        "tests": [
            played(hourly, vec![quiet(hourly, 3600), quiet(hourly, 4200), silent(hourly, 6000), silent(hourly, 26 * 3600)]),
            // What is heard once a day may be silent for a day.
            played(daily, vec![quiet(daily, 7200), quiet(daily, 35 * 3600), silent(daily, 40 * 3600)]),
        ],
    });
    std::fs::write(dir.path().join("rules.yml"), rules()?)?;
    std::fs::write(dir.path().join("tests.yml"), tests.to_string())?;
    let tool = tools::find_in("prometheus", "promtool")?;
    let said =
        output(command(tool, ["test", "rules", &*dir.path().join("tests.yml").display().to_string()]))?;
    assert!(
        said.status.success(),
        "{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
    Ok(())
}
