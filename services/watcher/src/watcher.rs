//! The service.

use std::sync::Arc;
use std::time::Duration;

use chassis::lease::{Fence, Leases};
use chassis::runner::{self, Standing};
use chassis::{Bus, Clock, Health, Metrics, Shutdown, Store, metrics};
use events::payload::workload::WorkloadKind;
use futures::FutureExt as _;
use futures::future::{BoxFuture, try_join_all};
use kube::{Api, Client};

use crate::apply::{Announcer, Ports, Stop};
use crate::kinds::application::Applications;
use crate::kinds::autoscaler::Autoscalers;
use crate::kinds::cron_job::CronJobs;
use crate::kinds::custom::Customs;
use crate::kinds::job::Jobs;
use crate::kinds::namespace::Namespaces;
use crate::kinds::node::Nodes;
use crate::kinds::pod::Pods;
use crate::kinds::project::Projects;
use crate::kinds::volume_claim::VolumeClaims;
use crate::kinds::volume_snapshot::VolumeSnapshots;
use crate::kinds::volume_usage::VolumeUsages;
use crate::kinds::warning::Warnings;
use crate::kinds::workload::Workloads;
use crate::metrics::WatcherMetrics;
use crate::prometheus::Prometheus;
use crate::pulse::Pulse;
use crate::scope::Scope;
use crate::usage::{Poll, Usage};
use crate::watch::Watch;
use crate::watched::Watched;
use crate::watching::{KindOfObject, Watching};

/// Name of the readiness check for Argo CD's objects.
const ARGO_CD: &str = "argocd-watch";
/// Name of the one for all other objects.
const KUBERNETES: &str = "kubernetes-watch";
/// Name of the one for how full volumes are.
const VOLUME_USAGE: &str = "volume-usage";
/// How often everything is listed anew, whatever the watch says. Long enough to cost nothing (one request per page of
/// objects), short enough that a change that no watch told is still news.
const RELIST: Duration = Duration::from_mins(15);

/// Announces the transitions of what is watched.
pub struct Watcher {
    client: Client,
    ports: Ports,
    watches: Vec<Begin>,
    /// Each with whether it is of Argo CD.
    pulses: Vec<(bool, Arc<Pulse>)>,
    relist: Duration,
    leases: Option<Arc<Leases>>,
    standing: Standing,
}

/// Begins a watch, which goes on until the shutdown.
type Begin =
    Box<dyn Fn(Client, Ports, Duration, Shutdown) -> BoxFuture<'static, Result<(), Stop>> + Send + Sync>;

impl Watcher {
    /// Its name: that of the lease, its readiness check and the label.
    pub const NAME: &str = "watcher";

    /// Registers the metrics and the readiness checks; nothing is asked of the cluster yet.
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
        let mut this = Self {
            client,
            ports,
            watches: Vec::new(),
            pulses: Vec::new(),
            relist: RELIST,
            leases: None,
            standing: Standing::default(),
        };
        for kind in &watching.kinds {
            this.add_kind(*kind, watching);
        }
        for custom in &watching.custom {
            this.add(Customs::new(custom.clone()), custom.scope.as_ref().unwrap_or(&watching.namespaces));
        }
        for (name, argocd) in [(ARGO_CD, true), (KUBERNETES, false)] {
            let of_this =
                |(of_argocd, pulse): &(bool, Arc<Pulse>)| (*of_argocd == argocd).then(|| pulse.clone());
            let checked: Vec<Arc<Pulse>> = this.pulses.iter().filter_map(of_this).collect();
            if !checked.is_empty() {
                health.register(name, move || {
                    let verdict = checked.iter().try_for_each(|pulse| pulse.check());
                    Box::pin(async { verdict })
                });
            }
        }
        this.standing = Standing::of(Self::NAME, Some(health));
        Ok(this)
    }

    /// Says also which volumes are nearly full.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub fn with_usage(mut self, usage: &Usage, scope: &Scope, health: &Health) -> reqwest::Result<Self> {
        let Usage { prometheus, token, nearly_full, relieved, every } = usage.clone();
        let prometheus = Arc::new(Prometheus::new(&prometheus, token)?);
        let watched = Arc::new(VolumeUsages::new(nearly_full, relieved));
        let pulse = Arc::new(Pulse::of(watched.what().several.clone()));
        self.pulses.push((false, pulse.clone()));
        let (checked, scope) = (pulse.clone(), scope.clone());
        health.register(VOLUME_USAGE, move || {
            let verdict = checked.check();
            Box::pin(async { verdict })
        });
        self.watches.push(Box::new(move |_client, ports, _relist, shutdown| {
            let announcer = Announcer::new(watched.clone(), ports.clone(), pulse.clone(), None);
            let (prometheus, pulse, scope) = (prometheus.clone(), pulse.clone(), scope.clone());
            Poll { prometheus, announcer, pulse, ports, scope, every }.run(shutdown).boxed()
        }));
        Ok(self)
    }

    /// Lists everything anew this often (15 minutes, unless it is said).
    #[must_use]
    pub fn relist_every(mut self, interval: Duration) -> Self {
        self.relist = interval;
        self
    }

    /// Of several processes, the one that has the lease does the work; the others stand by.
    #[must_use]
    pub fn with_leases(mut self, leases: Option<Arc<Leases>>) -> Self {
        self.leases = leases;
        self
    }

    /// Follows the objects until the shutdown, whatever is away meanwhile.
    ///
    /// # Errors
    /// When a state that was kept cannot be read: a person has to look.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let active = self.ports.metrics.active(Self::NAME);
        let (this, until) = (&self, &shutdown);
        // Who has not got the lease by now stands by; before, it is not known who follows the objects.
        let stand_by = async {
            tokio::time::sleep(2 * Leases::beat()).await;
            if active.get() == 0 {
                this.pulses.iter().for_each(|(_, pulse)| pulse.stands_by(true));
            }
            std::future::pending::<()>().await;
        };
        let work = |fence: Fence| async move {
            this.pulses.iter().for_each(|(_, pulse)| pulse.stands_by(false));
            // What is under way when the lease is lost is cut off: the next holder publishes what is kept, and what this
            // one had begun to write is no longer the state that it compared with.
            let ended = tokio::select! {
                ended = this.follow(until) => ended,
                () = fence.lost() => Ok(()),
            };
            this.pulses.iter().for_each(|(_, pulse)| pulse.stands_by(true));
            ended
        };
        tokio::select! {
            ended = runner::alone(this.leases.clone(), Self::NAME, &active, &this.standing, until, work) => ended,
            () = stand_by => Ok(()),
        }
    }

    async fn follow(&self, shutdown: &Shutdown) -> anyhow::Result<()> {
        let Self { client, ports, watches, pulses: _, relist, leases: _, standing: _ } = self;
        let watches =
            watches.iter().map(|begin| begin(client.clone(), ports.clone(), *relist, shutdown.clone()));
        try_join_all(watches).await?;
        Ok(())
    }

    fn add_kind(
        &mut self,
        kind: KindOfObject,
        Watching { kinds: _, argocd, namespaces, custom: _, patience }: &Watching,
    ) {
        use KindOfObject as K;
        let patience = *patience;
        match kind {
            K::Applications => self.add(Applications::default(), argocd),
            K::AppProjects => self.add(Projects::default(), argocd),
            K::Deployments => self.add(Workloads::of(WorkloadKind::Deployment, patience), namespaces),
            K::StatefulSets => self.add(Workloads::of(WorkloadKind::StatefulSet, patience), namespaces),
            K::DaemonSets => self.add(Workloads::of(WorkloadKind::DaemonSet, patience), namespaces),
            K::Pods => self.add(Pods::new(patience), namespaces),
            K::Nodes => self.add(Nodes::new(patience), namespaces),
            K::Jobs => self.add(Jobs::default(), namespaces),
            K::CronJobs => self.add(CronJobs::new(patience), namespaces),
            K::PersistentVolumeClaims => self.add(VolumeClaims::new(patience), namespaces),
            K::HorizontalPodAutoscalers => self.add(Autoscalers::new(patience), namespaces),
            K::Namespaces => self.add(Namespaces::default(), namespaces),
            K::Events => self.add(Warnings::default(), namespaces),
            K::VolumeSnapshots => self.add(VolumeSnapshots::default(), namespaces),
        }
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
            self.pulses.push((what.resource.group == "argoproj.io", pulse.clone()));
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
