#![doc = include_str!("../README.md")]

mod announce;
mod cluster;
mod commit;
mod decide;
mod deploy;
mod edit;
mod gather;
mod git;
mod image;
mod metrics;
mod observed;
mod plan;
mod precedence;
mod settings;
mod values;
mod verify;

use std::time::Duration;

use chassis::failure::Decision;
use chassis::{Context, Failure, Handler, Hears, Metrics, Outcome, Reconciled, Shutdown, failpoint};
use events::payload::deploy::Requested;
use events::{Envelope, Kind};
use resources::Current;

use cluster::Cluster;
use deploy::{End, Stopped};
use git::{Author, Repositories};

use metrics::{DeployMetrics, Ending};

pub use settings::Settings;

/// Fulfils requests to deploy.
pub struct Deployer {
    catalog: Current,
    cluster: Option<Cluster>,
    repositories: Repositories,
    author: Author,
    metrics: Option<DeployMetrics>,
    shutdown: Shutdown,
    /// Between two looks at a rollout.
    poll: Duration,
}

impl Deployer {
    /// A deployer of what `catalog` declares. Without `kube` it can only deploy to environments that name no Argo CD
    /// Application.
    pub fn new(catalog: Current, kube: Option<kube::Client>, settings: Settings) -> Self {
        let Settings { work_dir, author_name, author_email, git_timeout } = settings;
        Self {
            catalog,
            cluster: kube.map(Cluster::new),
            repositories: Repositories::new(work_dir, git_timeout),
            author: Author { name: author_name, email: author_email },
            metrics: None,
            shutdown: Shutdown::new(),
            poll: verify::POLL,
        }
    }

    /// Counts its deploys there.
    ///
    /// # Errors
    /// When another deployer counts there already.
    pub fn with_metrics(mut self, metrics: &Metrics) -> Result<Self, chassis::metrics::Error> {
        self.metrics = Some(DeployMetrics::register(metrics.registry())?);
        Ok(self)
    }

    /// Leaves off waiting for a rollout when this is triggered; the deploy goes on after the restart, where it was.
    /// Without it, a shutdown waits for the deploys that are under way.
    #[must_use]
    pub fn until(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }
}

impl Handler for Deployer {
    const NAME: &'static str = "deployer";
    const HEARS: &'static [Hears] = &[Hears::Kind(Kind::DeployRequested)];
    // Nearly all of the time a deploy waits for its pods, and those behind it should not wait with it.
    const CONCURRENCY: usize = 16;

    async fn handle(&self, event: &Envelope, cx: &Context) -> Result<Outcome, Failure> {
        let requested: Requested = event.payload().map_err(|error| {
            Failure::reject(anyhow::Error::new(error).context("the request to deploy cannot be read"))
        })?;
        // In the ledger as a whole: once a deploy has an end, a redelivery announces that end and no other. What was not
        // recorded is done again from the start, where the commit is found and not made twice.
        let absent = || async { Ok(Reconciled::Absent) };
        let end = cx.effect("end", absent, |_| self.to_the_end(&requested, event, cx)).await?;
        failpoint::hit("deployer.before-announce");
        Ok(Outcome::Done(vec![announce::ended(&requested, &end)]))
    }
}

impl Deployer {
    async fn to_the_end(
        &self,
        requested: &Requested,
        event: &Envelope,
        cx: &Context,
    ) -> Result<End, Failure> {
        let began = cx.now();
        let end = match self.deploy(requested, event, cx).await {
            Ok(end) => end,
            Err(stopped) => without_success(stopped, cx)?,
        };
        let took = cx.now() - began;
        tracing::info!(app = requested.app, environment = requested.environment, ?end, %took, "a deploy has ended");
        if let Some(metrics) = &self.metrics {
            metrics.ended(Ending::of(&end), took);
        }
        Ok(end)
    }
}

/// What will not get better, or has had all its attempts, ends as an event that people and automations hear of.
fn without_success(stopped: Stopped, cx: &Context) -> Result<End, Failure> {
    let Stopped { step, commit, failure } = stopped;
    let reason = match failure.decision {
        Decision::Reject => failure.to_string(),
        Decision::Rehearsed | Decision::Postpone => return Err(failure),
        Decision::Retry(_) if cx.attempt() < Deployer::ATTEMPTS => return Err(failure),
        Decision::Retry(_) => format!("given up after {} attempts: {failure}", cx.attempt()),
    };
    Ok(End::Failed { step, commit, reason })
}

#[cfg(test)]
mod tests;
