//! `compose.yaml` and the image: every command, port, file and name in them is one that there really is.

mod alerting;
mod file;
mod image;
mod stack;

use std::io::Write as _;
use std::path::Path;
use std::process::Output;

use anyhow::Context as _;
use serde_json::{Value, json};
use tests::process::command;
use tests::signalbox::program;
use tests::tools;

use file::{Compose, root, text, yaml};
use stack::{SECRETS, Stack};

const SCHEMA: &str = include_str!("../fixtures/compose-spec/compose-spec.json");
/// Where the files of the containers are.
const FOLDER: &str = "services/signalbox/compose";

fn run(program: impl AsRef<Path>, arguments: &[&str]) -> anyhow::Result<Output> {
    let program = program.as_ref();
    let output = command(program, arguments).current_dir(root()).output();
    output.with_context(|| format!("cannot run {}", program.display()))
}

fn succeeds(program: impl AsRef<Path>, arguments: &[&str]) -> anyhow::Result<String> {
    let output = run(program.as_ref(), arguments)?;
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    anyhow::ensure!(output.status.success(), "{} {arguments:?} says: {said}", program.as_ref().display());
    Ok(said)
}

/// Says so past the capture of output, so that `tests/run` counts it.
fn skipped(what: &str) -> anyhow::Result<()> {
    writeln!(std::io::stderr(), "\nSKIPPED: {what}").context("cannot say so")
}

#[test]
fn it_is_what_the_compose_specification_says() -> anyhow::Result<()> {
    let validator = jsonschema::validator_for(&serde_json::from_str(SCHEMA)?)?;
    let compose = Compose::read()?;
    let problems: Vec<String> = validator
        .iter_errors(&compose.0)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(problems, Vec::<String>::new());
    for (place, wrong) in [("comand", json!(["serve"])), ("ports", json!("8080")), ("depends_on", json!(1))] {
        let mut other = compose.0.clone();
        other["services"]["signalbox"][place] = wrong;
        assert!(!validator.is_valid(&other), "a wrong `{place}` should be noticed");
    }
    Ok(())
}

#[test]
fn docker_compose_takes_it_where_there_is_one() -> anyhow::Result<()> {
    if !run("docker", &["compose", "version"]).is_ok_and(|output| output.status.success()) {
        return skipped(
            "what docker compose says of compose.yaml: it is not installed; its schema was checked",
        );
    }
    succeeds("docker", &["compose", "--file", "compose.yaml", "config", "--quiet"]).map(|_| ())
}

#[test]
fn everything_that_it_names_is_there() -> anyhow::Result<()> {
    let compose = Compose::read()?;
    let services = compose.services()?;
    for (name, service) in &services {
        for mount in service.mounts()? {
            let there = match mount.path() {
                Some(path) => path.exists(),
                None => compose.0["volumes"].get(&mount.from).is_some(),
            };
            assert!(there, "{name} mounts {}", mount.from);
        }
        for network in service.list("networks").iter().filter(|network| *network != "default") {
            assert!(compose.0["networks"].get(network).is_some(), "{name} is in the network {network}");
        }
        for dependency in service.0["depends_on"].as_object().into_iter().flatten().map(|(name, _)| name) {
            assert!(services.contains_key(dependency), "{name} depends on {dependency}");
        }
    }
    let build = &compose.service("signalbox")?.0["build"];
    let file = build["dockerfile"].as_str().context("it says how it is built")?;
    assert_eq!((build["context"].as_str(), root().join(file).is_file()), (Some("."), true), "{file}");
    Ok(())
}

#[test]
fn what_runs_on_cannot_write_to_its_image_is_not_root_and_says_how_it_is() -> anyhow::Result<()> {
    for (name, service) in Compose::read()?.services()? {
        assert_eq!(
            (&service.0["read_only"], service.list("cap_drop")),
            (&json!(true), vec!["ALL".to_owned()]),
            "{name}"
        );
        if name == "prepare" {
            assert_eq!(service.0["network_mode"], "none", "what is root for a moment talks to nobody");
            continue;
        }
        // The image of the program has both itself; `image` looks at it.
        let ours = name == "signalbox";
        let user = service.0["user"].as_str();
        assert!(ours || user.is_some_and(|user| !user.starts_with('0')), "{name} runs as {user:?}");
        assert!(ours || service.0["healthcheck"]["test"].is_array(), "{name} has a health check");
        for (address, ..) in service.ports()? {
            assert_eq!(address, "127.0.0.1", "{name} is published on loopback alone");
        }
    }
    Ok(())
}

#[test]
fn the_program_takes_the_arguments_of_its_container() -> anyhow::Result<()> {
    let arguments = Compose::read()?.service("signalbox")?.list("command");
    assert_eq!(arguments.first().map(String::as_str), Some("serve"));
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.push("--help");
    succeeds(program()?, &arguments)?;
    arguments.insert(1, "--confg=/etc/signalbox");
    assert_eq!(run(program()?, &arguments)?.status.code(), Some(2), "a flag that is not there is noticed");
    Ok(())
}

#[test]
fn the_ports_are_those_of_the_program() -> anyhow::Result<()> {
    let (public, private) = image::default_ports()?;
    let published = Compose::read()?.service("signalbox")?.ports()?;
    let published: Vec<(u16, u16)> =
        published.into_iter().map(|(_, host, container)| (host, container)).collect();
    assert_eq!(published, [(public, public), (private, private)]);

    let scraped = yaml(&format!("{FOLDER}/prometheus.yml"))?.to_string();
    assert!(scraped.contains(&format!("\"signalbox:{private}\"")), "{scraped}");
    let receiver = &yaml(&format!("{FOLDER}/alertmanager.yml"))?["receivers"][0]["webhook_configs"][0];
    let url = receiver["url"].as_str().context("it posts somewhere")?;
    assert_eq!(url, format!("http://signalbox:{public}/hooks/alertmanager"));
    let file = receiver["http_config"]["authorization"]["credentials_file"].as_str();
    assert_eq!(file, Some(format!("{SECRETS}/alertmanager").as_str()));
    Ok(())
}

#[test]
fn the_resources_pass_the_check_of_the_program() -> anyhow::Result<()> {
    let said = succeeds(program()?, &["check", &format!("{FOLDER}/config")])?;
    // The secrets are not here: those are warnings, and nothing else is one.
    assert!(said.contains("ok: 2 sources, 1 app, 2 automations, 1 channel"), "{said}");
    let warnings: Vec<&str> = said.lines().filter(|line| line.contains(": warning: ")).collect();
    assert!(warnings.iter().all(|line| line.contains(SECRETS) || line.contains("SLACK_URL")), "{said}");
    Ok(())
}

#[test]
fn the_neighbours_take_their_configuration() -> anyhow::Result<()> {
    succeeds(tools::find("nats-server")?, &["-t", "--config", &format!("{FOLDER}/nats.conf")])?;
    let nats = Compose::read()?.service("nats")?;
    let version = tools::version("nats-server").context("the version is pinned")?;
    assert_eq!(nats.0["image"], format!("nats:{version}-alpine"), "the version that the tests run");

    // Whoever has Prometheus' own tools has them asked too.
    let (alertmanager, alerts) = (format!("{FOLDER}/alertmanager.yml"), format!("{FOLDER}/alerts.yml"));
    let prometheus = format!("{FOLDER}/prometheus.yml");
    for (package, tool, arguments) in [
        ("alertmanager", "amtool", &["check-config", &alertmanager][..]),
        ("prometheus", "promtool", &["check", "rules", &alerts]),
        ("prometheus", "promtool", &["check", "config", "--syntax-only", &prometheus]),
    ] {
        match tools::find_in(package, tool) {
            Ok(path) => succeeds(path, arguments).map(|_| ())?,
            Err(_) => println!("{tool} is not installed: it was not asked about {}", arguments.join(" ")),
        }
    }
    let rule = yaml(&alerts)?["groups"][0]["rules"][0]["expr"].to_string();
    let declared = text("services/chassis/src/metrics.rs")?;
    let metric = rule
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .find(|word| word.starts_with("signalbox_"));
    let metric = metric.context("the rule is about a metric of ours")?;
    assert!(declared.contains(&format!("\"{metric}\"")), "{metric} is a metric of the program");
    Ok(())
}

#[test]
fn secrets_are_made_once() -> anyhow::Result<()> {
    let (compose, folder) = (Compose::read()?, tempfile::tempdir()?);
    let read = || {
        ["github", "alertmanager", "api"]
            .map(|name| std::fs::read_to_string(folder.path().join("secrets").join(name)))
    };
    stack::prepare(&compose, folder.path())?;
    let mut made = Vec::new();
    for secret in read() {
        let secret = secret?;
        assert!(secret.len() == 64 && secret.bytes().all(|b| b.is_ascii_hexdigit()), "{secret:?}");
        assert!(!made.contains(&secret), "each is another");
        made.push(secret);
    }
    stack::prepare(&compose, folder.path())?;
    for (secret, before) in read().into_iter().zip(made) {
        assert_eq!(secret?, before, "a restart keeps them");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_starts_takes_an_alert_and_says_what_it_would_do() -> anyhow::Result<()> {
    let stack = Stack::start().await?;
    let body = json!({
        "version": "4", "groupKey": "{}", "truncatedAlerts": 0, "status": "firing", "receiver": "signalbox",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://127.0.0.1:9093",
        "alerts": [{ "status": "firing", "labels": { "alertname": "TryMe", "severity": "warning" }, "annotations": {},
            "startsAt": "2026-01-02T03:04:05Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "",
            "fingerprint": "00000000000000aa" }],
    });
    let url = format!("http://{}/hooks/alertmanager", stack.public);
    let request = reqwest::Client::new().post(url).bearer_auth(stack.secret("alertmanager")?).json(&body);
    let answer = request.send().await?;
    assert_eq!(answer.status(), 202);

    let verdict = tests::eventually(std::time::Duration::from_secs(30), "the rules were tried", async || {
        let lines = stack.exec(&["events", "tail", "--since", "all", "--no-follow", "--json"])?;
        let events = lines.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
        let evaluated =
            events.into_iter().find(|event| event["type"] == "io.signalbox.automation.evaluated.v1");
        evaluated.with_context(|| format!("the log says:\n{lines}"))
    })
    .await?;
    let rule = &verdict["data"]["rules"][0];
    assert_eq!((&rule["automation"], &rule["verdict"]), (&json!("tell-team-of-alerts"), &json!("shadowed")));

    let api = reqwest::Client::new().get(format!("http://{}/api/v1/events", stack.private));
    assert_eq!(api.bearer_auth(stack.secret("api")?).send().await?.status(), 200);
    Ok(())
}
