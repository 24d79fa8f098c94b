//! Pods. Of one that has no problem nothing is kept: ten thousand healthy pods cost nothing.

mod decide;
mod sight;
mod wire;

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::pod::{Pod, Transition};

use crate::announce::Place;
use crate::gather::Unreadable;
use crate::key::Key;
use crate::patience::Patience;
use crate::watched::{self, Verdict, Watched, What};

pub use sight::Sight;

type Change = watched::Change<Transition>;

/// Pods.
#[derive(Debug)]
pub struct Pods {
    what: What,
    patience: Patience,
}

impl Default for Pods {
    fn default() -> Self {
        Self::new(Patience::default())
    }
}

impl Pods {
    /// Says what has lasted for so long.
    pub fn new(patience: Patience) -> Self {
        let what = super::of_kubernetes("", "Pod", "pods", true);
        Self { what, patience }
    }
}

impl Watched for Pods {
    type Body = wire::Pod;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.what
    }

    fn read(&self, body: wire::Pod, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        Sight::read(body)
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        decide::decide(&self.patience, seen, now, at)
    }

    /// That a pod ends is the ordinary course of things.
    fn end(&self, _seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        Verdict::new(Vec::new(), None)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let cause = sight.causes.iter().find(|cause| cause.problem == change.transition);
        let container = cause.and_then(|cause| cause.container.as_ref());
        let payload = Pod {
            transition: change.transition,
            name: key.name().to_owned(),
            namespace: super::namespace(key),
            phase: sight.phase.clone(),
            ready: sight.ready,
            node: sight.node.clone(),
            owner: sight.owner.clone(),
            container: container.map(|container| container.name.clone()),
            image: container.map(|container| container.image.clone()),
            restarts: sight.restarts,
            exit_code: container.and_then(|container| container.exit_code),
            reason: cause.and_then(|cause| cause.reason.clone()),
            message: cause.and_then(|cause| cause.message.clone()),
            since: super::text(cause.and_then(|cause| cause.since.as_ref())),
            problems: change.previous.iter().flat_map(|words| decide::problems(words)).collect(),
        };
        super::event(&self.what, key, &sight.uid, place, change, &payload, now)
    }
}
