//! The service.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chassis::lease::{Fence, Leases};
use chassis::runner::{self, Standing};
use chassis::{Bus, Clock, Health, Metrics, Shutdown, Store, metrics};
use chrono::{DateTime, Utc};
use resources::{Catalog, Current};

use crate::apply::{Ports, Stop, Ticker};
use crate::metrics::SchedulerMetrics;
use crate::pulse::Pulse;

/// Name of the readiness check of the ports; that of the lease has the name of the service.
const CHECK: &str = "schedules";
/// How often the clock is looked at, whatever the next tick: soon enough to see that it was set, or that the resources
/// are others, and too seldom to cost anything.
const LOOK: Duration = Duration::from_secs(1);

/// Announces the ticks of the schedules.
pub struct Scheduler {
    ports: Ports,
    catalog: Current,
    leases: Option<Arc<Leases>>,
    standing: Standing,
    look: Duration,
}

impl Scheduler {
    /// Its name: that of the lease, the readiness check of the lease and the label.
    pub const NAME: &'static str = "scheduler";

    /// Registers the metrics and the readiness checks.
    ///
    /// # Errors
    /// When the metrics are registered already: there is one scheduler in a process.
    pub fn new(
        catalog: Current,
        bus: Arc<dyn Bus>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        health: &Health,
    ) -> Result<Self, metrics::Error> {
        let counts = SchedulerMetrics::register(metrics.registry())?;
        let pulse = Arc::<Pulse>::default();
        let checked = pulse.clone();
        let standing = Standing::of(Self::NAME, Some(health));
        health.register(CHECK, move || {
            let verdict = checked.check();
            Box::pin(async { verdict })
        });
        let ports = Ports { bus, store, clock, metrics, counts, pulse };
        Ok(Self { ports, catalog, leases: None, standing, look: LOOK })
    }

    /// Where several processes may run it: the one that has the lease is active.
    #[must_use]
    pub fn with_leases(mut self, leases: Option<Arc<Leases>>) -> Self {
        self.leases = leases;
        self
    }

    /// Announces ticks until the shutdown, whatever is away meanwhile.
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
                    ended = this.follow(shutdown) => ended,
                    () = fence.lost() => Ok(()),
                }
            },
        )
        .await
    }

    async fn follow(&self, shutdown: &Shutdown) -> anyhow::Result<()> {
        loop {
            let mut ticker = Ticker::new(self.ports.clone());
            // A shutdown may come while the bus is away.
            let passing = async {
                ticker.load().await?;
                loop {
                    self.rest(self.pass(&mut ticker).await?).await;
                }
            };
            let stop: Stop = tokio::select! {
                stop = passing => match stop { Err(stop) => stop, Ok(never) => never },
                () = shutdown.triggered() => return Ok(()),
            };
            match stop {
                Stop::Moved(schedule) => {
                    tracing::debug!(schedule, "another process wrote: reading the records anew");
                    tokio::time::sleep(self.look).await;
                }
                Stop::Unreadable { .. } => return Err(stop).context("the scheduler cannot go on"),
            }
        }
    }

    async fn pass(&self, ticker: &mut Ticker) -> Result<Option<DateTime<Utc>>, Stop> {
        let catalog: Arc<Catalog> = self.catalog.get();
        ticker.pass(&catalog).await
    }

    /// Waits until the next tick, or until the next look if that comes first.
    async fn rest(&self, wakes: Option<DateTime<Utc>>) {
        let now = self.ports.clock.now();
        let until = wakes.and_then(|wakes| (wakes - now).to_std().ok()).unwrap_or(self.look);
        tokio::time::sleep(until.min(self.look)).await;
    }
}
