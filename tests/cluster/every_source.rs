//! Every source at once, the watcher among them: objects that are made, changed and deleted on a real API server while it,
//! NATS and two programs are killed. Each input, each tick and each transition is on the bus once.
//! `SOAK_SECONDS=300 tests/run every_source` is the long one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use chassis::{Engine, Position};
use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, DeleteParams};
use tests::kube_api::{KubeApi, Plan, apply, rule};
use tests::nats::Nats;
use tests::signalbox::{Signalbox, Start};
use tests::skip;
use tests::soak::{self, Senders, account, instant};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::told::paused;

/// What has to come, comes within this, whatever was killed meanwhile.
const PATIENCE: Duration = Duration::from_mins(2);
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Objects that are made at once.
const LANES: usize = 6;
const STORY: [&str; 3] = ["deployment.created", "deployment.image-changed", "deployment.deleted"];

/// What was said, by subject.
type Heard = BTreeMap<String, Vec<String>>;

/// Follows the log, also while its server is away.
async fn follow(engine: Engine, heard: watch::Sender<Heard>) {
    let mut from = Position(1);
    loop {
        let page = engine.bus.read(from, 500).await.unwrap_or_default();
        let Some(last) = page.last() else {
            tokio::time::sleep(AGAIN_AFTER).await;
            continue;
        };
        from = Position(last.position.0 + 1);
        heard.send_modify(|heard| {
            for event in page.iter().flat_map(|recorded| &recorded.event) {
                if let Some(ty) = event.ty().strip_prefix("io.kubernetes.") {
                    let story = heard.entry(event.subject().unwrap_or_default().to_owned()).or_default();
                    story.push(ty.trim_end_matches(".v1").to_owned());
                }
            }
        });
    }
}

/// Makes, changes and deletes one object after another, each step when the one before was said: what nobody saw in between
/// could not be said.
async fn lane(
    lane: usize,
    client: kube::Client,
    mut heard: watch::Receiver<Heard>,
    over: &AtomicBool,
) -> anyhow::Result<Vec<String>> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "shop");
    let mut made = Vec::new();
    while !over.load(Ordering::SeqCst) {
        let name = format!("soak-{lane}-{}", made.len());
        let subject = format!("shop/{name}");
        for (step, transition) in STORY.into_iter().enumerate() {
            // The API server may be away.
            while act(&deployments, &client, &name, step).await.is_err() {
                tokio::time::sleep(AGAIN_AFTER).await;
            }
            let said = heard.wait_for(|heard| heard.get(&subject).is_some_and(|story| story.len() > step));
            tokio::time::timeout(PATIENCE, said)
                .await
                .with_context(|| format!("{subject}: no {transition}"))??;
        }
        made.push(subject);
    }
    Ok(made)
}

/// Takes one step of the story of an object; the same again does no harm.
async fn act(
    deployments: &Api<Deployment>,
    client: &kube::Client,
    name: &str,
    step: usize,
) -> anyhow::Result<()> {
    if step < 2 {
        return apply(client, &paused(name, &format!("registry/app:{step}"), 0)).await;
    }
    match deployments.delete(name, &DeleteParams::default()).await {
        Ok(_) => Ok(()),
        // An attempt before had an answer that was lost.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_is_accounted_for_while_the_api_server_two_programs_and_nats_are_killed()
-> anyhow::Result<()> {
    if skip::without(&["kine", "kubernetes", "nats-server"]) {
        return Ok(());
    }
    let plan = Plan { controllers: false, ..Plan::default() };
    let (secrets, mut nats, mut api) =
        (tempfile::tempdir()?, Nats::start().await?, KubeApi::start_with(plan).await?);
    api.namespace("shop").await?;
    let rules = vec![rule("apps", &["deployments"], &["get", "list", "watch"])];
    let kubeconfig = api.kubeconfig_for("watcher", rules).await?;
    let start = || {
        let set = |name: &str, value: String| (format!("SIGNALBOX_KUBERNETES__{name}"), value);
        let environment =
            vec![set("KUBECONFIG", kubeconfig.display().to_string()), set("WATCH", "deployments".to_owned())];
        Start { environment, ..Start::default() }
    };
    let resources = soak::resources(secrets.path())?;
    let mut programs =
        [Signalbox::new(&resources, Some(nats.url()))?, Signalbox::new(&resources, Some(nats.url()))?];
    for program in &mut programs {
        program.start(start()).await?;
        program.ready().await?;
    }
    let senders = Senders::begin()?;
    let addresses = |programs: &[Signalbox; 2]| programs.iter().map(|it| it.public().to_owned()).collect();
    senders.send_to(addresses(&programs));
    let (sender, heard) = watch::channel(Heard::new());
    let follower = tokio::spawn(follow(Engine::open(&nats.url().parse()?).await?, sender));
    let over = AtomicBool::new(false);
    let mut lanes = Vec::new();
    for number in 0..LANES {
        lanes.push(lane(number, api.client().await?, heard.clone(), &over));
    }
    let (end, mut kills) = (Instant::now() + soak::length()?, 0);
    let killing = async {
        while Instant::now() < end {
            // It must come at an instant that nothing waits for.
            tokio::time::sleep(instant(kills)).await;
            match kills % 4 {
                2 => {
                    nats.kill9()?;
                    nats.resume().await?;
                }
                3 => api.restart_api().await?,
                which => {
                    let program = &mut programs[usize::try_from(which)?];
                    program.process()?.kill9()?;
                    program.start(start()).await?;
                    senders.send_to(addresses(&programs));
                }
            }
            kills += 1;
        }
        over.store(true, Ordering::SeqCst);
        anyhow::Ok(())
    };
    let ((), made) = tokio::try_join!(killing, try_join_all(lanes))?;
    let mut made = made.concat();
    let accepted = senders.end().await?;
    for program in &mut programs {
        program.ready().await?;
        program.process()?.terminate(PATIENCE).await?;
    }
    follower.abort();
    let engine = Engine::open(&nats.url().parse()?).await?;
    let log = soak::log(&engine).await?;
    let wrong = account(&accepted, &log)?;
    assert!(wrong.is_empty(), "{wrong:?}; {kills} kills, accepted: {accepted:?}");
    let mut stories = Heard::new();
    for event in &log {
        if let Some(ty) = event.ty().strip_prefix("io.kubernetes.") {
            let story = stories.entry(event.subject().unwrap_or_default().to_owned()).or_default();
            story.push(ty.trim_end_matches(".v1").to_owned());
        }
    }
    println!("{kills} kills, {} events, {} objects, accepted: {accepted:?}", log.len(), made.len());
    assert!(made.len() >= LANES && kills >= 4, "{kills} kills, {} objects", made.len());
    made.sort();
    assert_eq!(stories.keys().cloned().collect::<Vec<_>>(), made, "the objects that there were");
    assert!(stories.values().all(|story| *story == STORY), "{stories:#?}");
    Ok(())
}
