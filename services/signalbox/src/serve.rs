//! `signalbox serve`: open, build, listen, run, drain.

mod catalog;
mod reload;

use std::net::SocketAddr;
use std::path::Path;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use chassis::engine::OpenError;
use chassis::lease::Leases;
use chassis::{Bus, BusUrl, Clock, Engine, Health, Metrics, Shutdown, Store, SystemClock};
use kube::Client;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::exit::{Exit, OrStop as _, Stop};
use crate::kubernetes;
use crate::listen::{Door, Listener};
use crate::secret::{self, Advertised};
use crate::services::{self, Parts};
use crate::settings::{Service, Settings};
use crate::store::marker;

/// How long to look at a NATS server before the services begin, and between two looks at one that is away.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// The tasks of a process; each says who it is when it ends.
pub type Tasks = JoinSet<(&'static str, anyhow::Result<()>)>;

/// Runs the services until a signal.
pub async fn run(settings: Settings) -> Result<Exit, Stop> {
    let shutdown = Shutdown::new();
    shutdown.on_signals().context("cannot listen for signals")?;
    Server::start(settings, shutdown).await?.until_end().await
}

/// A running process.
pub struct Server {
    engine: Engine,
    tasks: Tasks,
    shutdown: Shutdown,
    drain: Duration,
    public: Option<SocketAddr>,
    private: SocketAddr,
    advertised: Option<Advertised>,
    /// Goes with the process.
    scratch: Option<TempDir>,
}

impl Server {
    /// Opens, builds, listens; what is wrong with the settings, the resources or the bus folder ends it here.
    pub async fn start(settings: Settings, shutdown: Shutdown) -> Result<Self, Stop> {
        let chosen = &settings.only;
        let loaded = catalog::load(&settings.config)?;
        let needs_cluster = chosen.has(Service::Watcher) || chosen.has(Service::Deployer);
        let kube = if needs_cluster { kubernetes::client(&settings.kubernetes).await? } else { None };
        if chosen.names(Service::Watcher) && kube.is_none() {
            return Err(Stop::with(
                Exit::Usage,
                anyhow!("the watcher needs a cluster: {}", services::HOW_TO_REACH_ONE),
            ));
        }
        let guard = catalog::Guard { cluster: kube.is_some(), deploys: chosen.has(Service::Deployer) };
        guard.check(&loaded).or_stop(Exit::Usage)?;

        let public = if chosen.has(Service::Gateway) {
            Some(Listener::bind(Door::Public, settings.listen.public).await?)
        } else {
            None
        };
        let private = Listener::bind(Door::Private, settings.listen.private).await?;
        if chosen.has(Service::Console) && matches!(settings.bus.0, BusUrl::Nats(_)) {
            // Said before anything is waited for; with an embedded bus, the token may be made in its folder.
            secret::api_token(&settings).or_stop(Exit::Usage)?;
        }
        let url = &settings.bus.0;
        let engine = Engine::open_as(url, settings.nats.access(chosen.user()), settings.limits()).await;
        let engine = engine.map_err(|error| unreachable(error, url))?;

        if reads_leases(&settings) && half_imported(&engine, url).await == Some(true) {
            engine.close().await;
            return Err(Stop::with(Exit::Unreachable, anyhow!(marker::HALF)));
        }
        let mut server = Self {
            engine,
            tasks: Tasks::new(),
            shutdown: shutdown.clone(),
            drain: settings.drain_timeout.0,
            public: public.as_ref().map(Listener::address),
            private: private.address(),
            advertised: None,
            scratch: None,
        };
        if let Err(stop) = server.build(&settings, loaded, guard, kube, public, private) {
            shutdown.trigger();
            server.drain().await;
            return Err(stop);
        }
        Ok(server)
    }

    fn build(
        &mut self,
        settings: &Settings,
        loaded: resources::Catalog,
        guard: catalog::Guard,
        kube: Option<Client>,
        public: Option<Listener>,
        private: Listener,
    ) -> Result<(), Stop> {
        let (metrics, health) = (Metrics::new(), Health::default());
        register_bus(&health, &self.engine.bus);
        self.engine.register(metrics.registry()).context("cannot register the metrics of the bus")?;
        let reload = reload::Reload::new(settings.config.clone(), guard, metrics.registry())?;
        let (sender, current) = resources::Current::channel(loaded);
        let handlers = health.clone();
        let parts = Parts {
            bus: self.engine.bus.clone(),
            store: self.engine.store.clone(),
            clock: Arc::new(SystemClock) as Arc<dyn Clock>,
            metrics,
            health,
            catalog: current,
            kube,
            shutdown: self.shutdown.clone(),
            options: chassis::runner::Options {
                ack_wait: settings.ack_wait.map(|wait| wait.0),
                leases: leases(&settings.bus.0, &self.engine.store),
                health: Some(handlers),
            },
        };
        if reads_leases(settings) {
            let (store, shutdown) = (self.engine.store.clone(), self.shutdown.clone());
            self.tasks.spawn(async move { ("bus", whole(store, shutdown).await) });
        }
        let running = services::spawn(settings, &parts, &mut self.tasks)?;
        self.scratch = running.scratch;
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            reload.run(sender, shutdown).await;
            ("reload", Ok(()))
        });
        // Before anybody is let in: whoever learns from the log that it listens can ask it.
        if let (BusUrl::Embedded(dir), true) = (&settings.bus.0, settings.only.has(Service::Console)) {
            match Advertised::write(dir, private.address()) {
                Ok(advertised) => self.advertised = Some(advertised),
                Err(error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "commands cannot find this process by its folder yet; it is tried again"
                    );
                    let (dir, address, shutdown) = (dir.clone(), private.address(), self.shutdown.clone());
                    self.tasks.spawn(async move { ("address", advertise(&dir, address, &shutdown).await) });
                }
            }
        }
        if let Some((listener, router)) = public.zip(running.public) {
            let serving = listener.serve(router, self.shutdown.clone());
            self.tasks.spawn(async move { ("public listener", serving.await) });
        }
        let serving = private.serve(running.private, self.shutdown.clone());
        self.tasks.spawn(async move { ("private listener", serving.await) });
        Ok(())
    }

    /// Where webhooks come in, if the gateway runs here.
    pub fn public(&self) -> Option<SocketAddr> {
        self.public
    }

    /// Where the API, metrics and health are.
    pub fn private(&self) -> SocketAddr {
        self.private
    }

    /// The log of events.
    pub fn bus(&self) -> &Arc<dyn Bus> {
        &self.engine.bus
    }

    /// The state.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.engine.store
    }

    /// Runs until shutdown; a service that ends by itself ends the others.
    pub async fn until_end(mut self) -> Result<Exit, Stop> {
        let ended = tokio::select! {
            () = self.shutdown.triggered() => None,
            Some(ended) = self.tasks.join_next() => Some(ended),
            // Never because of the disk: the bus tries again until it can write.
            () = self.engine.ended() => Some(Ok(("bus", Err(anyhow!("it takes no write any more; the log says why"))))),
        };
        let failure = match ended {
            _ if self.shutdown.is_triggered() => None,
            None => None,
            Some(Ok((name, Ok(())))) => Some(anyhow!("{name} ended by itself")),
            Some(Ok((name, Err(error)))) => Some(error.context(format!("{name} failed"))),
            Some(Err(error)) => Some(anyhow::Error::new(error).context("a service panicked")),
        };
        self.shutdown.trigger();
        self.drain().await;
        failure.map_or(Ok(Exit::Done), |error| Err(error.into()))
    }

    /// Waits for what is begun, but not for ever: what is cut off is delivered again after the next start.
    async fn drain(self) {
        let Self { engine, mut tasks, shutdown: _, drain, public: _, private: _, advertised, scratch } = self;
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                match ended {
                    Ok((_, Ok(()))) => {}
                    Ok((name, Err(error))) => {
                        tracing::error!(service = name, error = format!("{error:#}"), "ended with an error");
                    }
                    Err(error) => tracing::error!(%error, "a service panicked"),
                }
            }
        };
        match timeout(drain, all).await {
            Ok(()) => tracing::info!("drained"),
            Err(_elapsed) => tracing::warn!(
                unfinished = tasks.len(),
                seconds = drain.as_secs(),
                "not drained in time: what was begun is delivered again after the next start"
            ),
        }
        tasks.shutdown().await;
        drop((advertised, scratch));
        engine.close().await;
    }
}

/// Whether the user of these services on a NATS server may look for the mark of an import: those that ask for leases may.
fn reads_leases(settings: &Settings) -> bool {
    let handling =
        [Service::Scheduler, Service::Sweeper, Service::Automator, Service::Deployer, Service::Notifier];
    matches!(settings.bus.0, BusUrl::Embedded(_))
        || handling.into_iter().any(|service| settings.only.has(service))
}

/// Whether the bus holds half of an import; not known of a NATS server that is away, or of a folder on a full disk.
async fn half_imported(engine: &Engine, url: &BusUrl) -> Option<bool> {
    let found = marker::find(&*engine.store);
    match url {
        BusUrl::Embedded(_) => found.await.ok(),
        BusUrl::Nats(_) => timeout(FIRST_LOOK, found).await.ok()?.ok(),
    }
    .map(|marker| marker.is_some())
}

/// Ends when the bus turns out to hold half of an import: the server, or space, may come later than this process.
async fn whole(store: Arc<dyn Store>, shutdown: Shutdown) -> anyhow::Result<()> {
    loop {
        match marker::find(&*store).await {
            Ok(Some(_)) => return Err(anyhow!(marker::HALF)),
            Ok(None) => {
                shutdown.triggered().await;
                return Ok(());
            }
            Err(_) => tokio::select! {
                () = tokio::time::sleep(FIRST_LOOK) => {}
                () = shutdown.triggered() => return Ok(()),
            },
        }
    }
}

/// Writes down where this process is, when there is space for it, and takes it back at the end.
async fn advertise(dir: &Path, address: SocketAddr, shutdown: &Shutdown) -> anyhow::Result<()> {
    loop {
        if let Ok(_advertised) = Advertised::write(dir, address) {
            shutdown.triggered().await;
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(FIRST_LOOK) => {}
            () = shutdown.triggered() => return Ok(()),
        }
    }
}

/// On NATS, another process may run the same handlers: one of them at a time is active.
fn leases(url: &BusUrl, store: &Arc<dyn Store>) -> Option<Arc<Leases>> {
    match url {
        // The folder is locked.
        BusUrl::Embedded(_) => None,
        BusUrl::Nats(_) => {
            let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
            let holder = format!("{host}/{}/{}", std::process::id(), uuid::Uuid::new_v4().simple());
            Some(Arc::new(Leases::new(store.clone(), holder)))
        }
    }
}

fn register_bus(health: &Health, bus: &Arc<dyn Bus>) {
    let bus = bus.clone();
    health.register("bus", move || {
        let bus = bus.clone();
        Box::pin(async move { bus.check().await.map_err(|error| format!("{:#}", anyhow::Error::new(error))) })
    });
}

fn unreachable(error: OpenError, url: &BusUrl) -> Stop {
    if matches!(error, OpenError::Locked(_)) {
        let why = format!("cannot open {url}: one process at a time can have an embedded bus");
        return Stop::with(Exit::Unreachable, anyhow::Error::new(error).context(why));
    }
    Stop::unopened(error)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test plays the world")]
pub(crate) mod tests;
