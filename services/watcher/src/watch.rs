//! One watch: the stream of Kubernetes, begun anew whenever it is not to be trusted.
//!
//! kube's watcher goes on by itself after an orderly end of a connection. After an error, the stream is dropped and the
//! objects are listed anew: an error can mean a change that was not delivered (for example one that could not be
//! decoded), and the end of the next list is the one sure sign that all is well again. The list is also repeated at an
//! interval, for what no watch tells (a cluster that was restored from a snapshot goes back in time in silence).

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chassis::{Shutdown, backoff};
use futures::StreamExt as _;
use kube::Api;
use kube::runtime::watcher::{self, watcher};
use tokio::time::Instant;

use crate::apply::{Announcer, Ports, Stop};
use crate::gather::Object;
use crate::pulse::Pulse;
use crate::watched::{Watched, What};

/// A stream that lived this long was healthy: the next failure is a first one.
const STEADY: Duration = Duration::from_mins(2);
/// The clock is looked at at least this often while something waits for its time.
const GLANCE: Duration = Duration::from_mins(1);
/// The resource version is older than what the API server remembers.
const GONE: u16 = 410;

/// Follows the objects of one kind, in one namespace or in all.
pub struct Watch<W: Watched> {
    pub api: Api<Object<W::Body>>,
    pub announcer: Announcer<W>,
    pub pulse: Arc<Pulse>,
    pub ports: Ports,
    /// How often everything is listed anew.
    pub relist: Duration,
}

/// Why a stream was left.
enum Left {
    /// It is time for a new list.
    Due,
    /// The API server has forgotten where we were.
    Expired,
    /// Something else than we wrote the state.
    Moved(Stop),
    /// The objects cannot be followed.
    Broken(watcher::Error),
}

impl<W: Watched> Watch<W> {
    /// Follows them until the shutdown. An error is one that only a person can mend.
    pub async fn run(mut self, shutdown: Shutdown) -> Result<(), Stop> {
        let mut failures = 0;
        loop {
            let begun = Instant::now();
            let left = tokio::select! {
                biased;
                // Wherever it stands: what is kept and not yet published is published at the next start.
                () = shutdown.triggered() => return Ok(()),
                left = self.follow() => left?,
            };
            failures = if begun.elapsed() > STEADY { 1 } else { failures + 1 };
            match &left {
                Left::Due => {
                    failures = 0;
                    continue;
                }
                Left::Expired => tracing::info!("the watch has expired; listing the {} anew", self.several()),
                Left::Moved(stop) => {
                    tracing::info!(error = stop as &dyn Error, "reading the state anew");
                }
                Left::Broken(error) => self.broken(error, failures),
            }
            tokio::select! {
                () = shutdown.triggered() => return Ok(()),
                () = tokio::time::sleep(backoff::after_trouble(failures)) => {}
            }
        }
    }

    async fn follow(&mut self) -> Result<Left, Stop> {
        match self.follow_until_stopped().await {
            Err(stop @ Stop::Moved(_)) => Ok(Left::Moved(stop)),
            Err(stop @ (Stop::Unreadable { .. } | Stop::Stray { .. })) => Err(stop),
            Ok(left) => Ok(left),
        }
    }

    async fn follow_until_stopped(&mut self) -> Result<Left, Stop> {
        self.announcer.load().await?;
        let mut stream = pin!(watcher(self.api.clone(), self.config()));
        let mut due = pin!(tokio::time::sleep(self.relist));
        loop {
            let event = tokio::select! {
                biased;
                () = &mut due, if !self.announcer.is_listing() => return Ok(Left::Due),
                () = self.time_passes(), if !self.announcer.is_listing() => {
                    self.announcer.wake().await?;
                    continue;
                }
                event = stream.next() => event,
            };
            match event {
                Some(Ok(event)) => self.announcer.heed(event).await?,
                Some(Err(error)) if is_expired(&error) => return Ok(Left::Expired),
                Some(Err(error)) => return Ok(Left::Broken(error)),
                // kube's watcher does not end; if it did, a new one would be right.
                None => return Ok(Left::Expired),
            }
        }
    }

    fn config(&self) -> watcher::Config {
        let What { page, fields, .. } = self.announcer.watched().what();
        let config = watcher::Config::default().page_size(*page);
        match fields {
            None => config,
            Some(fields) => config.fields(fields),
        }
    }

    /// Resolves when time alone may have changed something.
    async fn time_passes(&self) {
        let Some(at) = self.announcer.wakes_at() else { return std::future::pending().await };
        let wait = (at - self.ports.clock.now()).to_std().unwrap_or_default();
        // The clock of the machine may be set meanwhile.
        tokio::time::sleep(wait.min(GLANCE)).await;
    }

    fn several(&self) -> &str {
        &self.announcer.watched().what().several
    }

    fn broken(&self, error: &watcher::Error, failures: u32) {
        self.ports.watcher_metrics.broken.inc();
        let why = explain(error, self.announcer.watched().what());
        tracing::warn!(error = why, failures, "cannot follow the {}; listing them anew soon", self.several());
        self.pulse.broken(why);
    }
}

fn status_code(error: &watcher::Error) -> Option<u16> {
    use watcher::Error as E;
    match error {
        E::WatchError(status)
        | E::InitialListFailed(kube::Error::Api(status))
        | E::WatchStartFailed(kube::Error::Api(status))
        | E::WatchFailed(kube::Error::Api(status)) => Some(status.code),
        E::InitialListFailed(_) | E::WatchStartFailed(_) | E::WatchFailed(_) | E::NoResourceVersion => None,
    }
}

fn is_expired(error: &watcher::Error) -> bool {
    status_code(error) == Some(GONE)
}

/// The error with those of its causes that it does not already quote (kube's errors quote some of them), and what would
/// help.
fn explain(error: &watcher::Error, what: &What) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    let kind = match what.resource.group.as_str() {
        "" => what.resource.plural.clone(),
        group => format!("{}.{group}", what.resource.plural),
    };
    match status_code(error) {
        Some(401) => {
            text += "; the API server does not know who we are: check the token or the kubeconfig";
        }
        Some(403) => text = format!("{text}; allow the service account to get, list and watch {kind}"),
        Some(404) => text = format!("{text}; there are no {kind}: {}", what.missing),
        _ => {}
    }
    text
}
