//! The service.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chassis::lease::{Fence, Leases};
use chassis::runner::{self, Standing};
use chassis::{Bus, Clock, Health, Metrics, Shutdown, Store, metrics};
use resources::source::{AlertsApi, Github, Sweep};
use resources::{Current, SourceKind};
use tokio::task::{AbortHandle, JoinSet};

use crate::keep::{Ports, Stop};
use crate::metrics::SweeperMetrics;
use crate::pulse::Pulse;
use crate::{alerts, deliveries};

/// Name of the readiness check of the ports; that of the lease has the name of the service.
const CHECK: &str = "sweeps";
/// How often it is looked whether the resources are others.
const LOOK: Duration = Duration::from_secs(1);

/// Looks after what Sources missed.
pub struct Sweeper {
    ports: Ports,
    catalog: Current,
    leases: Option<Arc<Leases>>,
    standing: Standing,
}

/// What is swept of a Source: when it changes, its sweeping begins anew.
#[derive(Clone, PartialEq, Eq)]
enum Swept {
    Deliveries(Box<(Github, Sweep)>),
    Alerts(AlertsApi),
}

/// The sweeping of one Source.
struct Running {
    what: Swept,
    /// None where GitHub cannot even be asked: it is tried again when the Source changes.
    task: Option<AbortHandle>,
}

impl Sweeper {
    /// Its name: that of the lease, the readiness check of the lease and the label.
    pub const NAME: &'static str = "sweeper";

    /// Registers the metrics and the readiness checks.
    ///
    /// # Errors
    /// When the metrics are registered already: there is one sweeper in a process.
    pub fn new(
        catalog: Current,
        bus: Arc<dyn Bus>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        health: &Health,
    ) -> Result<Self, metrics::Error> {
        let counts = SweeperMetrics::register(metrics.registry())?;
        let pulse = Arc::<Pulse>::default();
        let checked = pulse.clone();
        let standing = Standing::of(Self::NAME, Some(health));
        health.register(CHECK, move || {
            let verdict = checked.check();
            Box::pin(async { verdict })
        });
        let ports = Ports { bus, store, clock, metrics, counts, pulse };
        Ok(Self { ports, catalog, leases: None, standing })
    }

    /// Where several processes may run it: the one that has the lease is active.
    #[must_use]
    pub fn with_leases(mut self, leases: Option<Arc<Leases>>) -> Self {
        self.leases = leases;
        self
    }

    /// Sweeps until the shutdown, whatever is away meanwhile.
    ///
    /// # Errors
    /// When a record that was kept cannot be read: a person has to look.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let active = self.ports.metrics.active(Self::NAME);
        let (this, shutdown) = (&self, &shutdown);
        runner::alone(
            self.leases.clone(),
            Self::NAME,
            &active,
            &self.standing,
            shutdown,
            |fence: Fence| async move {
                tokio::select! {
                    ended = this.follow(&fence) => ended,
                    () = fence.lost() => Ok(()),
                    () = shutdown.triggered() => Ok(()),
                }
            },
        )
        .await
    }

    /// Sweeps what the catalog in force says, each Source by itself. The tasks end with the future.
    async fn follow(&self, fence: &Fence) -> anyhow::Result<()> {
        let mut tasks: JoinSet<(String, Stop)> = JoinSet::new();
        let mut running: BTreeMap<String, Running> = BTreeMap::new();
        loop {
            let wanted = self.wanted();
            self.ports.counts.sources.set(i64::try_from(wanted.len()).unwrap_or(i64::MAX));
            let before = running.len();
            running.retain(|name, running| {
                let stays = wanted.get(name) == Some(&running.what);
                if !stays && let Some(task) = &running.task {
                    task.abort();
                }
                stays
            });
            if before != running.len() || running.len() != wanted.len() {
                let kept: BTreeSet<String> = wanted.iter().map(|(name, what)| what.key(name)).collect();
                match self.ports.forget_others(|key| kept.contains(key)).await {
                    // Another process wrote: the next look sees to it.
                    Ok(()) | Err(Stop::Moved(_)) => {}
                    Err(stop @ Stop::Unreadable { .. }) => {
                        return Err(stop).context("the sweeper cannot go on");
                    }
                }
            }
            for (name, what) in wanted {
                if let Entry::Vacant(place) = running.entry(name) {
                    let task = self.begin(place.key(), &what, fence, &mut tasks);
                    place.insert(Running { what, task });
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                Some(ended) = tasks.join_next() => self.ended(ended, &mut running).await?,
            }
        }
    }

    async fn ended(
        &self,
        ended: Result<(String, Stop), tokio::task::JoinError>,
        running: &mut BTreeMap<String, Running>,
    ) -> anyhow::Result<()> {
        match ended {
            Ok((name, Stop::Moved(_))) => {
                tracing::debug!(source = name, "another process wrote: reading the record anew");
                running.remove(&name);
                tokio::time::sleep(LOOK).await;
                Ok(())
            }
            Ok((_, stop @ Stop::Unreadable { .. })) => Err(stop).context("the sweeper cannot go on"),
            Err(error) if error.is_cancelled() => Ok(()),
            Err(error) => Err(error).context("a sweep ended in a way that it never should"),
        }
    }

    fn wanted(&self) -> BTreeMap<String, Swept> {
        let catalog = self.catalog.get();
        let sources = catalog.sources.values().filter(|source| !source.retired);
        let swept = sources.filter_map(|source| {
            let what = match &source.kind {
                SourceKind::Github(github) => {
                    Swept::Deliveries(Box::new((github.clone(), github.sweep.clone()?)))
                }
                SourceKind::Alertmanager(alertmanager) => Swept::Alerts(alertmanager.api.clone()?),
                SourceKind::CloudEvents(_)
                | SourceKind::Gitea(_)
                | SourceKind::Gitlab(_)
                | SourceKind::Registry(_)
                | SourceKind::Argocd(_)
                | SourceKind::Generic(_)
                | SourceKind::Schedule(_) => return None,
            };
            Some((source.name.clone(), what))
        });
        swept.collect()
    }

    fn begin(
        &self,
        name: &str,
        what: &Swept,
        fence: &Fence,
        tasks: &mut JoinSet<(String, Stop)>,
    ) -> Option<AbortHandle> {
        let begun = match what.clone() {
            Swept::Deliveries(deliveries) => self.deliveries(name, *deliveries, fence, tasks),
            Swept::Alerts(api) => self.alerts(name, api, tasks),
        };
        let complain = |error: &anyhow::Error| {
            tracing::error!(source = name, error = format!("{error:#}"), "cannot be swept");
        };
        begun.inspect_err(complain).ok()
    }

    fn deliveries(
        &self,
        name: &str,
        (source, sweep): (Github, Sweep),
        fence: &Fence,
        tasks: &mut JoinSet<(String, Stop)>,
    ) -> anyhow::Result<AbortHandle> {
        let github = github::Github::of(&sweep.access, self.ports.clock.clone())?;
        let (ports, name, fence) = (self.ports.clone(), name.to_owned(), fence.clone());
        let round = deliveries::round::Round { ports, name: name.clone(), source, sweep, github, fence };
        Ok(tasks.spawn(async move { (name, round.run().await) }))
    }

    fn alerts(
        &self,
        name: &str,
        api: AlertsApi,
        tasks: &mut JoinSet<(String, Stop)>,
    ) -> anyhow::Result<AbortHandle> {
        let http = alerts::gather::client()?;
        let (ports, name) = (self.ports.clone(), name.to_owned());
        let round = alerts::round::Round { ports, name: name.clone(), api, http };
        Ok(tasks.spawn(async move { (name, round.run().await) }))
    }
}

impl Swept {
    /// The name of its record.
    fn key(&self, name: &str) -> String {
        match self {
            Self::Deliveries(_) => format!("github/{name}"),
            Self::Alerts(_) => format!("alertmanager/{name}"),
        }
    }
}
