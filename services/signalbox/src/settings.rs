//! What can be set: signalbox.yaml, then `SIGNALBOX_*`, then flags.

mod address;
mod custom;
mod embedded;
mod nats;
mod patience;
mod place;
mod service;
mod usage;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chassis::BusUrl;
use chassis::config::{self, ConfigError};
use chassis::engine::Limits;
use chassis::telemetry::LogSettings;
use serde::Deserialize;
use serde_json::Value;

pub use self::address::Address;
pub use self::custom::Custom;
pub use self::embedded::Embedded;
pub use self::nats::Nats;
pub use self::patience::Patience;
pub use self::place::Place;
pub use self::service::{Chosen, Service};
pub use self::usage::VolumeUsage;
use crate::duration::{Period, Span};

/// The settings file, if none is named.
const DEFAULT_FILE: &str = "signalbox.yaml";

/// All settings of the program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the bus is.
    pub bus: Bus,
    /// How to get into a NATS server, and how much of the log it keeps.
    pub nats: Nats,
    /// How much the embedded bus keeps.
    pub embedded: Embedded,
    /// The folder with resources.
    pub config: PathBuf,
    /// The services to run; empty means all.
    pub only: Chosen,
    /// Where the program listens.
    pub listen: Listen,
    /// The log of `serve`.
    pub log: LogSettings,
    /// The API.
    pub api: Api,
    /// The cluster that is watched and verified against.
    pub kubernetes: Box<Kubernetes>,
    /// Deploys.
    pub deployer: Deployer,
    /// How long begun work may take to end after a signal.
    pub drain_timeout: Span,
    /// After a crash, what was being handled is handled again after this time; absent, each handler has its own (30 s).
    /// Shorter costs more signs of life on the bus.
    pub ack_wait: Option<Period>,
}

/// Where the bus is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Bus(pub BusUrl);

/// Where the program listens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Webhooks; may be reachable from the internet.
    pub public: Address,
    /// The API, metrics and health; must not be.
    pub private: Address,
}

/// The API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    /// The bearer token that it asks for.
    pub token: Option<Place>,
}

/// The namespaces in which Argo CD Applications are watched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Namespaces(pub watcher::Scope);

/// The cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kubernetes {
    /// Its kubeconfig; inside a cluster none is needed.
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig, if not its current one.
    pub context: Option<String>,
    /// The namespaces in which Argo CD Applications are watched; `*` for all.
    pub argocd_namespaces: Namespaces,
    /// The kinds of objects that are watched.
    pub watch: Kinds,
    /// The namespaces in which the other kinds are watched; `*` for all.
    pub namespaces: Everywhere,
    /// How full volumes are.
    pub volume_usage: VolumeUsage,
    /// Kinds of which the settings say what a transition is.
    pub custom: Custom,
    /// How long something has to last until it is said.
    pub patience: Patience,
}

/// The kinds of objects that are watched.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Kinds(pub BTreeSet<watcher::KindOfObject>);

/// Namespaces; all of them, unless some are named.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Everywhere(pub watcher::Scope);

/// Deploys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deployer {
    /// Where clones of GitOps repositories are kept; without one, in the folder of an embedded bus, else in a temporary
    /// folder.
    pub work_dir: Option<PathBuf>,
    /// Whom commits are by.
    pub author: Author,
}

/// Whom commits are by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

impl Settings {
    /// How much the bus keeps, whichever it is.
    pub fn limits(&self) -> Limits {
        Limits { embedded: self.embedded.options(), nats: self.nats.retention() }
    }

    /// Reads the settings; `file` is the one that was named, if one was.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        flags: Value,
    ) -> Result<Self, ConfigError> {
        let default = Path::new(DEFAULT_FILE);
        let file = file.or_else(|| default.is_file().then_some(default));
        config::load(file, env, flags)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bus: Bus(BusUrl::Embedded(PathBuf::from("data"))),
            nats: Nats::default(),
            embedded: Embedded::default(),
            config: PathBuf::from("config"),
            only: Chosen::default(),
            listen: Listen::default(),
            log: LogSettings::default(),
            api: Api::default(),
            kubernetes: Box::default(),
            deployer: Deployer::default(),
            // Kubernetes kills 30 s after SIGTERM unless told otherwise; this leaves time to close the log.
            drain_timeout: Span(std::time::Duration::from_secs(25)),
            ack_wait: None,
        }
    }
}

impl Kubernetes {
    /// What the watcher follows.
    pub fn watching(&self) -> watcher::Watching {
        watcher::Watching {
            kinds: self.watch.0.clone(),
            argocd: self.argocd_namespaces.0.clone(),
            namespaces: self.namespaces.0.clone(),
            custom: self.custom.0.clone(),
            patience: self.patience.all(),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self { public: Address::any(8080), private: Address::any(8081) }
    }
}

impl TryFrom<Vec<String>> for Namespaces {
    type Error = watcher::InvalidScope;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        names.join(",").parse().map(Self)
    }
}

impl TryFrom<Vec<String>> for Everywhere {
    type Error = watcher::InvalidScope;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        names.join(",").parse().map(Self)
    }
}

impl Default for Everywhere {
    fn default() -> Self {
        Self(watcher::Scope::All)
    }
}

impl Default for Kinds {
    fn default() -> Self {
        Self(watcher::Watching::default().kinds)
    }
}

impl Default for Author {
    fn default() -> Self {
        Self { name: "Signalbox".to_owned(), email: "signalbox@localhost".to_owned() }
    }
}

impl TryFrom<String> for Bus {
    type Error = chassis::engine::NotABus;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests;
