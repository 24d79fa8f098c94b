//! Every service in a process of its own, as a user of the server that may do what it does and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chassis::jetstream::access::{Login, inbox};
use chassis::{Bucket, Engine, Expect};
use serde_json::json;
use tests::eventually;
use tests::fixtures::{PUSH, WORKFLOW_RUN};
use tests::git::Repository;
use tests::nats::{Config, Nats, Wire};
use tests::process::{command, output};
use tests::receiver::Receiver;
use tests::signalbox::{Signalbox, Start, program};
use tests::world::{SECRET, TAG_TEMPLATE, resources};

use super::{Access, file, ready};

const PATIENCE: Duration = Duration::from_mins(1);
const SEED: &str = "SIGNALBOX_NATS__NKEY__FILE";

/// A server with the users that the program makes, and the folder of their seeds.
async fn server(seeds: &Path) -> anyhow::Result<Nats> {
    let made = output(command(
        program()?,
        ["nats".as_ref(), "users".as_ref(), "--out".as_ref(), seeds.as_os_str()],
    ))?;
    anyhow::ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Nats::with(Config::lines(String::from_utf8(made.stdout)?)).await
}

fn seed(seeds: &Path, name: &str) -> PathBuf {
    seeds.join(format!("{name}.nk"))
}

async fn wire(nats: &Nats, seeds: &Path, name: &str) -> anyhow::Result<Wire> {
    let seed = std::fs::read_to_string(seed(seeds, name))?;
    Wire::connect(nats.port(), Some(seed.trim()), &inbox(name)).await
}

async fn engine(nats: &Nats, seeds: &Path, name: &str) -> anyhow::Result<Engine> {
    let login = Some(Login::Nkey(file(&seed(seeds, name))));
    let access = Access { login, inbox: inbox(name), ..Access::default() };
    let engine = Engine::open_with(&nats.url().parse()?, access).await?;
    ready(&engine).await?;
    Ok(engine)
}

/// What the server refused to anybody.
fn violations(nats: &Nats) -> anyhow::Result<Vec<String>> {
    let log = nats.log()?;
    Ok(log.lines().filter(|line| line.contains("Violation")).map(str::to_owned).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_does_its_work_with_the_permissions_that_are_made_for_it() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let seeds = dir.path().join("seeds");
    let mut nats = server(&seeds).await?;
    let (gitops, chat, secrets) = (Repository::start()?, Receiver::start().await?, tempfile::tempdir()?);
    let text = resources(secrets.path(), &gitops, chat.url(), None, TAG_TEMPLATE)?
        + "---\napiVersion: signalbox.dev/v1alpha1\nkind: Source\nmetadata: {name: clock}\nspec: {schedule: {cron: '*/5 * * * * *'}}\n";
    let mut running = BTreeMap::new();
    for service in ["gateway", "scheduler", "sweeper", "automator", "deployer", "notifier", "console"] {
        let mut signalbox = Signalbox::new(&text, Some(nats.url()))?;
        let start = Start {
            arguments: vec!["--only".to_owned(), service.to_owned()],
            environment: vec![(SEED.to_owned(), seed(&seeds, service).display().to_string())],
        };
        signalbox.start(start).await?;
        signalbox.ready().await?;
        running.insert(service, signalbox);
    }
    let (status, text) = running["gateway"].deliver(SECRET, "workflow_run", "split-1", WORKFLOW_RUN).await?;
    assert_eq!(status, 202, "{text}");
    eventually(PATIENCE, "the team is told", async || {
        anyhow::ensure!(!chat.posted().is_empty(), "nothing was posted");
        Ok(())
    })
    .await?;

    // One that is given up becomes a dead letter and an event of it, and is driven again by a person.
    chat.answer(404, &[]);
    let again = String::from_utf8(WORKFLOW_RUN.to_vec())?.replace("\"head_sha\": \"", "\"head_sha\": \"f");
    let (status, text) =
        running["gateway"].deliver(SECRET, "workflow_run", "split-2", again.as_bytes()).await?;
    assert_eq!(status, 202, "{text}");
    let ask = |arguments: &[&str]| {
        let mut command = command(program()?, arguments);
        command.args(["--bus", &nats.url()]).env(SEED, seed(&seeds, "console")).current_dir(dir.path());
        let output = output(command)?;
        anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        anyhow::Ok(String::from_utf8(output.stdout)?)
    };
    let id = eventually(PATIENCE, "there is a dead letter", async || {
        let letters = ask(&["dead", "list", "--json"])?;
        let line = letters.lines().next().ok_or_else(|| anyhow::anyhow!("there is none"))?;
        let letter: serde_json::Value = serde_json::from_str(line)?;
        Ok(letter["id"].as_str().unwrap_or_default().to_owned())
    })
    .await?;
    ask(&["dead", "redrive", &id])?;
    eventually(PATIENCE, "both messages are sent", async || {
        let sent = ask(&["events", "tail", "--no-follow", "--type", "io.signalbox.notification.sent.v1"])?;
        anyhow::ensure!(sent.lines().count() == 2, "{sent}");
        Ok(())
    })
    .await?;
    assert_eq!(chat.posted().len(), 3, "sent, refused, sent");

    eventually(PATIENCE, "the clock ticks", async || {
        let ticks = ask(&["events", "tail", "--no-follow", "--type", "io.signalbox.schedule.ticked.v1"])?;
        anyhow::ensure!(ticks.lines().count() > 1, "{ticks}");
        Ok(())
    })
    .await?;

    // And after an absence of the server.
    nats.kill9()?;
    nats.resume().await?;
    for signalbox in running.values() {
        signalbox.ready().await?;
    }
    assert_eq!(running["gateway"].deliver(SECRET, "push", "split-3", PUSH).await?.0, 202);
    for (service, mut signalbox) in running {
        signalbox.process()?.terminate(PATIENCE).await?;
        let log = signalbox.process()?.output()?;
        assert!(!log.contains("refuses") && !log.contains("Violation"), "{service}: {log}");
    }
    assert_eq!(violations(&nats)?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watcher_and_a_process_with_all_services_have_what_they_need() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let nats = server(dir.path()).await?;
    let engine = engine(&nats, dir.path(), "watcher").await?;
    let sample = events::json::decode(events::Kind::ApplicationDegraded.sample().as_bytes())?;
    engine.bus.publish(&sample).await?;
    let revision = engine.store.put(Bucket::Watch, "a/b", b"1".to_vec(), Expect::Absent, None).await?;
    assert_eq!(engine.store.scan(Bucket::Watch, "a/").await?.len(), 1);
    engine.store.delete(Bucket::Watch, "a/b", Expect::Revision(revision)).await?;

    let secrets = tempfile::tempdir()?;
    let mut signalbox = crate::crash::signalbox(&secrets, Some(nats.url()))?;
    let environment = vec![(SEED.to_owned(), seed(dir.path(), "all").display().to_string())];
    signalbox.start(Start { environment, ..Start::default() }).await?;
    signalbox.ready().await?;
    assert_eq!(signalbox.deliver(SECRET, "push", "all-1", PUSH).await?.0, 202);
    assert_eq!(violations(&nats)?, Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_subject_is_refused() -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    let nats = server(dir.path()).await?;
    drop(engine(&nats, dir.path(), "all").await?);
    let mut notifier = wire(&nats, dir.path(), "notifier").await?;
    let own = "signalbox.events.io.signalbox.notification.sent.v1";
    assert_eq!(notifier.publish(own, "x").await?, Vec::<String>::new());
    notifier.api("STREAM.INFO.SIGNALBOX", &json!({})).await?;
    for subject in [
        "signalbox.events.com.github.push",
        "signalbox.events.io.signalbox.deploy.requested.v1",
        "signalbox.redrive.deployer",
        "$JS.API.STREAM.DELETE.SIGNALBOX",
        "$JS.API.STREAM.PURGE.SIGNALBOX",
        "$JS.API.STREAM.UPDATE.SIGNALBOX",
        "$JS.API.STREAM.MSG.DELETE.SIGNALBOX",
        "$JS.API.STREAM.CREATE.ANOTHER",
        "$JS.API.STREAM.DELETE.KV_SIGNALBOX_ledger",
        "$JS.API.CONSUMER.DELETE.SIGNALBOX.deployer",
        "$JS.API.CONSUMER.CREATE.SIGNALBOX.deployer",
        "$JS.API.CONSUMER.DURABLE.CREATE.SIGNALBOX.deployer",
        "$JS.API.CONSUMER.MSG.NEXT.SIGNALBOX.deployer",
        "$JS.API.CONSUMER.DELETE.SIGNALBOX.notifier",
        "$JS.ACK.SIGNALBOX.deployer.1.1.1.1.1",
        "$KV.SIGNALBOX_watch.a",
        "_INBOX.signalbox.console.1",
    ] {
        let refused = notifier.publish(subject, "{}").await?;
        assert!(refused.len() == 1 && refused[0].contains("Permissions Violation"), "{subject}: {refused:?}");
    }
    for subject in ["_INBOX.signalbox.console.>", "_INBOX.>", "signalbox.>", "$KV.>", ">", "$JS.>"] {
        let refused = notifier.subscribe(subject).await?;
        assert!(refused.len() == 1 && refused[0].contains("Permissions Violation"), "{subject}: {refused:?}");
    }
    let mut gateway = wire(&nats, dir.path(), "gateway").await?;
    for subject in [own, "signalbox.events.io.argoproj.application.degraded.v1", "$KV.SIGNALBOX_ledger.a"] {
        assert_eq!(gateway.publish(subject, "{}").await?.len(), 1, "{subject}");
    }
    assert_eq!(gateway.publish("signalbox.events.com.github.push", "x").await?, Vec::<String>::new());
    // Who shows nothing is nobody.
    assert!(nats.stranger().await.is_err());
    let log = wire(&nats, dir.path(), "all").await?.api("STREAM.INFO.SIGNALBOX", &json!({})).await?;
    assert_eq!(log["state"]["messages"], 2, "what was allowed is there, and nothing else");
    Ok(())
}
