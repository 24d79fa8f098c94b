//! What has changed between what was announced and what is seen. Pure.

use events::payload::application::{Operation, Transition};

use super::Sight;
use super::words::{Health, Phase, Sync};
use crate::watched;

type Change = watched::Change<Transition>;

/// What is to be said about `now`, when `seen` was announced last (`None`: nothing ever).
///
/// The order is fixed: first the operation, then sync (and whether it is drift), then health, as they cause each other. At first sight it says
/// only that the Application is there: a first start is no storm, and the body has the rest.
pub fn changes(seen: Option<&Sight>, now: &Sight) -> Vec<Change> {
    let Some(seen) = seen else { return vec![Change::new(Transition::Created)] };
    [operation(seen, now), sync(seen, now), drift(seen, now), health(seen, now)]
        .into_iter()
        .flatten()
        .collect()
}

/// How an Application stands for the next comparison.
///
/// The operation that was announced stays while none is there: whoever starts a sync through the Kubernetes API takes
/// the state of the one before away, and that is no transition.
pub fn remember(seen: Option<&Sight>, now: Sight) -> Sight {
    let operation = now.operation.or_else(|| seen.filter(|seen| seen.uid == now.uid)?.operation.clone());
    Sight { operation, ..now }
}

fn sync(seen: &Sight, now: &Sight) -> Option<Change> {
    let status = Sync::of(&now.sync);
    let changed = status != Sync::of(&seen.sync);
    changed.then(|| Change::new(status.transition()).from(&*seen.sync))
}

/// It was synced, and is not any more, and neither Git nor the Application is another one: so what runs is. (While an
/// operation runs, or after one that failed, the operation may be what changed it.)
fn drift(seen: &Sight, now: &Sight) -> Option<Change> {
    let left = Sync::of(&seen.sync) == Sync::Synced && Sync::of(&now.sync) == Sync::OutOfSync;
    let same = now.compared.is_some() && target(seen) == target(now);
    let phase = now.operation.as_ref().or(seen.operation.as_ref()).and_then(|it| Phase::of(&it.phase));
    let settled = phase.is_none_or(|phase| phase == Phase::Succeeded);
    (left && same && settled).then(|| Change::new(Transition::Drifted).from(&*seen.sync))
}

/// What the sync status is about.
fn target(sight: &Sight) -> (&[String], Option<&str>) {
    (&sight.revisions, sight.compared.as_deref())
}

/// How a sight in which nothing is to be said changes what is kept: of a synced Application it is kept with what it is in
/// sync, so that drift can be told from a commit. All else waits for the next transition.
pub fn refresh(seen: &Sight, now: &Sight) -> Sight {
    let mut kept = seen.clone();
    if Sync::of(&seen.sync) == Sync::Synced && target(seen) != target(now) {
        (kept.revisions, kept.compared) = (now.revisions.clone(), now.compared.clone());
    }
    kept
}

fn health(seen: &Sight, now: &Sight) -> Option<Change> {
    let status = Health::of(&now.health);
    let changed = status != Health::of(&seen.health);
    changed.then(|| Change::new(status.transition()).from(&*seen.health))
}

fn operation(seen: &Sight, now: &Sight) -> Option<Change> {
    let after = now.operation.as_ref()?;
    let phase = Phase::of(&after.phase)?;
    let before = seen.operation.as_ref();
    if before.is_some_and(|before| moment(before) == moment(after)) {
        return None;
    }
    let same_operation = before.filter(|before| before.started_at == after.started_at);
    let change = Change::new(phase.transition());
    Some(Change { previous: same_operation.map(|before| before.phase.clone()), ..change })
}

/// What makes two sights of an operation the same for us. The end counts once it is final: `Running` with an end is a
/// wait for the next attempt. Both times have whole seconds, so that a start alone would not tell two short ones apart.
fn moment(operation: &Operation) -> (Option<Phase>, Option<&str>, Option<&str>) {
    let phase = Phase::of(&operation.phase);
    let finished = operation.finished_at.as_deref().filter(|_| phase != Some(Phase::Running));
    (phase, operation.started_at.as_deref(), finished)
}
