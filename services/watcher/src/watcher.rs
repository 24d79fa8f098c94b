//! The service.

use std::sync::Arc;
use std::time::Duration;

use chassis::{Bus, Clock, Health, Metrics, Shutdown, Store, metrics};
use futures::FutureExt as _;
use futures::future::{BoxFuture, try_join_all};
use kube::{Api, Client};

use crate::apply::{Announcer, Ports, Stop};
use crate::kinds::application::Applications;
use crate::metrics::WatcherMetrics;
use crate::pulse::Pulse;
use crate::scope::Scope;
use crate::watch::Watch;
use crate::watched::Watched;
use crate::watching::{KindOfObject, Watching};

/// Name of the readiness check for Argo CD's objects.
const ARGO_CD: &str = "argocd-watch";
/// How often everything is listed anew, whatever the watch says. Long enough to cost nothing (one request per page of
/// objects), short enough that a change that no watch told is still news.
const RELIST: Duration = Duration::from_mins(15);

/// Announces the transitions of what is watched.
pub struct Watcher {
    client: Client,
    ports: Ports,
    watches: Vec<Begin>,
    pulses: Vec<Arc<Pulse>>,
    relist: Duration,
}

/// Begins a watch, which goes on until the shutdown.
type Begin =
    Box<dyn Fn(Client, Ports, Duration, Shutdown) -> BoxFuture<'static, Result<(), Stop>> + Send + Sync>;

impl Watcher {
    /// Registers the metrics and the readiness check; nothing is asked of the cluster yet.
    ///
    /// # Errors
    /// When the metrics are registered already: there is one watcher in a process.
    pub fn new(
        client: Client,
        watching: &Watching,
        bus: Arc<dyn Bus>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        health: &Health,
    ) -> Result<Self, metrics::Error> {
        let watcher_metrics = WatcherMetrics::register(metrics.registry())?;
        let ports = Ports { bus, store, clock, metrics, watcher_metrics };
        let mut this = Self { client, ports, watches: Vec::new(), pulses: Vec::new(), relist: RELIST };
        for kind in &watching.kinds {
            match kind {
                KindOfObject::Applications => this.add(Applications::default(), &watching.argocd),
            }
        }
        let checked = this.pulses.clone();
        health.register(ARGO_CD, move || {
            let verdict = checked.iter().try_for_each(|pulse| pulse.check());
            Box::pin(async { verdict })
        });
        Ok(this)
    }

    /// Lists everything anew this often (15 minutes, unless it is said).
    #[must_use]
    pub fn relist_every(mut self, interval: Duration) -> Self {
        self.relist = interval;
        self
    }

    /// Follows the objects until the shutdown, whatever is away meanwhile.
    ///
    /// # Errors
    /// When a state that was kept cannot be read: a person has to look.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let Self { client, ports, watches, pulses: _, relist } = self;
        let watches =
            watches.iter().map(|begin| begin(client.clone(), ports.clone(), relist, shutdown.clone()));
        try_join_all(watches).await?;
        Ok(())
    }

    fn add<W: Watched>(&mut self, watched: W, scope: &Scope) {
        let watched = Arc::new(watched);
        let what = watched.what();
        let namespaces: Vec<Option<String>> = match scope {
            Scope::Namespaces(names) if what.namespaced => {
                names.iter().map(|name| Some(name.to_string())).collect()
            }
            Scope::All | Scope::Namespaces(_) => vec![None],
        };
        for namespace in namespaces {
            let pulse = Arc::new(Pulse::of(match &namespace {
                Some(namespace) => format!("{} in namespace {namespace}", what.several),
                None if what.namespaced => format!("{} in all namespaces", what.several),
                None => what.several.clone(),
            }));
            self.pulses.push(pulse.clone());
            self.watches.push(begin(watched.clone(), namespace, pulse));
        }
    }
}

fn begin<W: Watched>(watched: Arc<W>, namespace: Option<String>, pulse: Arc<Pulse>) -> Begin {
    Box::new(move |client, ports, relist, shutdown| {
        let (watched, pulse) = (watched.clone(), pulse.clone());
        let resource = &watched.what().resource;
        let api = match &namespace {
            None => Api::all_with(client, resource),
            Some(namespace) => Api::namespaced_with(client, namespace, resource),
        };
        let announcer = Announcer::new(watched.clone(), ports.clone(), pulse.clone(), namespace.as_deref());
        Watch { api, announcer, pulse, ports, relist }.run(shutdown).boxed()
    })
}
