//! Nodes.

use chrono::{DateTime, Utc};
use events::Envelope;
use events::payload::node::{Node, Transition};
use serde::{Deserialize, Serialize};

use super::condition::{Condition, find};
use crate::announce::Place;
use crate::gather::{Common, Time, Unreadable, said};
use crate::key::Key;
use crate::patience::Patience;
use crate::watched::{self, Verdict, Watched, What};

type Change = watched::Change<Transition>;

/// Conditions that are bad when they hold.
const PRESSURES: [&str; 4] = ["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"];

/// Nodes.
#[derive(Debug)]
pub struct Nodes {
    what: What,
    patience: Patience,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Spec {
    unschedulable: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    conditions: Option<Vec<Condition>>,
}

/// How a Node stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    uid: String,
    ready: bool,
    reason: Option<String>,
    message: Option<String>,
    pressures: Vec<String>,
    cordoned: bool,
    created: Option<Time>,
    /// What was said about its readiness.
    #[serde(default)]
    said: Option<bool>,
}

impl Default for Nodes {
    fn default() -> Self {
        Self::new(Patience::default())
    }
}

impl Nodes {
    /// Says what has lasted for so long.
    pub fn new(patience: Patience) -> Self {
        let what = super::of_kubernetes("", "Node", "nodes", false);
        Self { what, patience }
    }
}

impl Watched for Nodes {
    type Body = Common<Spec, Status>;
    type Sight = Sight;
    type Transition = Transition;

    fn what(&self) -> &What {
        &self.what
    }

    fn read(&self, body: Self::Body, _at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        let Common { metadata, spec, status } = body;
        let status = status.unwrap_or_default();
        let conditions = status.conditions.as_deref();
        let ready = find(conditions, "Ready");
        let holds = |ty: &&str| find(conditions, ty).is_some_and(Condition::holds);
        Ok(Sight {
            uid: metadata.uid()?,
            ready: ready.is_some_and(Condition::holds),
            reason: ready.and_then(|ready| said(ready.reason.clone())),
            message: ready.and_then(|ready| said(ready.message.clone())),
            pressures: PRESSURES.iter().filter(|ty| holds(ty)).map(|&ty| ty.to_owned()).collect(),
            cordoned: spec.and_then(|spec| spec.unschedulable) == Some(true),
            created: metadata.creation_timestamp,
            said: None,
        })
    }

    fn uid<'a>(&self, sight: &'a Sight) -> &'a str {
        &sight.uid
    }

    fn decide(&self, seen: Option<&Sight>, now: &Sight, at: DateTime<Utc>) -> Verdict<Sight, Transition> {
        let mut changes = Vec::new();
        if seen.is_none() {
            changes.push(Change::new(Transition::Joined));
        }
        let before = seen.and_then(|seen| seen.said);
        let grace = super::after(now.created.as_ref(), self.patience.node_starts)
            .filter(|grace| before.is_none() && *grace > at);
        let said = match (before, now.ready) {
            (Some(true) | None, false) if grace.is_none() => {
                changes.push(Change::new(Transition::NotReady));
                Some(false)
            }
            (Some(false) | None, true) => {
                // One that is ready when it is first seen has joined, and that is all.
                if seen.is_some() {
                    changes.push(Change::new(Transition::Ready));
                }
                Some(true)
            }
            (before, _) => before,
        };
        let pressed = |sight: Option<&Sight>, ty: &str| {
            sight.is_some_and(|sight| sight.pressures.iter().any(|one| one == ty))
        };
        for ty in PRESSURES {
            match (pressed(seen, ty), pressed(Some(now), ty)) {
                (false, true) => changes.push(Change::new(Transition::UnderPressure).about(ty)),
                (true, false) => changes.push(Change::new(Transition::Relieved).about(ty)),
                (true, true) | (false, false) => {}
            }
        }
        match (seen.is_some_and(|seen| seen.cordoned), now.cordoned) {
            (false, true) => changes.push(Change::new(Transition::Cordoned)),
            (true, false) => changes.push(Change::new(Transition::Uncordoned)),
            (true, true) | (false, false) => {}
        }
        let keep = match seen {
            // A heartbeat is not written.
            Some(seen) if changes.is_empty() && seen.said == said => seen.clone(),
            _ => Sight { said, ..now.clone() },
        };
        let again = grace.filter(|_| said.is_none());
        Verdict { changes, keep: Some(keep), again }
    }

    fn end(&self, _seen: &Sight, _last: Option<&Sight>) -> Verdict<Sight, Transition> {
        Verdict::new(vec![Change::new(Transition::Left)], None)
    }

    fn event(&self, key: &Key, place: Place, sight: &Sight, change: &Change, now: DateTime<Utc>) -> Envelope {
        let about_ready = matches!(change.transition, Transition::Ready | Transition::NotReady);
        let condition = if about_ready { Some("Ready".to_owned()) } else { change.about.clone() };
        let payload = Node {
            transition: change.transition,
            name: key.name().to_owned(),
            ready: sight.ready,
            unschedulable: sight.cordoned,
            pressures: sight.pressures.clone(),
            condition,
            reason: sight.reason.clone().filter(|_| about_ready),
            message: sight.message.clone().filter(|_| about_ready),
        };
        super::event(&self.what, key, &sight.uid, place, change, &payload, now)
    }
}
