//! Argo CD's `AppProjects`: what the Applications of a project may do.
//!
//! Source of the fields: `manifests/crds/appproject-crd.yaml` of Argo CD, `argoproj.io/v1alpha1`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::project::{Project, Transition};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::announce::{self, Identity, Place, Voice};
use crate::digest::digest;
use crate::gather::{Common, LIST_ITEMS, Unreadable, list, said};
use crate::key::Key;
use crate::watched::{self, Verdict, Watched, What};

type Change = watched::Change<Transition>;

const VOICE: Voice<'static> = Voice { source: "/argocd", partition: "appprojects" };

/// `AppProjects`.
#[derive(Debug)]
pub struct Projects(What);

/// How an `AppProject` stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    uid: String,
    description: Option<String>,
    sources: Vec<String>,
    destinations: Vec<String>,
    /// A digest of each field of its `spec`. Roles have tokens, so they are not kept themselves.
    fields: BTreeMap<String, String>,
}

/// The part of the `spec` that is told.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    description: Option<String>,
    source_repos: Option<Vec<String>>,
    destinations: Option<Vec<Destination>>,
}

#[derive(Debug, Deserialize)]
struct Destination {
    server: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
}

impl Default for Projects {
    fn default() -> Self {
        let what = super::of_kubernetes("argoproj.io", "AppProject", "appprojects", true);
        Self(What { missing: "is Argo CD installed?", ..what })
    }
}

impl Watched for Projects {
    type Body = Common<Value, IgnoredAny>;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.0
    }

    fn read(&self, body: Self::Body, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        let Common { metadata, spec, status: _ } = body;
        let spec = spec.unwrap_or_default();
        let fields = spec.as_object().into_iter().flatten().take(LIST_ITEMS);
        let fields = fields.map(|(name, value)| (name.clone(), digest(value))).collect();
        let spec: Option<Spec> = serde_json::from_value(spec).map_err(|source| Unreadable::Shape {
            part: "spec",
            who: "Argo CD",
            source,
        })?;
        let Spec { description, source_repos, destinations } = spec.unwrap_or_default();
        Ok(Sight {
            uid: metadata.uid()?,
            description: said(description),
            sources: list(source_repos.unwrap_or_default()),
            destinations: list(destinations.into_iter().flatten().map(place).collect()),
            fields,
        })
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, _at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        let change = match seen {
            None => Some(Change::new(Transition::Created)),
            Some(seen) if seen.fields == now.fields => None,
            Some(seen) => Some(Change::new(Transition::Changed).about(changed(seen, now).join(","))),
        };
        Verdict::new(change.into_iter().collect(), Some(now.clone()))
    }

    fn end(&self, _seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        Verdict::new(vec![Change::new(Transition::Deleted)], None)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let payload = Project {
            transition: change.transition,
            name: key.name().to_owned(),
            namespace: super::namespace(key),
            description: sight.description.clone(),
            source_repos: sight.sources.clone(),
            destinations: sight.destinations.clone(),
            changed: change.about.iter().flat_map(|names| names.split(',')).map(str::to_owned).collect(),
        };
        let identity = Identity { uid: &sight.uid, place, about: change.about.as_deref() };
        announce::event(VOICE, key, identity, &payload, now)
    }
}

fn place(Destination { server, name, namespace }: Destination) -> String {
    let everywhere = || "*".to_owned();
    let (namespace, cluster) = (namespace.unwrap_or_else(everywhere), server.or(name));
    format!("{namespace} at {}", cluster.unwrap_or_else(everywhere))
}

/// The fields that are others than before, that are new, and that are gone.
fn changed(seen: &Sight, now: &Sight) -> Vec<String> {
    let names = seen.fields.keys().chain(now.fields.keys().filter(|name| !seen.fields.contains_key(*name)));
    let mut changed: Vec<String> =
        names.filter(|name| seen.fields.get(*name) != now.fields.get(*name)).cloned().collect();
    changed.sort();
    changed
}
