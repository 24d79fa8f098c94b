//! What GitHub delivered while the gateway was down comes to the bus, each once: also when the sweeper is killed at it.

use std::time::Duration;

use chassis::{BusUrl, Clock as _, Engine, Position, SystemClock};
use events::payload::source::{Became, Gap, Missed};
use events::{Envelope, Kind};
use serde_json::{Value, json};
use tests::alertmanager::Alertmanager;
use tests::github::Github;
use tests::nats::Nats;
use tests::signalbox::{Signalbox, Start};

const PATIENCE: Duration = Duration::from_mins(1);
const SECRET: &str = "a-secret-of-the-hook";

fn resources(dir: &std::path::Path, github: &Github) -> anyhow::Result<String> {
    std::fs::write(dir.join("secret"), SECRET)?;
    std::fs::write(dir.join("token"), "a-token-of-github")?;
    Ok(format!(
        "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: github}}\nspec:\n  github:\n    secrets: [{{file: \
         {secret}}}]\n    repositories: [\"acme/*\"]\n    sweep: {{hook: {{repository: acme/shop, id: 7}}, token: {{file: \
         {token}}}, api: \"{api}\", every: 10s}}\n",
        secret = dir.join("secret").display(),
        token = dir.join("token").display(),
        api = github.api(),
    ))
}

fn push(number: u64) -> Value {
    json!({
        "ref": "refs/heads/main", "before": format!("{number:040}"), "after": format!("{:040}", number + 1), "number": number,
        "repository": {"id": 7, "full_name": "acme/shop", "url": "https://github.com/acme/shop", "pushed_at": number},
    })
}

async fn log(engine: &Engine) -> anyhow::Result<Vec<Envelope>> {
    let recorded = engine.bus.read(Position(1), 1000).await?;
    Ok(recorded.into_iter().filter_map(|recorded| recorded.event.ok()).collect())
}

fn numbers(log: &[Envelope]) -> anyhow::Result<Vec<u64>> {
    let pushes = log.iter().filter(|event| event.ty() == "com.github.push");
    pushes
        .map(|event| {
            let body: Value = serde_json::from_slice(event.body())?;
            body["number"].as_u64().ok_or_else(|| anyhow::anyhow!("a push of somebody else: {body}"))
        })
        .collect()
}

fn told(log: &[Envelope]) -> anyhow::Result<Vec<Missed>> {
    let gaps = log.iter().filter(|event| event.ty() == Kind::SourceGapFilled.name());
    let gaps = gaps.map(Envelope::payload::<Gap>).collect::<Result<Vec<_>, _>>()?;
    Ok(gaps.into_iter().flat_map(|gap| gap.missed).collect())
}

/// Waits until the sweeper has looked once.
async fn has_looked(engine: &Engine) -> anyhow::Result<()> {
    tests::eventually(PATIENCE, "the sweeper has looked", async || {
        let record = engine.store.get(chassis::Bucket::Watch, "sweep/github/github").await?;
        let record =
            record.map(|entry| String::from_utf8_lossy(&entry.value).into_owned()).unwrap_or_default();
        anyhow::ensure!(record.contains("\"looked\":true"), "{record:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_while_the_gateway_was_down_comes_once_over_kills_of_the_sweeper()
-> anyhow::Result<()> {
    let (nats, github, secrets) = (Nats::start().await?, Github::start(SECRET).await?, tempfile::tempdir()?);
    let text = resources(secrets.path(), &github)?;
    let engine = Engine::open(&nats.url().parse()?).await?;
    let only = |service: &str, at: Option<&str>| Start {
        arguments: vec!["--only".to_owned(), service.to_owned()],
        environment: at.map(|at| ("SIGNALBOX_KILL_AT".to_owned(), at.to_owned())).into_iter().collect(),
    };
    let [mut gateway, mut sweeper] =
        [Signalbox::new(&text, Some(nats.url()))?, Signalbox::new(&text, Some(nats.url()))?];
    gateway.start(only("gateway", None)).await?;
    gateway.ready().await?;
    sweeper.start(only("sweeper", None)).await?;
    has_looked(&engine).await?;
    let hook = gateway.hook("github");
    assert_eq!(github.deliver(&hook, "push", &push(0)).await, 202);

    sweeper.process()?.kill9()?;
    gateway.process()?.kill9()?;
    for number in 1..=25 {
        assert_eq!(github.deliver(&hook, "push", &push(number)).await, 0, "nobody is there");
    }
    for at in ["sweeper-begun", "sweeper-published", "sweeper-kept"] {
        let started = sweeper.start(only("sweeper", Some(at))).await;
        match started {
            Ok(()) => sweeper.process()?.was_killed(PATIENCE).await?,
            Err(error) => anyhow::ensure!(format!("{error:#}").contains("SIGKILL"), error),
        }
    }
    sweeper.start(only("sweeper", None)).await?;
    tests::eventually(PATIENCE, "the gap is closed", async || {
        let told = told(&log(&engine).await?)?;
        anyhow::ensure!(told.len() >= 25, "{} are told of", told.len());
        Ok(())
    })
    .await?;
    // And those that arrive by themselves are not missed.
    gateway.start(only("gateway", None)).await?;
    gateway.ready().await?;
    assert_eq!(github.deliver(&gateway.hook("github"), "push", &push(26)).await, 202);
    sweeper.process()?.terminate(PATIENCE).await?;
    let log = log(&engine).await?;
    assert_eq!(numbers(&log)?, (0..=26).collect::<Vec<_>>(), "each once, in order");
    let told = told(&log)?;
    assert_eq!(told.len(), 25, "each is told of once");
    assert!(told.iter().all(|missed| missed.became == Became::Published), "{told:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_program_that_was_down_closes_its_own_gap() -> anyhow::Result<()> {
    let (github, secrets) = (Github::start(SECRET).await?, tempfile::tempdir()?);
    let mut signalbox = Signalbox::new(&resources(secrets.path(), &github)?, None)?;
    signalbox.serve().await?;
    tests::eventually(PATIENCE, "the sweeper has looked", async || {
        let said = signalbox.process()?.output()?;
        anyhow::ensure!(said.contains("looks after what GitHub delivers from now on"), "{said}");
        Ok(())
    })
    .await?;
    let hook = signalbox.hook("github");
    assert_eq!(github.deliver(&hook, "push", &push(0)).await, 202);
    signalbox.process()?.kill9()?;
    assert_eq!(github.deliver(&hook, "push", &push(1)).await, 0);
    signalbox.serve().await?;
    tests::eventually(PATIENCE, "the gap is closed", async || {
        let said = signalbox.output(&["events", "list", "--json"])?;
        anyhow::ensure!(said.contains("io.signalbox.source.gap-filled.v1"), "{said}");
        Ok(())
    })
    .await?;
    signalbox.process()?.terminate(PATIENCE).await?;
    let engine = Engine::open(&BusUrl::Embedded(signalbox.dir().join("bus"))).await?;
    assert_eq!(numbers(&log(&engine).await?)?, [0, 1]);
    engine.close().await;
    Ok(())
}

const TOKEN: &str = "a-token-of-alertmanager";

/// The Source without `api`, or with it.
fn alerts(token: &std::path::Path, api: Option<&str>) -> String {
    let api = api.map_or_else(String::new, |url| {
        format!(", api: {{url: \"{url}\", receiver: signalbox, every: 10s}}")
    });
    format!(
        "apiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {{name: alertmanager}}\nspec: {{alertmanager: {{tokens: \
         [{{file: {}}}]{api}}}}}\n",
        token.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_that_a_real_alertmanager_left_out_or_could_not_tell_come_once() -> anyhow::Result<()> {
    let secrets = tempfile::tempdir()?;
    let token = secrets.path().join("token");
    std::fs::write(&token, TOKEN)?;
    let mut signalbox = Signalbox::new(&alerts(&token, None), None)?;
    signalbox.serve().await?;
    let alertmanager = Alertmanager::start_with(&signalbox.hook("alertmanager"), TOKEN, 2).await?;
    let resources = signalbox.dir().join("config").join("resources.yaml");
    std::fs::write(&resources, alerts(&token, Some(alertmanager.url())))?;
    let now = SystemClock.now();
    // One group: of five, two are told.
    for pod in ["a", "b", "c", "d", "e"] {
        alertmanager.fire(&[("alertname", "PodDown"), ("pod", pod)], now).await?;
    }
    let firing = |said: &str| said.matches("\"type\":\"io.prometheus.alert.firing.v1\"").count();
    tests::eventually(PATIENCE, "all five are on the bus", async || {
        let said = signalbox.output(&["events", "list", "--json"])?;
        anyhow::ensure!(firing(&said) == 5, "{said}");
        Ok(())
    })
    .await?;
    let said = signalbox.output(&["events", "list", "--json"])?;
    anyhow::ensure!(said.contains("truncatedalerts"), "Alertmanager left some out: {said}");
    anyhow::ensure!(said.contains("io.signalbox.source.gap-filled.v1"), "{said}");

    // Nobody listens where Alertmanager posts to: the program comes back at another address.
    signalbox.process()?.kill9()?;
    alertmanager
        .fire(&[("alertname", "NodeDown"), ("node", "n")], now - chrono::TimeDelta::minutes(10))
        .await?;
    signalbox.serve().await?;
    tests::eventually(PATIENCE, "the sixth is on the bus", async || {
        let said = signalbox.output(&["events", "list", "--json"])?;
        anyhow::ensure!(firing(&said) == 6, "{said}");
        Ok(())
    })
    .await?;
    signalbox.process()?.terminate(PATIENCE).await?;
    let engine = Engine::open(&BusUrl::Embedded(signalbox.dir().join("bus"))).await?;
    let log = log(&engine).await?;
    let fingerprints: std::collections::BTreeSet<String> = log
        .iter()
        .filter(|event| event.ty() == Kind::AlertFiring.name())
        .map(|event| event.partition_key().into_owned())
        .collect();
    assert_eq!(fingerprints.len(), 6, "each once");
    let told = told(&log)?;
    assert!(told.iter().any(|missed| missed.event_type == Kind::AlertFiring.name()), "{told:?}");
    engine.close().await;
    Ok(())
}
