//! What has changed about a workload. Pure.

use chrono::{DateTime, Utc};
use events::payload::workload::{Transition, WorkloadKind};

use super::Change;
use super::sight::{Growing, Rollout, Said, Sight};
use crate::kinds::after;
use crate::patience::Patience;
use crate::watched::Verdict;

/// What is to be said about a workload.
pub fn decide(
    kind: WorkloadKind,
    patience: &Patience,
    seen: Option<&Sight>,
    now: &Sight,
    at: DateTime<Utc>,
) -> Verdict<Sight, Transition> {
    let Some(seen) = seen else { return first(patience, now, at) };
    let mut changes = Vec::new();
    if seen.images != now.images {
        changes.push(Change::new(Transition::ImageChanged).from(seen.images.join(", ")));
    }
    if seen.desired != now.desired {
        changes.push(Change::new(Transition::Scaled).from(seen.desired.to_string()));
    }
    let (mut said, deadline) = rollout(kind, patience, &seen.said, now, at);
    said.growing = growing(seen, now, at);
    let grows = said.growing.as_ref().filter(|growing| !now.enough && now.available >= growing.least);
    let grows = grows.map(|growing| growing.since + patience.workload_starts).filter(|until| *until > at);
    if said.rollout != seen.said.rollout {
        let transition = match said.rollout {
            Rollout::Done => Transition::RolledOut,
            Rollout::Progressing | Rollout::Paused => Transition::Progressing,
            Rollout::Stalled => Transition::DeadlineExceeded,
        };
        changes.push(Change::new(transition).from(word(seen.said.rollout)));
    }
    let start = starts(patience, now, at).filter(|_| seen.said.available.is_none());
    match (seen.said.available, now.enough) {
        (Some(false) | None, true) => {
            said.available = Some(true);
            let change = Change::new(Transition::Available);
            changes.push(if seen.said.available.is_some() { change.from("unavailable") } else { change });
        }
        // It has those that it had before it was to have more.
        (Some(true), false) if grows.is_some() => {}
        (Some(true), false) => {
            said.available = Some(false);
            said.growing = None;
            changes.push(Change::new(Transition::Unavailable).from("available"));
        }
        (None, false) if start.is_none() => {
            said.available = Some(false);
            changes.push(Change::new(Transition::Unavailable));
        }
        (Some(true), true) | (Some(false) | None, false) => {}
    }
    let keep =
        if changes.is_empty() && said == seen.said { seen.clone() } else { Sight { said, ..now.clone() } };
    let start = start.filter(|_| keep.said.available.is_none());
    Verdict { changes, keep: Some(keep), again: deadline.into_iter().chain(start).chain(grows).min() }
}

/// Whether it is to have more pods than it had, and has not got them yet.
fn growing(seen: &Sight, now: &Sight, at: DateTime<Utc>) -> Option<Growing> {
    let before = seen.said.growing.clone();
    let grows = now.desired > seen.desired && seen.said.available == Some(true);
    let growing = if grows {
        let least = before.map_or(seen.least, |before| before.least);
        Some(Growing { since: at, least })
    } else {
        before
    };
    // Until its controller has seen the new number, it says that there are enough.
    growing.filter(|_| !(now.enough && now.current))
}

/// That it is there is said, and nothing else, unless it is in trouble already.
fn first(patience: &Patience, now: &Sight, at: DateTime<Utc>) -> Verdict<Sight, Transition> {
    let mut changes = vec![Change::new(Transition::Created)];
    if now.rollout == Rollout::Stalled {
        changes.push(Change::new(Transition::DeadlineExceeded));
    }
    let start = starts(patience, now, at).filter(|_| !now.enough);
    let available = (now.enough || start.is_none()).then_some(now.enough);
    if available == Some(false) {
        changes.push(Change::new(Transition::Unavailable));
    }
    let rollout = if now.current { now.rollout } else { Rollout::Progressing };
    let since = (rollout == Rollout::Progressing).then_some(at);
    let generation = if rollout == Rollout::Done { now.generation } else { 0 };
    let said = Said { generation, rollout, since, available, growing: None };
    let deadline = since.map(|since| since + patience.rollout);
    let again = deadline.into_iter().chain(start).min();
    Verdict { changes, keep: Some(Sight { said, ..now.clone() }), again }
}

/// How far its roll-out is to be said to be, and when its time is over.
fn rollout(
    kind: WorkloadKind,
    patience: &Patience,
    before: &Said,
    now: &Sight,
    at: DateTime<Utc>,
) -> (Said, Option<DateTime<Utc>>) {
    let said = before.clone();
    // What the status says is about an older template.
    let is = if now.current { now.rollout } else { Rollout::Progressing };
    match is {
        Rollout::Done => {
            (Said { generation: now.generation, rollout: Rollout::Done, since: None, ..said }, None)
        }
        Rollout::Stalled => (Said { rollout: Rollout::Stalled, since: None, ..said }, None),
        Rollout::Paused => (said, None),
        Rollout::Progressing if !now.current => (said, None),
        // A pod that is missing, or a node that is new, makes no roll-out.
        Rollout::Progressing if now.generation == before.generation => (said, None),
        Rollout::Progressing if before.rollout == Rollout::Stalled && kind != WorkloadKind::Deployment => {
            (said, None)
        }
        Rollout::Progressing => {
            let since = before.since.unwrap_or(at);
            let over = since + patience.rollout;
            if kind != WorkloadKind::Deployment && over <= at {
                return (Said { rollout: Rollout::Stalled, since: None, ..said }, None);
            }
            let deadline = (kind != WorkloadKind::Deployment).then_some(over);
            (Said { rollout: Rollout::Progressing, since: Some(since), ..said }, deadline)
        }
    }
}

/// Until when it may be without its pods because it is new.
fn starts(patience: &Patience, now: &Sight, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    after(now.created.as_ref(), patience.workload_starts).filter(|until| *until > at)
}

fn word(rollout: Rollout) -> &'static str {
    match rollout {
        Rollout::Done => "rolled-out",
        Rollout::Progressing => "progressing",
        Rollout::Stalled => "deadline-exceeded",
        Rollout::Paused => "paused",
    }
}
