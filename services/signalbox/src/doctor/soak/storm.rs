//! The kills, each at its point, and how long it takes until everything goes on.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

use super::cast::{Cast, Role};
use super::load::Load;
use super::plan::{Kill, Plan, Point, Victim};
use super::progress::Progress;

/// Without anything going on for this long, something is stuck: longer than any back-off that the plan provokes, than an
/// ack wait, and than a busy machine needs to start all processes.
pub const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Something was killed, and everything went on.
#[derive(Debug, Clone, Copy)]
pub struct Recovery {
    /// What was killed, or what else went wrong.
    pub what: &'static str,
    /// From its start until an event was accepted and an effect happened.
    pub took: Duration,
}

/// What watches a run while it goes on.
pub struct Watch<'a> {
    /// The processes.
    pub cast: &'a mut Cast,
    /// The deliveries.
    pub load: Arc<Load>,
    /// How far it has come.
    pub progress: Arc<Progress>,
    /// What was recovered from.
    pub recoveries: Vec<Recovery>,
}

impl Watch<'_> {
    /// Kills as the plan says.
    pub async fn storm(&mut self, plan: &Plan) -> anyhow::Result<()> {
        for kill in &plan.kills {
            self.reach(kill.at).await?;
            self.strike(kill).await?;
        }
        Ok(())
    }

    /// Waits for a point of the run; whoever ends by itself meanwhile is started again.
    pub async fn reach(&mut self, point: Point) -> anyhow::Result<()> {
        let (load, progress) = (self.load.clone(), self.progress.clone());
        let reached = move || match point {
            Point::Accepted(count) => progress.accepted_in_all() >= count || load.is_sent(),
            Point::Effects(count) => {
                let effects = progress.effects.load(std::sync::atomic::Ordering::SeqCst);
                effects >= count || (load.is_sent() && progress.under_way() == 0)
            }
        };
        self.until("go on", reached).await
    }

    /// Waits until it holds, as long as anything goes on.
    pub async fn until(&mut self, what: &str, holds: impl Fn() -> bool) -> anyhow::Result<()> {
        let (mut seen, mut since) = (self.progress.sum(), Instant::now());
        while !holds() {
            self.cast.look()?;
            if self.progress.sum() != seen {
                (seen, since) = (self.progress.sum(), Instant::now());
            }
            if since.elapsed() > PATIENCE {
                bail!(
                    "it did not {what}: nothing was accepted and nothing took effect for {} s",
                    PATIENCE.as_secs()
                );
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until an event is accepted that was sent after `then`, and an effect happens after it.
    pub async fn recovered(&mut self, what: &'static str, then: u64) -> anyhow::Result<()> {
        let (load, progress) = (self.load.clone(), self.progress.clone());
        let recovered = move || {
            let accepts = progress.accepts_since(then) || load.is_sent();
            accepts && (progress.acts_since(then) || progress.under_way() == 0)
        };
        self.until("recover", recovered).await?;
        let took = Duration::from_micros(self.progress.now().saturating_sub(then));
        self.recoveries.push(Recovery { what, took });
        Ok(())
    }

    async fn strike(&mut self, kill: &Kill) -> anyhow::Result<()> {
        let Kill { at: _, victim, down } = *kill;
        let cast = &mut *self.cast;
        match victim {
            Victim::Serve => cast.kill9(Role::Serve).await?,
            Victim::ServeStarting => {
                cast.kill9(Role::Serve).await?;
                cast.start_one(Role::Serve)?;
                // The instant within its start is what varies.
                tokio::time::sleep(down).await;
                cast.kill9(Role::Serve).await?;
            }
            Victim::Gateway => cast.kill9(Role::Gateway).await?,
            Victim::WorkerA => cast.kill9(Role::WorkerA).await?,
            Victim::WorkerB => cast.kill9(Role::WorkerB).await?,
            Victim::Workers => {
                cast.kill9(Role::WorkerA).await?;
                cast.kill9(Role::WorkerB).await?;
            }
            Victim::Nats => cast.kill9(Role::Nats).await?,
            Victim::NatsRestart => cast.terminate(Role::Nats).await?,
            Victim::Everything => cast.kill9_all().await?,
        }
        if victim != Victim::ServeStarting {
            tokio::time::sleep(down).await;
        }
        let then = self.progress.now();
        self.cast.start_all()?;
        self.recovered(victim.name(), then).await
    }
}
