//! What is wrong with a Pod for long enough, and whether it has recovered. Pure.
//!
//! What was said to be wrong stays so until the pod has been ready for a while: a container that crashes again and again
//! runs for some seconds each time.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use events::payload::pod::Transition;

use super::Change;
use super::sight::{Cause, Sight};
use crate::gather::Time;
use crate::kinds::after;
use crate::patience::Patience;
use crate::watched::Verdict;

/// What is to be said about a pod.
pub fn decide(
    patience: &Patience,
    seen: Option<&Sight>,
    now: &Sight,
    at: DateTime<Utc>,
) -> Verdict<Sight, Transition> {
    let settled = patience.pod_recovered;
    let before = seen.map(|seen| seen.said.clone()).unwrap_or_default();
    if now.ending {
        return Verdict::new(Vec::new(), seen.cloned());
    }
    let mut again: Option<DateTime<Utc>> = None;
    let mut look = |time: DateTime<Utc>| again = Some(again.map_or(time, |first| first.min(time)));
    let mut active: Vec<&Cause> = Vec::new();
    for cause in now.causes.iter().filter(|cause| !is_history(cause, settled, at)) {
        match after(cause.since.as_ref(), waits(patience, cause.problem)) {
            Some(due) if due > at => look(due),
            Some(_) | None => active.push(cause),
        }
    }
    // Whoever is told why a pod is not ready need not be told that it is not.
    let other = |problem: Transition| problem != Transition::NotReady;
    if before.iter().any(|said| other(*said)) || active.iter().any(|cause| other(cause.problem)) {
        active.retain(|cause| other(cause.problem));
    }
    let mut said = before.clone();
    let mut fresh: Vec<&Cause> = Vec::new();
    for cause in active.iter().filter(|cause| !before.contains(&cause.problem)) {
        if said.insert(cause.problem) {
            fresh.push(cause);
        }
    }
    let words = words(&said);
    if fresh.is_empty() && active.is_empty() && !before.is_empty() && !before.contains(&Transition::Evicted) {
        match fine_from(now, settled) {
            Some(fine) if fine <= at => {
                return Verdict::new(vec![Change::new(Transition::Recovered).from(words)], None);
            }
            Some(fine) => look(fine),
            None => {}
        }
    }
    let changes: Vec<_> = fresh.iter().map(|cause| Change::new(cause.problem).from(&*words)).collect();
    let keep = match seen {
        _ if said.is_empty() => None,
        Some(seen) if changes.is_empty() => Some(seen.clone()),
        _ => Some(Sight { said, ..now.clone() }),
    };
    Verdict { changes, keep, again }
}

/// The container has run for long enough since.
fn is_history(cause: &Cause, settled: TimeDelta, at: DateTime<Utc>) -> bool {
    after(cause.runs_since.as_ref(), settled).is_some_and(|over| over <= at)
}

/// From when on it has recovered, if nothing more happens.
fn fine_from(now: &Sight, settled: TimeDelta) -> Option<DateTime<Utc>> {
    if now.phase == "Succeeded" {
        return Some(DateTime::UNIX_EPOCH);
    }
    let since: Option<&Time> = now.fine_since.as_ref();
    after(since, settled)
}

fn waits(patience: &Patience, problem: Transition) -> TimeDelta {
    match problem {
        Transition::Unschedulable => patience.pod_unschedulable,
        Transition::NotReady => patience.pod_not_ready,
        Transition::CrashLooping
        | Transition::OomKilled
        | Transition::ImagePullFailing
        | Transition::Evicted
        | Transition::Recovered => TimeDelta::zero(),
    }
}

const PROBLEMS: [(Transition, &str); 6] = [
    (Transition::CrashLooping, "crash-looping"),
    (Transition::OomKilled, "oom-killed"),
    (Transition::ImagePullFailing, "image-pull-failing"),
    (Transition::Evicted, "evicted"),
    (Transition::Unschedulable, "unschedulable"),
    (Transition::NotReady, "not-ready"),
];

fn words(problems: &BTreeSet<Transition>) -> String {
    let words = PROBLEMS.iter().filter(|(problem, _)| problems.contains(problem)).map(|(_, word)| *word);
    words.collect::<Vec<_>>().join(",")
}

/// The problems that such words name.
pub fn problems(words: &str) -> Vec<Transition> {
    let known = |word: &str| PROBLEMS.iter().find(|(_, name)| *name == word).map(|(problem, _)| *problem);
    words.split(',').filter_map(known).collect()
}
