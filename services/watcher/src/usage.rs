//! How full volumes are: asked of Prometheus, again and again. Nothing watches it, so what it answers is taken as a list.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use chassis::{Shutdown, backoff};
use kube::runtime::watcher::Event;
use reqwest::Url;
use resources::SecretRef;

use crate::Scope;
use crate::apply::{Announcer, Ports, Stop};
use crate::gather::Object;
use crate::kinds::volume_usage::{Body, VolumeUsages};
use crate::prometheus::{Asked, Prometheus};
use crate::pulse::Pulse;

/// Whom to ask how full volumes are, and from when on it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// A Prometheus that reads the kubelets, up to before `/api/v1`.
    pub prometheus: Url,
    /// The bearer token that it asks for.
    pub token: Option<SecretRef>,
    /// From so many per cent on a volume is nearly full.
    pub nearly_full: u8,
    /// Below so many per cent it is not any more.
    pub relieved: u8,
    /// How often it is asked.
    pub every: Duration,
}

/// Asks until the shutdown.
pub struct Poll {
    pub prometheus: Arc<Prometheus>,
    pub announcer: Announcer<VolumeUsages>,
    pub pulse: Arc<Pulse>,
    pub ports: Ports,
    pub scope: Scope,
    pub every: Duration,
}

impl Poll {
    /// Asks until the shutdown. An error is one that only a person can mend.
    pub async fn run(mut self, shutdown: Shutdown) -> Result<(), Stop> {
        let (mut failures, mut loaded) = (0, false);
        loop {
            let round = async {
                if !loaded {
                    self.announcer.load().await?;
                }
                self.round().await
            };
            let asked = tokio::select! {
                biased;
                () = shutdown.triggered() => return Ok(()),
                asked = round => asked,
            };
            let wait = match asked {
                Ok(true) => {
                    (failures, loaded) = (0, true);
                    self.every
                }
                Ok(false) => {
                    (failures, loaded) = (failures + 1, true);
                    backoff::after_trouble(failures).min(self.every)
                }
                Err(stop @ Stop::Moved(_)) => {
                    tracing::info!(error = &stop as &dyn Error, "reading the state anew");
                    (failures, loaded) = (failures + 1, false);
                    backoff::after_trouble(failures)
                }
                Err(stop @ (Stop::Unreadable { .. } | Stop::Stray { .. })) => return Err(stop),
            };
            tokio::select! {
                () = shutdown.triggered() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Asks once; whether there was an answer.
    async fn round(&mut self) -> Result<bool, Stop> {
        let volumes = match self.prometheus.ask().await {
            Asked::Volumes(volumes) => volumes,
            // It may have lost what it knew, or not have begun to read: that no volume is full any more it does not say.
            Asked::Nothing => {
                tracing::debug!("Prometheus knows of no volume of a claim: does it read the kubelets?");
                self.pulse.listed();
                return Ok(true);
            }
            Asked::Trouble(why) => {
                self.ports.watcher_metrics.broken.inc();
                tracing::warn!(error = why, "cannot ask how full the volumes are; asking again soon");
                self.pulse.broken(why);
                return Ok(false);
            }
        };
        self.announcer.heed(Event::Init).await?;
        for volume in volumes {
            if !self.watches(&volume) {
                continue;
            }
            self.announcer.heed(Event::InitApply(Object::of(volume))).await?;
        }
        self.announcer.heed(Event::InitDone).await?;
        Ok(true)
    }

    fn watches(&self, volume: &Body) -> bool {
        match &self.scope {
            Scope::All => true,
            Scope::Namespaces(names) => names.iter().any(|name| name.as_str() == volume.namespace()),
        }
    }
}
