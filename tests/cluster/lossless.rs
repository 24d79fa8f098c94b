//! What the API server has forgotten: a watch that is told 410 Gone, a list whose pages expire, an API server that begins
//! anew behind a watcher that hears nothing; and watchers that are killed at the worst instants, or sleep. Exactly what was
//! missed comes out, once.

use std::time::Duration;

use anyhow::Context as _;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, DeleteParams, ListParams, WatchEvent, WatchParams};
use rustix::process::Signal;
use tests::kube_api::{self, KubeApi, Plan, apply, rule};
use tests::kube_proxy::{Asked, KubeProxy};
use tests::nats::Nats;
use tests::signalbox::{Signalbox, Start};
use tests::{eventually, skip};

use crate::told::{hears, paused, said};

const PATIENCE: Duration = Duration::from_mins(1);
/// More than a page of the watcher's.
const MANY: usize = 260;

/// A control plane without controllers: nothing happens but what the test does.
struct Stage {
    api: KubeApi,
    client: kube::Client,
    proxy: KubeProxy,
}

impl Stage {
    async fn new(plan: Plan) -> anyhow::Result<Self> {
        let api = KubeApi::start_with(Plan { controllers: false, ..plan }).await?;
        api.namespace("shop").await?;
        let rules = vec![rule("apps", &["deployments"], &["get", "list", "watch"])];
        let proxy = KubeProxy::start(&api.kubeconfig_for("watcher", rules).await?).await?;
        Ok(Self { client: api.client().await?, api, proxy })
    }

    /// Starts the watcher, which follows Deployments and asks through the proxy.
    async fn start(&self, signalbox: &mut Signalbox, kill_at: Option<&str>) -> anyhow::Result<()> {
        let set = |name: &str, value: String| (format!("SIGNALBOX_{name}"), value);
        let mut environment = vec![
            set("KUBERNETES__KUBECONFIG", self.proxy.kubeconfig().display().to_string()),
            set("KUBERNETES__WATCH", "deployments".to_owned()),
        ];
        environment.extend(kill_at.map(|point| set("KILL_AT", point.to_owned())));
        let arguments = vec!["--only".to_owned(), "watcher,console".to_owned()];
        signalbox.start(Start { arguments, environment }).await
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), "shop")
    }

    async fn deploy(&self, name: &str, image: &str, replicas: i64) -> anyhow::Result<()> {
        apply(&self.client, &paused(name, image, replicas)).await
    }

    async fn undeploy(&self, name: &str) -> anyhow::Result<()> {
        self.deployments().delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// How far the world is.
    async fn version(&self) -> anyhow::Result<String> {
        let list = self.deployments().list(&ListParams::default().limit(1)).await?;
        list.metadata.resource_version.context("a list has a version")
    }

    /// Waits until a watch from there is told 410.
    async fn forgotten(&self, version: &str) -> anyhow::Result<()> {
        let deployments = self.deployments();
        eventually(PATIENCE, &format!("the API server has forgotten version {version}"), async || {
            let params = WatchParams::default().timeout(1);
            let mut watch = match deployments.watch(&params, version).await {
                Ok(watch) => watch.boxed(),
                Err(kube::Error::Api(status)) if status.code == 410 => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            match watch.try_next().await? {
                Some(WatchEvent::Error(status)) if status.code == 410 => Ok(()),
                other => anyhow::bail!("it says {other:?}"),
            }
        })
        .await
    }

    /// Waits until requests go through the proxy.
    async fn answers(&self) -> anyhow::Result<()> {
        let through = kube_api::client(&self.proxy.kubeconfig()).await?;
        let deployments: Api<Deployment> = Api::namespaced(through, "shop");
        eventually(PATIENCE, "the API server answers through the proxy", async || {
            deployments.list(&ListParams::default().limit(1)).await.map(|_| ()).context("it does not")
        })
        .await
    }
}

fn skipped() -> bool {
    skip::without(&["kine", "kubernetes", "nats-server"])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_compaction_takes_from_a_watch_or_from_a_list_is_said_once() -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    // Without its memory, the API server asks the datastore, which has compacted what was.
    let stage = Stage::new(Plan { watch_cache: false, forgetful: true, ..Plan::default() }).await?;
    let name = |index: usize| format!("app-{index:03}");
    for index in 0..MANY {
        stage.deploy(&name(index), "registry/app:1", 0).await?;
    }
    let mut signalbox = Signalbox::new("", None)?;
    stage.start(&mut signalbox, None).await?;
    signalbox.ready().await?;

    // The watch is stalled until what it missed is gone, and ends.
    stage.proxy.hold(Asked::Watch);
    let version = stage.version().await?;
    stage.deploy(&name(0), "registry/app:2", 0).await?;
    stage.undeploy(&name(1)).await?;
    stage.deploy(&name(2), "registry/app:1", 3).await?;
    stage.deploy(&name(2), "registry/app:1", 0).await?;
    stage.deploy("zoo", "registry/zoo:1", 0).await?;
    stage.forgotten(&version).await?;
    let before = stage.proxy.seen();
    stage.proxy.end_watches();
    stage.proxy.release();
    hears(&signalbox, "shop/zoo", &["deployment.created"]).await?;
    hears(&signalbox, "shop/app-000", &["deployment.image-changed"]).await?;
    hears(&signalbox, "shop/app-001", &["deployment.deleted"]).await?;
    assert_eq!(said(&signalbox)?.len(), 3, "{:?}", said(&signalbox)?);
    let after = stage.proxy.seen();
    assert_eq!(after.gone - before.gone, 1, "the watch was told 410: {after:?}");
    assert_eq!(after.lists - before.lists, 1, "and all were listed anew: {after:?}");

    // The watcher is away, and then its list is held up after the first page until the second one is gone.
    signalbox.process()?.kill9()?;
    stage.undeploy(&name(MANY - 1)).await?;
    stage.deploy(&name(3), "registry/app:1", 1).await?;
    let (version, before) = (stage.version().await?, stage.proxy.seen());
    stage.proxy.hold(Asked::Page);
    stage.start(&mut signalbox, None).await?;
    eventually(PATIENCE, "the second page is asked for", async || {
        let seen = stage.proxy.seen();
        anyhow::ensure!(seen.pages > before.pages, "{seen:?}");
        Ok(())
    })
    .await?;
    // Both are on the page that the watcher has.
    stage.undeploy(&name(4)).await?;
    stage.deploy(&name(5), "registry/app:1", 1).await?;
    stage.forgotten(&version).await?;
    stage.proxy.release();
    signalbox.ready().await?;
    for (name, story) in [
        ("zoo", "created"),
        ("app-000", "image-changed"),
        ("app-001", "deleted"),
        ("app-003", "scaled"),
        ("app-004", "deleted"),
        ("app-005", "scaled"),
        ("app-259", "deleted"),
    ] {
        hears(&signalbox, &format!("shop/{name}"), &[&format!("deployment.{story}")]).await?;
    }
    assert_eq!(said(&signalbox)?.len(), 7, "{:?}", said(&signalbox)?);
    let after = stage.proxy.seen();
    assert_eq!(after.gone - before.gone, 1, "the page was told 410: {after:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_behind_a_deaf_watcher_and_a_new_memory_of_the_api_server_is_said_once()
-> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::new(Plan::default()).await?;
    for name in ["web", "old", "api"] {
        stage.deploy(name, "registry/app:1", 0).await?;
    }
    let mut signalbox = Signalbox::new("", None)?;
    stage.start(&mut signalbox, None).await?;
    signalbox.ready().await?;

    // An outage that is longer than what the API server remembers: it is killed meanwhile, so its memory begins anew.
    stage.proxy.hold(Asked::Watch);
    let version = stage.version().await?;
    stage.deploy("web", "registry/app:2", 0).await?;
    stage.undeploy("old").await?;
    stage.api.restart_api().await?;
    stage.deploy("web", "registry/app:2", 2).await?;
    stage.forgotten(&version).await?;
    stage.answers().await?;
    let before = stage.proxy.seen();
    stage.proxy.end_watches();
    stage.proxy.release();
    let mut web = vec!["deployment.image-changed", "deployment.scaled"];
    hears(&signalbox, "shop/web", &web).await?;
    hears(&signalbox, "shop/old", &["deployment.deleted"]).await?;
    assert_eq!(stage.proxy.seen().gone - before.gone, 1, "the watch was told 410");

    // Killed between keeping, publishing and letting go; each time something else happens while it is away.
    for (point, image, api) in [("watcher-kept", 3, "scaled"), ("watcher-published", 4, "deleted")] {
        signalbox.process()?.terminate(PATIENCE).await?;
        stage.start(&mut signalbox, Some(point)).await?;
        signalbox.ready().await?;
        stage.deploy("web", &format!("registry/app:{image}"), 2).await?;
        signalbox.process()?.was_killed(PATIENCE).await?;
        match api {
            "scaled" => stage.deploy("api", "registry/app:1", 5).await?,
            _ => stage.undeploy("api").await?,
        }
        stage.start(&mut signalbox, None).await?;
        signalbox.ready().await?;
        web.push("deployment.image-changed");
        hears(&signalbox, "shop/web", &web).await?;
    }
    hears(&signalbox, "shop/api", &["deployment.scaled", "deployment.deleted"]).await?;
    assert_eq!(said(&signalbox)?.len(), 3, "{:?}", said(&signalbox)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_watchers_one_speaks_and_one_that_slept_through_its_lease_says_nothing_twice()
-> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let (stage, nats) = tokio::try_join!(Stage::new(Plan::default()), Nats::start())?;
    stage.deploy("web", "registry/app:1", 0).await?;
    let (mut first, mut second) =
        (Signalbox::new("", Some(nats.url()))?, Signalbox::new("", Some(nats.url()))?);
    for signalbox in [&mut first, &mut second] {
        stage.start(signalbox, None).await?;
        signalbox.ready().await?;
    }
    let watches = stage.proxy.seen().watches;
    assert_eq!(watches, 1, "the second one stands by");
    stage.deploy("web", "registry/app:2", 0).await?;
    let mut web = vec!["deployment.image-changed"];
    hears(&second, "shop/web", &web).await?;

    // The holder of the lease sleeps: the other one takes over, with what happened meanwhile.
    first.process()?.signal(Signal::STOP)?;
    stage.deploy("web", "registry/app:2", 4).await?;
    web.push("deployment.scaled");
    hears(&second, "shop/web", &web).await?;
    // It wakes up with a watch that told it the same, and another one writes the state.
    first.process()?.signal(Signal::CONT)?;
    for (image, replicas, transition) in [(3, 4, "image-changed"), (3, 1, "scaled"), (4, 1, "image-changed")]
    {
        stage.deploy("web", &format!("registry/app:{image}"), replicas).await?;
        web.push(if transition == "scaled" { "deployment.scaled" } else { "deployment.image-changed" });
        hears(&second, "shop/web", &web).await?;
    }
    first.ready().await?;

    // And back, when that one is killed.
    second.process()?.kill9()?;
    stage.undeploy("web").await?;
    web.push("deployment.deleted");
    hears(&first, "shop/web", &web).await?;
    assert_eq!(said(&first)?.len(), 1, "{:?}", said(&first)?);
    Ok(())
}
