//! `PersistentVolumeClaims`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::volume_claim::{Transition, VolumeClaim};
use serde::{Deserialize, Serialize};

use crate::announce::Place;
use crate::gather::{Common, Time, Unreadable, said};
use crate::key::Key;
use crate::patience::Patience;
use crate::watched::{self, Verdict, Watched, What};

type Change = watched::Change<Transition>;

/// `PersistentVolumeClaims`.
#[derive(Debug)]
pub struct VolumeClaims {
    what: What,
    patience: Patience,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    volume_name: Option<String>,
    storage_class_name: Option<String>,
    resources: Option<Resources>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Resources {
    requests: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    phase: Option<String>,
    capacity: Option<BTreeMap<String, String>>,
}

/// How a claim stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    uid: String,
    phase: String,
    volume: Option<String>,
    class: Option<String>,
    requested: Option<String>,
    capacity: Option<String>,
    created: Option<Time>,
    /// What was said about its phase.
    #[serde(default)]
    said: Option<Transition>,
}

impl Default for VolumeClaims {
    fn default() -> Self {
        Self::new(Patience::default())
    }
}

impl VolumeClaims {
    /// Says what has lasted for so long.
    pub fn new(patience: Patience) -> Self {
        let what = super::of_kubernetes("", "PersistentVolumeClaim", "persistentvolumeclaims", true);
        Self { what, patience }
    }
}

impl Watched for VolumeClaims {
    type Body = Common<Spec, Status>;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.what
    }

    fn read(&self, body: Self::Body, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        let Common { metadata, spec, status } = body;
        let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
        let storage = |sizes: Option<BTreeMap<String, String>>| sizes?.remove("storage");
        Ok(Sight {
            uid: metadata.uid()?,
            phase: said(status.phase).unwrap_or_else(|| "Pending".to_owned()),
            volume: said(spec.volume_name),
            class: said(spec.storage_class_name),
            requested: storage(spec.resources.and_then(|resources| resources.requests)),
            capacity: storage(status.capacity),
            created: metadata.creation_timestamp,
            said: None,
        })
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        let before = seen.and_then(|seen| seen.said);
        let due = super::after(now.created.as_ref(), self.patience.claim_pending);
        let (said, again) = match now.phase.as_str() {
            "Bound" => (Some(Transition::Bound), None),
            "Lost" => (Some(Transition::Lost), None),
            "Pending" if due.is_none_or(|due| due <= at) => (Some(Transition::Pending), None),
            "Pending" => (before, due),
            // A phase of a later Kubernetes.
            _ => (before, None),
        };
        let mut changes = Vec::new();
        if let Some(transition) = said.filter(|_| said != before) {
            let previous = seen.map(|seen| seen.phase.clone()).filter(|phase| *phase != now.phase);
            changes.push(watched::Change { previous, ..Change::new(transition) });
        }
        let size = |sight: &Sight| sight.capacity.clone();
        if let (Some(old), Some(new)) = (seen.and_then(size), size(now))
            && old != new
        {
            changes.push(Change::new(Transition::Resized).from(old));
        }
        let keep = match seen {
            Some(seen) if changes.is_empty() => seen.clone(),
            _ => Sight { said, ..now.clone() },
        };
        Verdict { changes, keep: Some(keep), again }
    }

    fn end(&self, _seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        Verdict::new(vec![Change::new(Transition::Deleted)], None)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let payload = VolumeClaim {
            transition: change.transition,
            name: key.name().to_owned(),
            namespace: super::namespace(key),
            phase: sight.phase.clone(),
            volume: sight.volume.clone(),
            storage_class: sight.class.clone(),
            requested: sight.requested.clone(),
            capacity: sight.capacity.clone(),
            previous: change.previous.clone(),
        };
        super::event(&self.what, key, &sight.uid, place, change, &payload, now)
    }
}
