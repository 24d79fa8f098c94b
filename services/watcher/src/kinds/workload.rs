//! Deployments, `StatefulSets` and `DaemonSets`.

mod decide;
mod sight;
mod wire;

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::workload::{Transition, Workload, WorkloadKind};

use crate::announce::Place;
use crate::gather::Unreadable;
use crate::key::Key;
use crate::patience::Patience;
use crate::watched::{self, Verdict, Watched, What};

pub use sight::Sight;

type Change = watched::Change<Transition>;

/// One of the three.
#[derive(Debug)]
pub struct Workloads {
    what: What,
    kind: WorkloadKind,
    patience: Patience,
}

impl Workloads {
    /// All of one kind; says what has lasted for so long.
    pub fn of(kind: WorkloadKind, patience: Patience) -> Self {
        let (name, plural) = match kind {
            WorkloadKind::Deployment => ("Deployment", "deployments"),
            WorkloadKind::StatefulSet => ("StatefulSet", "statefulsets"),
            WorkloadKind::DaemonSet => ("DaemonSet", "daemonsets"),
        };
        Self { what: super::of_kubernetes("apps", name, plural, true), kind, patience }
    }
}

impl Watched for Workloads {
    type Body = wire::Workload;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.what
    }

    fn read(&self, body: wire::Workload, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        Sight::read(self.kind, body)
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        decide::decide(self.kind, &self.patience, seen, now, at)
    }

    fn end(&self, _seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        Verdict::new(vec![Change::new(Transition::Deleted)], None)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let payload = Workload {
            transition: change.transition,
            kind: self.kind,
            name: key.name().to_owned(),
            namespace: super::namespace(key),
            desired: sight.desired,
            updated: sight.updated,
            ready: sight.ready,
            available: sight.available,
            images: sight.images.clone(),
            reason: sight.reason.clone(),
            message: sight.message.clone(),
            previous: change.previous.clone(),
        };
        super::event(&self.what, key, &sight.uid, place, change, &payload, now)
    }
}
