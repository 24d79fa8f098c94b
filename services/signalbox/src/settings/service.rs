//! The services that a process may run.

use clap::ValueEnum;
use serde::Deserialize;
use strum::{EnumIter, IntoEnumIterator as _, IntoStaticStr};

/// A service.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, ValueEnum, EnumIter, IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Service {
    /// world -> event: webhooks
    Gateway,
    /// world -> event: Kubernetes objects and Argo CD Applications
    Watcher,
    /// time -> event: schedules
    Scheduler,
    /// world -> event: what a Source missed
    Sweeper,
    /// event -> request: Automations
    Automator,
    /// request -> world: deploys
    Deployer,
    /// event -> people: chat and webhooks
    Notifier,
    /// event -> eyes: the API
    Console,
}

impl Service {
    /// Its name.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The services that were chosen; none means all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Chosen(Vec<Service>);

impl Chosen {
    /// Whether the service runs.
    pub fn has(&self, service: Service) -> bool {
        self.0.is_empty() || self.0.contains(&service)
    }

    /// Whether the service was asked for by name.
    pub fn names(&self, service: Service) -> bool {
        self.0.contains(&service)
    }

    /// The name of the NATS user that is made for them: the service's own, or that of all.
    pub fn user(&self) -> &'static str {
        match self.0.as_slice() {
            [service] => service.name(),
            _ => chassis::jetstream::access::ALL,
        }
    }

    /// All that run, in the order of the flow.
    pub fn iter(&self) -> impl Iterator<Item = Service> + '_ {
        Service::iter().filter(|service| self.has(*service))
    }
}
