//! The main job with everything real: a GitHub delivery that nobody here wrote, the gateway, the bus, the rule, a Git
//! repository, Argo CD on a Kubernetes API, pods, a chat; and why it happened.

use std::time::Duration;

use tests::eventually;
use tests::fixtures::{HEAD_SHA, WORKFLOW_RUN};
use tests::git::{FILE, Repository, VALUES_DEV};
use tests::nats::Nats;
use tests::receiver::Receiver;
use tests::signalbox::{Signalbox, Start};
use tests::world::{Argo, SECRET, TAG_TEMPLATE, resources};

use crate::cluster::{Cluster, shared, skipped};
use crate::rules;

/// A deploy with everything around it, on two cores that do much else.
const PATIENCE: Duration = Duration::from_mins(2);
/// What a crash costs on JetStream; the default would cost the tests ten times as long.
const ACK_WAIT: &str = "3s";

/// Which engine a story runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Embedded,
    JetStream,
}

/// One application on the cluster, and a program that deploys it.
struct Story {
    cluster: &'static Cluster,
    gitops: Repository,
    chat: Receiver,
    signalbox: Signalbox,
    kubeconfig: std::path::PathBuf,
    _nats: Option<Nats>,
    _secrets: tempfile::TempDir,
}

impl Story {
    /// `name` is the Application's, its namespace's and the service account's.
    async fn begin(name: &str, on: On, tag: &str, timeout: u32) -> anyhow::Result<Self> {
        let cluster = shared().await?;
        let (gitops, chat, secrets) = (Repository::start()?, Receiver::start().await?, tempfile::tempdir()?);
        let files = ["values.yaml", "values-dev.yaml"];
        let argocd = &cluster.argocd;
        argocd.application(&cluster.api, name, &gitops.url(), "applications/my-app", &files, name).await?;
        argocd.healthy(&cluster.api, name).await?;
        let argo = Argo { application: name, timeout, hold: 2 };
        let text = resources(secrets.path(), &gitops, chat.url(), Some(argo), tag)?;
        let nats = if on == On::JetStream { Some(Nats::start().await?) } else { None };
        let signalbox = Signalbox::new(&text, nats.as_ref().map(Nats::url))?;
        // Not the administrator: what the program may not do, it must not need.
        let kubeconfig = cluster.api.kubeconfig_for(name, rules::of_the_program()).await?;
        Ok(Self { cluster, gitops, chat, signalbox, kubeconfig, _nats: nats, _secrets: secrets })
    }

    async fn serve(&mut self, kill_at: Option<&str>) -> anyhow::Result<()> {
        let mut environment = vec![
            ("SIGNALBOX_KUBERNETES__KUBECONFIG".to_owned(), self.kubeconfig.display().to_string()),
            ("SIGNALBOX_ACK_WAIT".to_owned(), ACK_WAIT.to_owned()),
        ];
        environment.extend(kill_at.map(|point| ("SIGNALBOX_KILL_AT".to_owned(), point.to_owned())));
        self.signalbox.start(Start { environment, ..Start::default() }).await?;
        self.signalbox.ready().await
    }

    async fn deliver(&self, id: &str) -> anyhow::Result<()> {
        let (status, text) = self.signalbox.deliver(SECRET, "workflow_run", id, WORKFLOW_RUN).await?;
        anyhow::ensure!(status == 202, "{status}: {text}");
        Ok(())
    }

    /// Waits for the message in the chat and returns its text.
    async fn told(&self) -> anyhow::Result<String> {
        eventually(PATIENCE, "people are told", async || {
            let posted = self.chat.posted();
            let Some(message) = posted.first() else {
                anyhow::bail!(
                    "nothing was posted; the log:\n{}",
                    self.signalbox.output(&["events", "tail", "--no-follow"])?
                )
            };
            Ok(message.json()?.to_string())
        })
        .await
    }

    /// How many events of a type are in the log.
    fn count(&self, ty: &str) -> anyhow::Result<usize> {
        Ok(self.signalbox.output(&["events", "tail", "--no-follow", "--json", "--type", ty])?.lines().count())
    }

    /// Waits until the log says that the message was sent, and nothing more comes.
    async fn over(&self) -> anyhow::Result<()> {
        eventually(PATIENCE, "the story is over", async || {
            anyhow::ensure!(self.count("io.signalbox.notification.sent.v1")? == 1, "nothing is sent yet");
            Ok(())
        })
        .await
    }
}

/// What differs from run to run, made the same: ids, commits, times, the ports and names of this story.
fn redacted(story: &str, name: &str) -> String {
    let mut text = String::new();
    // The times stand in a column that is as wide as the longest.
    let first = story.lines().find(|line| line.trim_start().starts_with('+')).unwrap_or_default();
    let width = first.len() - first.trim_start().trim_start_matches(|c: char| c != ' ').len();
    for line in story.lines() {
        let line = match line.split_at_checked(width) {
            Some((time, rest)) if time.trim_start().starts_with('+') => format!("+<time>{rest}"),
            Some((space, rest)) if space.trim().is_empty() => format!("       {rest}"),
            Some(_) | None => line.to_owned(),
        };
        let words = line.split(' ').map(|word| {
            let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            let hex = bare.len() >= 7 && bare.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
            let time = bare.len() >= 2
                && bare.starts_with(|c: char| c.is_ascii_digit())
                && (bare.ends_with("ms") || bare.ends_with('s') || bare.contains(':'))
                && bare.bytes().all(|b| b.is_ascii_digit() || b".:msTZ-".contains(&b));
            if hex && !HEAD_SHA.starts_with(bare) {
                word.replace(bare, "<id>")
            } else if time {
                word.replace(bare, "<time>")
            } else {
                word.replace(name, "<app>")
            }
        });
        // With all its spaces: they are the shape of the tree.
        let line = words.collect::<Vec<_>>().join(" ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

async fn from_delivery_to_message(name: &str, on: On) -> anyhow::Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut story = Story::begin(name, on, TAG_TEMPLATE, 60).await?;
    story.serve(None).await?;
    story.deliver("a-delivery").await?;
    story.deliver("a-delivery").await?;
    let told = story.told().await?;
    assert!(told.contains("my-app in dev: runs"), "{told}");
    story.over().await?;

    // One commit, which names the event and changes nothing but the tag.
    let messages = story.gitops.messages()?;
    assert_eq!(messages.len(), 2, "{messages:?}");
    let request = story.signalbox.output(&[
        "events",
        "tail",
        "--no-follow",
        "--json",
        "--type",
        "io.signalbox.deploy.requested.v1",
    ])?;
    let request: serde_json::Value = serde_json::from_str(&request)?;
    let id = request["id"].as_str().unwrap_or_default();
    assert!(messages[0].contains(&format!("Signalbox-Event: {id}")), "{}", messages[0]);
    let tag = &HEAD_SHA[..7];
    assert_eq!(story.gitops.file(FILE)?, VALUES_DEV.replace("0000000", tag));
    story.cluster.argocd.healthy(&story.cluster.api, name).await?;
    assert_eq!(story.chat.posted().len(), 1);

    // And anyone can see why.
    let told = redacted(&story.signalbox.output(&["events", "story", "a-delivery"])?, name);
    let golden = include_str!("golden/story.txt");
    if std::env::var_os("SIGNALBOX_UPDATE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/cluster/golden/story.txt"), &told)?;
    } else {
        assert_eq!(told, golden, "the story is told otherwise:\n{told}");
    }
    // The watcher saw the Application change, with the rights of its own account.
    assert!(story.count("io.argoproj.application.*")? > 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_becomes_a_healthy_deploy_and_a_message_on_nats() -> anyhow::Result<()> {
    from_delivery_to_message("story-nats", On::JetStream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_becomes_a_healthy_deploy_and_a_message_on_the_embedded_bus() -> anyhow::Result<()> {
    from_delivery_to_message("story-embedded", On::Embedded).await
}

async fn killed_at(point: &str, on: On) -> anyhow::Result<()> {
    let name =
        format!("killed-{}-{}", point.replace("deployer.", ""), if on == On::Embedded { "e" } else { "j" });
    if skipped() {
        return Ok(());
    }
    let mut story = Story::begin(&name, on, TAG_TEMPLATE, 60).await?;
    story.serve(Some(point)).await?;
    story.deliver("a-delivery").await?;
    story.signalbox.process()?.was_killed(PATIENCE).await?;
    assert_eq!(story.chat.posted().len(), 0, "it was killed too late");
    story.serve(None).await?;
    let told = story.told().await?;
    assert!(told.contains("my-app in dev: runs"), "{told}");
    story.over().await?;
    let messages = story.gitops.messages()?;
    assert_eq!(messages.len(), 2, "one commit beside the first: {messages:?}");
    assert_eq!(story.count("io.signalbox.deploy.succeeded.v1")?, 1);
    assert_eq!(story.count("io.signalbox.deploy.failed.v1")?, 0);
    assert_eq!(story.chat.posted().len(), 1);
    assert_eq!(story.signalbox.output(&["dead", "list", "--json"])?, "");
    Ok(())
}

/// Declares a kill at each step, on both engines.
macro_rules! killed {
    ($($name:ident: $point:literal),* $(,)?) => {
        mod killed_on_nats {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> {
                super::killed_at($point, super::On::JetStream).await
            })*
        }
        mod killed_on_the_embedded_bus {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> {
                super::killed_at($point, super::On::Embedded).await
            })*
        }
    };
}
killed!(
    before_the_commit: "deployer.before-commit",
    after_the_commit: "deployer.after-commit",
    after_the_push: "deployer.after-push",
    before_the_announcement: "deployer.before-announce",
);

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_image_ends_in_a_failed_deploy_that_says_why() -> anyhow::Result<()> {
    let name = "story-broken";
    if skipped() {
        return Ok(());
    }
    let mut story =
        Story::begin(name, On::Embedded, "broken-{{ data.workflow_run.head_sha[:7] }}", 20).await?;
    story.serve(None).await?;
    story.deliver("a-delivery").await?;
    let message = story.told().await?;
    assert!(message.contains("my-app in dev") && message.contains("ImagePullBackOff"), "{message}");
    assert_eq!(story.count("io.signalbox.deploy.failed.v1")?, 1);
    assert_eq!(story.count("io.signalbox.deploy.succeeded.v1")?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_by_somebody_else_is_neither_lost_nor_overwritten() -> anyhow::Result<()> {
    let name = "story-concurrent";
    if skipped() {
        return Ok(());
    }
    let mut story = Story::begin(name, On::Embedded, TAG_TEMPLATE, 60).await?;
    // Killed with its commit made and not pushed; meanwhile somebody pushes to the same file.
    story.serve(Some("deployer.after-commit")).await?;
    story.deliver("a-delivery").await?;
    story.signalbox.process()?.was_killed(PATIENCE).await?;
    let theirs = VALUES_DEV.replace("replicas: 2", "replicas: 3");
    story.gitops.push_as("Somebody", "More replicas", &[(FILE, &theirs)])?;
    story.serve(None).await?;
    let told = story.told().await?;
    assert!(told.contains("my-app in dev: runs"), "{told}");
    assert_eq!(story.gitops.file(FILE)?, theirs.replace("0000000", &HEAD_SHA[..7]));
    assert_eq!(story.gitops.messages()?.len(), 3);
    Ok(())
}
