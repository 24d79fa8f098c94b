//! The services, built from their parts.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use automator::Automator;
use axum::Router;
use chassis::replay::Replayable;
use chassis::runner::{self, Options, Ports};
use chassis::{Bus, BusUrl, Clock, Handler, Health, Metrics, Shutdown, Store, admin};
use console::{Auth, Console};
use deployer::Deployer;
use gateway::{Gateway, Limits};
use kube::Client;
use notifier::Notifier;
use scheduler::Scheduler;
use sweeper::Sweeper;
use tempfile::TempDir;
use watcher::Watcher;

use crate::exit::{Exit, OrStop as _, Stop};
use crate::secret;
use crate::serve::Tasks;
use crate::settings::{Author, Service, Settings};

/// Said wherever a cluster is missing.
pub const HOW_TO_REACH_ONE: &str =
    "set kubernetes.kubeconfig (SIGNALBOX_KUBERNETES__KUBECONFIG=…) or kubernetes.context, or run in a pod";

/// What services are made of.
pub struct Parts {
    pub bus: Arc<dyn Bus>,
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub metrics: Arc<Metrics>,
    pub health: Health,
    pub catalog: resources::Current,
    pub kube: Option<Client>,
    pub shutdown: Shutdown,
    pub options: Options,
}

/// What the services leave to be run and kept.
pub struct Running {
    /// Webhooks, if the gateway runs.
    pub public: Option<Router>,
    /// Health and metrics, and the API if the console runs.
    pub private: Router,
    /// A folder that goes with the process.
    pub scratch: Option<TempDir>,
}

/// Starts the chosen services.
pub fn spawn(settings: &Settings, parts: &Parts, tasks: &mut Tasks) -> Result<Running, Stop> {
    let admin = admin::router(parts.health.clone(), parts.metrics.clone());
    let mut running = Running { public: None, private: admin, scratch: None };
    for service in settings.only.iter() {
        match service {
            Service::Gateway => running.public = Some(gateway(parts, tasks)),
            Service::Watcher => watcher(settings, parts, tasks)?,
            Service::Scheduler => scheduler(parts, tasks)?,
            Service::Sweeper => sweeper(parts, tasks)?,
            Service::Automator => automator(parts, tasks)?,
            Service::Deployer => deployer(settings, parts, tasks, &mut running.scratch)?,
            Service::Notifier => notifier(parts, tasks)?,
            Service::Console => running.private = running.private.merge(console(settings, parts)?),
        }
    }
    let names: Vec<&str> = settings.only.iter().map(Service::name).collect();
    tracing::info!(services = names.join(","), bus = %settings.bus.0, version = env!("CARGO_PKG_VERSION"), "started");
    Ok(running)
}

/// Those that can be given events of the past again.
pub const HANDLERS: &[Replayable] =
    &[Replayable::of::<Automator>(), Replayable::of::<Deployer>(), Replayable::of::<Notifier>()];

fn gateway(parts: &Parts, tasks: &mut Tasks) -> Router {
    let Parts { bus, store, clock, metrics, catalog, shutdown, .. } = parts;
    let gateway =
        Gateway::new(bus.clone(), catalog.clone(), clock.clone(), metrics.clone(), Limits::default());
    let gateway = Arc::new(gateway);
    let keeping = gateway.clone().keep(store.clone(), shutdown.clone());
    tasks.spawn(async move {
        keeping.await;
        (Service::Gateway.name(), Ok(()))
    });
    gateway.router()
}

/// Without a cluster there is nothing to watch; whoever asked for the watcher by name was told before.
fn watcher(settings: &Settings, parts: &Parts, tasks: &mut Tasks) -> Result<(), Stop> {
    let Parts { bus, store, clock, metrics, health, kube, shutdown, options, .. } = parts;
    let Some(client) = kube.clone() else {
        tracing::info!("no cluster is configured: the watcher does not run");
        return Ok(());
    };
    let watching = settings.kubernetes.watching();
    let watcher =
        Watcher::new(client, &watching, bus.clone(), store.clone(), clock.clone(), metrics.clone(), health)?;
    let watcher = match &settings.kubernetes.volume_usage.0 {
        None => watcher,
        Some(usage) => watcher
            .with_usage(usage, &watching.namespaces, health)
            .context("cannot make an HTTP client for Prometheus")?,
    };
    let running = watcher.with_leases(options.leases.clone()).run(shutdown.clone());
    tasks.spawn(async move { (Service::Watcher.name(), running.await) });
    Ok(())
}

fn scheduler(parts: &Parts, tasks: &mut Tasks) -> Result<(), Stop> {
    let Parts { bus, store, clock, metrics, health, catalog, shutdown, options, .. } = parts;
    let (bus, store, clock) = (bus.clone(), store.clone(), clock.clone());
    let scheduler = Scheduler::new(catalog.clone(), bus, store, clock, metrics.clone(), health)?;
    let running = scheduler.with_leases(options.leases.clone()).run(shutdown.clone());
    tasks.spawn(async move { (Service::Scheduler.name(), running.await) });
    Ok(())
}

fn sweeper(parts: &Parts, tasks: &mut Tasks) -> Result<(), Stop> {
    let Parts { bus, store, clock, metrics, health, catalog, shutdown, options, .. } = parts;
    let (bus, store, clock) = (bus.clone(), store.clone(), clock.clone());
    let sweeper = Sweeper::new(catalog.clone(), bus, store, clock, metrics.clone(), health)?;
    let running = sweeper.with_leases(options.leases.clone()).run(shutdown.clone());
    tasks.spawn(async move { (Service::Sweeper.name(), running.await) });
    Ok(())
}

fn automator(parts: &Parts, tasks: &mut Tasks) -> Result<(), Stop> {
    let automator = Automator::new(parts.catalog.clone()).with_metrics(&parts.metrics)?;
    handler(automator, parts, tasks);
    Ok(())
}

fn deployer(
    settings: &Settings,
    parts: &Parts,
    tasks: &mut Tasks,
    scratch: &mut Option<TempDir>,
) -> Result<(), Stop> {
    let Parts { metrics, catalog, kube, shutdown, .. } = parts;
    let Author { name, email } = settings.deployer.author.clone();
    let options = deployer::Settings {
        author_name: name,
        author_email: email,
        ..deployer::Settings::new(work_dir(settings, scratch)?)
    };
    let deployer =
        Deployer::new(catalog.clone(), kube.clone(), options).with_metrics(metrics)?.until(shutdown.clone());
    handler(deployer, parts, tasks);
    Ok(())
}

/// The copies of GitOps repositories are a cache: beside an embedded bus they survive a restart, elsewhere they need not
/// (a folder of this process alone, that goes with it).
fn work_dir(settings: &Settings, scratch: &mut Option<TempDir>) -> anyhow::Result<PathBuf> {
    match (&settings.deployer.work_dir, &settings.bus.0) {
        (Some(dir), _) => Ok(dir.clone()),
        (None, BusUrl::Embedded(dir)) => Ok(dir.join("git")),
        (None, BusUrl::Nats(_)) => {
            let dir = tempfile::Builder::new().prefix("signalbox-git-").tempdir();
            let dir =
                dir.context("cannot make a temporary folder for clones (deployer.work_dir names another)")?;
            Ok(scratch.insert(dir).path().to_owned())
        }
    }
}

fn notifier(parts: &Parts, tasks: &mut Tasks) -> Result<(), Stop> {
    let http = notifier::http_client().context("cannot make the HTTP client of the notifier")?;
    let notifier = Notifier::new(parts.catalog.clone(), http, &parts.metrics, notifier::Settings::default());
    handler(notifier, parts, tasks);
    Ok(())
}

/// The token is read for each request where it can be, so that it can be rotated without a restart.
fn console(settings: &Settings, parts: &Parts) -> Result<Router, Stop> {
    let Parts { bus, store, clock, metrics, catalog, shutdown, .. } = parts;
    let token = secret::api_token(settings).or_stop(Exit::Usage)?;
    let auth = match &settings.api.token {
        Some(place) => Auth::tokens([place.into()]),
        None => Auth::fixed(token),
    };
    let console = Console::new(bus.clone(), store.clone(), clock.clone(), metrics, auth);
    let console = console.replaying(HANDLERS).declaring(catalog.clone()).until(shutdown.clone());
    Ok(Arc::new(console).router())
}

fn handler<H: Handler>(handler: H, parts: &Parts, tasks: &mut Tasks) {
    let Parts { bus, store, clock, metrics, shutdown, options, .. } = parts;
    let bound =
        Ports { bus: bus.clone(), store: store.clone(), clock: clock.clone(), metrics: metrics.clone() };
    let running = runner::run_with(Arc::new(handler), bound, options.clone(), shutdown.clone());
    tasks.spawn(async move { (H::NAME, running.await.map_err(anyhow::Error::new)) });
}
