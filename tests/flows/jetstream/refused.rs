//! The server no longer lets a handler have its events: the readiness says so, and says when it does again.

use std::sync::Arc;

use async_nats::jetstream::consumer::{self, AckPolicy};
use chassis::runner::{self, Options, Ports};
use chassis::{BusError, Context, Engine, Failure, Handler, Health, Hears, Outcome, Shutdown};
use events::Envelope;
use tests::nats::{Config, Nats};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{PATIENCE, World, keyed};
use crate::conformance::ports;

const NAME: &str = "confined";

struct Confined(mpsc::UnboundedSender<String>);

impl Handler for Confined {
    const NAME: &'static str = NAME;
    const HEARS: &'static [Hears] = &[Hears::Glob("t.*")];

    async fn handle(&self, event: &Envelope, _cx: &Context) -> Result<Outcome, Failure> {
        let _ = self.0.send(event.id().to_owned());
        Ok(Outcome::Done(Vec::new()))
    }
}

/// A process with the handler.
struct Process {
    engine: Engine,
    health: Health,
    heard: mpsc::UnboundedReceiver<String>,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), BusError>>,
}

impl Process {
    async fn start(nats: &Nats) -> anyhow::Result<Self> {
        let engine = Engine::open(&nats.url().parse()?).await?;
        super::ready(&engine).await?;
        let (health, shutdown) = (Health::default(), Shutdown::new());
        let (sender, heard) = mpsc::unbounded_channel();
        let options = Options { health: Some(health.clone()), ..Options::default() };
        let bound: Ports = ports(&engine);
        let handler = Arc::new(Confined(sender));
        let task = tokio::spawn(runner::run_with(handler, bound, options, shutdown.clone()));
        Ok(Self { engine, health, heard, shutdown, task })
    }

    async fn handles(&mut self, id: &str) -> anyhow::Result<()> {
        tests::eventually(PATIENCE, "it is published", async || {
            Ok(self.engine.bus.publish(&keyed(id, "k")).await?)
        })
        .await?;
        // A server that was killed may have forgotten the last acknowledgement: that one comes once more.
        while tokio::time::timeout(PATIENCE, self.heard.recv()).await?.as_deref() != Some(id) {}
        Ok(())
    }

    /// Waits until the readiness names the handler and says that; `None`: until it is ready.
    async fn says(&self, because: Option<&str>) -> anyhow::Result<()> {
        tests::eventually(PATIENCE * 2, &format!("the readiness says {because:?}"), async || {
            let report = self.health.ready().await;
            let said =
                report.checks.iter().find(|check| check.name == NAME).and_then(|check| check.error.clone());
            match (because, &said) {
                (None, None) => Ok(()),
                (Some(because), Some(said)) if said.contains(because) => Ok(()),
                _ => anyhow::bail!("it says {said:?}"),
            }
        })
        .await
    }

    async fn end(self) -> anyhow::Result<()> {
        self.shutdown.trigger();
        Ok(self.task.await??)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_may_not_pull_any_more_is_not_ready_until_it_may() -> anyhow::Result<()> {
    let mut nats = Nats::start().await?;
    let mut process = Process::start(&nats).await?;
    process.handles("1").await?;
    process.says(None).await?;
    let denied = format!(
        "authorization {{ default_permissions: {{ publish: {{ deny: [\"$JS.API.CONSUMER.MSG.NEXT.SIGNALBOX.{NAME}\"] }} }}\n\
         users: [ {{ user: a, password: a }} ] }}\nno_auth_user: a"
    );
    nats.restart(Config::lines(denied)).await?;
    // The bus itself is well: only this is refused.
    super::ready(&process.engine).await?;
    process.says(Some("Permissions Violation")).await?;
    nats.restart(Config::default()).await?;
    // Also when there is nothing for it.
    process.says(None).await?;
    process.handles("2").await?;
    process.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_durable_that_somebody_made_otherwise_is_named_until_it_is_gone() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut process = Process::start(&world.nats).await?;
    process.handles("1").await?;
    let log = world.log().await?;
    // The process makes its own again when it is first.
    tests::eventually(PATIENCE, "theirs is there", async || {
        let _ = log.delete_consumer(NAME).await;
        let config = consumer::pull::Config {
            durable_name: Some(NAME.to_owned()),
            ack_policy: AckPolicy::None,
            ..consumer::pull::Config::default()
        };
        Ok(log.create_consumer_strict(config).await.map(|_| ())?)
    })
    .await?;
    process.says(Some("ack_policy is None, not Explicit")).await?;
    log.delete_consumer(NAME).await?;
    process.says(None).await?;
    process.handles("2").await?;
    process.end().await
}
