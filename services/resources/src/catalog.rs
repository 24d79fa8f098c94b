//! All that the user declared, checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::{App, Automation, Channel, Schedule, Source, SourceKind};

/// All that the user declared: valid, with references resolved and rules compiled.
#[derive(Debug, Default)]
pub struct Catalog {
    /// By name.
    pub sources: BTreeMap<String, Source>,
    /// By name.
    pub apps: BTreeMap<String, App>,
    /// By name.
    pub automations: BTreeMap<String, Automation>,
    /// By name.
    pub channels: BTreeMap<String, Channel>,
}

impl Catalog {
    /// The App that is built from this repository (`owner/name`, compared without case as GitHub does).
    pub fn app_of_repository(&self, repository: &str) -> Option<&App> {
        self.apps
            .values()
            .find(|app| app.repository.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(repository)))
    }

    /// The Sources that are clocks, by name.
    pub fn schedules(&self) -> impl Iterator<Item = (&str, &Schedule)> {
        self.sources.values().filter_map(|source| match &source.kind {
            SourceKind::Schedule(schedule) => Some((source.name.as_str(), schedule)),
            SourceKind::Github(_)
            | SourceKind::Alertmanager(_)
            | SourceKind::CloudEvents(_)
            | SourceKind::Gitea(_)
            | SourceKind::Gitlab(_)
            | SourceKind::Registry(_)
            | SourceKind::Argocd(_)
            | SourceKind::Generic(_) => None,
        })
    }
}

/// The catalog in force. Services take the present one for each event, so that a reload needs no restart.
#[derive(Debug, Clone)]
pub struct Current(watch::Receiver<Arc<Catalog>>);

impl Current {
    /// A catalog that can be replaced by the sender.
    pub fn channel(catalog: Catalog) -> (watch::Sender<Arc<Catalog>>, Self) {
        let (sender, receiver) = watch::channel(Arc::new(catalog));
        (sender, Self(receiver))
    }

    /// A catalog that stays as it is.
    pub fn fixed(catalog: Catalog) -> Self {
        Self::channel(catalog).1
    }

    /// The catalog in force now.
    pub fn get(&self) -> Arc<Catalog> {
        self.0.borrow().clone()
    }
}
