//! Decides whether a deploy is done: the safe rule, clause by clause. No client, no clock.
//!
//! "Healthy" alone says nothing: right after a sync, Argo CD still shows the health of the old pods. A deploy is done when
//! all of these hold, and have held for a while:
//!
//! 1. what Argo CD compares with contains our commit, and the values file still names our image there;
//! 2. it is Synced, and no operation runs; the last operation succeeded;
//! 3. it is Healthy, looked at after the operation ended;
//! 4. every workload is rolled out: its controller has seen the newest template, and all pods are new and ready;
//! 5. the wanted image is what the ready pods run.

mod clause;
mod goal;
mod rollout;
mod sync;
mod trouble;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::payload::deploy::Step;

use crate::observed::Observed;

pub use clause::Clause;
pub use goal::Goal;

use trouble::Trouble;

/// What one look comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Not yet; the first clause of the rule that is not met.
    Waiting(Clause),
    /// Done.
    Success {
        /// The revision that Argo CD synced.
        revision: String,
        /// How many pods run the image.
        pods: u32,
    },
    /// It will not be done.
    Failed {
        /// Where it ended.
        step: Step,
        /// Why, for people.
        reason: String,
    },
}

/// What is remembered from look to look.
#[derive(Debug, Clone)]
pub struct Memory {
    /// When the first look was taken.
    began: DateTime<Utc>,
    /// Since when all clauses are met, with so many restarts of the containers.
    well: Option<(DateTime<Utc>, i64)>,
    /// Since when each trouble is there.
    troubles: BTreeMap<String, DateTime<Utc>>,
}

impl Memory {
    /// Nothing is remembered.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { began: now, well: None, troubles: BTreeMap::new() }
    }
}

/// What the rule says of one part of what was seen.
enum Unmet {
    /// A clause is not met yet.
    Yet(Clause),
    /// It will never be met.
    Ever { step: Step, reason: String },
}

/// Decides.
pub fn verdict(goal: &Goal, observed: &Observed, memory: &mut Memory, now: DateTime<Utc>) -> Verdict {
    let troubles = trouble::troubles(goal, observed);
    memory.troubles.retain(|key, _| troubles.iter().any(|trouble| trouble.key == *key));
    for trouble in &troubles {
        memory.troubles.entry(trouble.key.clone()).or_insert(now);
    }
    let met = sync::synced(goal, observed)
        .and_then(|revision| Ok((revision, rollout::rolled_out(goal, observed)?)));
    match met {
        Ok((revision, rollout)) => {
            let since = match memory.well {
                // A restart that nobody saw happen is one all the same.
                Some((since, restarts)) if restarts == rollout.restarts => since,
                Some(_) | None => now,
            };
            memory.well = Some((since, rollout.restarts));
            if now - since >= chrono(goal.verify.hold) {
                Verdict::Success { revision, pods: rollout.pods }
            } else {
                Verdict::Waiting(Clause::Holding { hold: goal.verify.hold })
            }
        }
        Err(Unmet::Ever { step, reason }) => Verdict::Failed { step, reason },
        Err(Unmet::Yet(clause)) => {
            memory.well = None;
            not_yet(goal, &troubles, clause, memory, now)
        }
    }
}

fn not_yet(
    goal: &Goal,
    troubles: &[Trouble],
    clause: Clause,
    memory: &Memory,
    now: DateTime<Utc>,
) -> Verdict {
    let age = |trouble: &&Trouble| memory.troubles.get(&trouble.key).map(|since| now - *since);
    let lasting = |trouble: &&Trouble| {
        trouble.patience.is_some_and(|patience| age(trouble).is_some_and(|age| age >= chrono(patience)))
    };
    if let Some(trouble) = troubles.iter().find(lasting) {
        return Verdict::Failed { step: trouble.step, reason: trouble.text.clone() };
    }
    if now - memory.began < chrono(goal.verify.timeout) {
        return Verdict::Waiting(clause);
    }
    let seen: Vec<_> = std::iter::once(clause.to_string())
        .chain(troubles.iter().map(|trouble| trouble.text.clone()))
        .collect();
    let reason = format!("not done within {} s: {}", goal.verify.timeout.as_secs(), seen.join("; "));
    Verdict::Failed { step: clause.step(), reason }
}

/// A duration to compare times with; longer than anybody waits if it does not fit.
fn chrono(duration: std::time::Duration) -> chrono::TimeDelta {
    chrono::TimeDelta::from_std(duration).unwrap_or(chrono::TimeDelta::MAX)
}

#[cfg(test)]
mod tests;
