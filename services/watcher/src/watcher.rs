//! The service.

use std::sync::Arc;
use std::time::Duration;

use chassis::{Bus, Clock, Health, Metrics, Shutdown, Store, metrics};
use futures::future::try_join_all;
use kube::{Api, Client};

use crate::apply::{Announcer, Ports};
use crate::metrics::WatcherMetrics;
use crate::pulse::Pulse;
use crate::scope::Scope;
use crate::watch::Watch;

/// Name of the readiness check.
const CHECK: &str = "argocd-watch";
/// How often all Applications are listed anew, whatever the watch says. Long enough to cost nothing (one request per 50
/// Applications), short enough that a change that no watch told is still news.
const RELIST: Duration = Duration::from_mins(15);

/// Announces the transitions of Argo CD's Applications.
pub struct Watcher {
    client: Client,
    namespaces: Vec<Option<String>>,
    ports: Ports,
    pulses: Vec<Arc<Pulse>>,
    relist: Duration,
}

impl Watcher {
    /// Registers the metrics and the readiness check; nothing is asked of the cluster yet.
    ///
    /// # Errors
    /// When the metrics are registered already: there is one watcher in a process.
    pub fn new(
        client: Client,
        scope: &Scope,
        bus: Arc<dyn Bus>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        health: &Health,
    ) -> Result<Self, metrics::Error> {
        let watcher_metrics = WatcherMetrics::register(metrics.registry())?;
        let namespaces: Vec<Option<String>> = match scope {
            Scope::All => vec![None],
            Scope::Namespaces(names) => names.iter().map(|name| Some(name.to_string())).collect(),
        };
        let pulses: Vec<Arc<Pulse>> =
            namespaces.iter().map(|namespace| Arc::new(Pulse::of(namespace.as_deref()))).collect();
        let checked = pulses.clone();
        health.register(CHECK, move || {
            let verdict = checked.iter().try_for_each(|pulse| pulse.check());
            Box::pin(async { verdict })
        });
        let ports = Ports { bus, store, clock, metrics, watcher_metrics };
        Ok(Self { client, namespaces, ports, pulses, relist: RELIST })
    }

    /// Lists all Applications anew this often (15 minutes, unless it is said).
    #[must_use]
    pub fn relist_every(mut self, interval: Duration) -> Self {
        self.relist = interval;
        self
    }

    /// Follows the Applications until the shutdown, whatever is away meanwhile.
    ///
    /// # Errors
    /// When a state that was kept cannot be read: a person has to look.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let Self { client, namespaces, ports, pulses, relist } = self;
        let watches = namespaces.into_iter().zip(pulses).map(|(namespace, pulse)| {
            let api = match &namespace {
                None => Api::all(client.clone()),
                Some(namespace) => Api::namespaced(client.clone(), namespace),
            };
            let announcer = Announcer::new(ports.clone(), pulse.clone(), namespace.as_deref());
            Watch { api, announcer, pulse, ports: ports.clone(), relist }.run(shutdown.clone())
        });
        try_join_all(watches).await?;
        Ok(())
    }
}
