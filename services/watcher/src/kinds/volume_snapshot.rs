//! `VolumeSnapshots` of the CSI snapshot controller (`snapshot.storage.k8s.io/v1`).

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::volume_snapshot::{Transition, VolumeSnapshot};
use serde::{Deserialize, Serialize};

use crate::announce::Place;
use crate::gather::{Common, Time, Unreadable, said};
use crate::key::Key;
use crate::watched::{self, Verdict, Watched, What};

type Change = watched::Change<Transition>;

/// `VolumeSnapshots`.
#[derive(Debug)]
pub struct VolumeSnapshots(What);

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Spec {
    source: Option<Source>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Source {
    persistent_volume_claim_name: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    ready_to_use: Option<bool>,
    restore_size: Option<String>,
    creation_time: Option<Time>,
    error: Option<Trouble>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Trouble {
    message: Option<String>,
}

/// How a snapshot stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    uid: String,
    outcome: Option<Transition>,
    claim: Option<String>,
    size: Option<String>,
    taken: Option<Time>,
    message: Option<String>,
}

impl Default for VolumeSnapshots {
    fn default() -> Self {
        let what = super::of_kubernetes("snapshot.storage.k8s.io", "VolumeSnapshot", "volumesnapshots", true);
        Self(What { missing: "is the CSI snapshot controller installed?", ..what })
    }
}

impl Watched for VolumeSnapshots {
    type Body = Common<Spec, Status>;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.0
    }

    fn read(&self, body: Self::Body, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        let Common { metadata, spec, status } = body;
        let Status { ready_to_use, restore_size, creation_time, error } = status.unwrap_or_default();
        // The controller tries again after an error: one that became ready after all is ready.
        let outcome = match (ready_to_use, &error) {
            (Some(true), _) => Some(Transition::Ready),
            (_, Some(_)) => Some(Transition::Failed),
            (_, None) => None,
        };
        Ok(Sight {
            uid: metadata.uid()?,
            outcome,
            claim: said(spec.and_then(|spec| spec.source?.persistent_volume_claim_name)),
            size: said(restore_size),
            taken: creation_time,
            message: said(error.and_then(|error| error.message)),
        })
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, _at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        let before = seen.and_then(|seen| seen.outcome);
        match now.outcome.filter(|outcome| Some(*outcome) != before) {
            Some(outcome) => Verdict::new(vec![Change::new(outcome)], Some(now.clone())),
            None => Verdict::new(Vec::new(), seen.cloned()),
        }
    }

    /// That a snapshot is cleared away is no news.
    fn end(&self, _seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        Verdict::new(Vec::new(), None)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let payload = VolumeSnapshot {
            transition: change.transition,
            name: key.name().to_owned(),
            namespace: super::namespace(key),
            claim: sight.claim.clone(),
            size: sight.size.clone(),
            taken_at: super::text(sight.taken.as_ref()),
            message: sight.message.clone().filter(|_| change.transition == Transition::Failed),
        };
        super::event(&self.0, key, &sight.uid, place, change, &payload, now)
    }
}
