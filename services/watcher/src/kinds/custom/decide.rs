//! Whether an object is in another phase, for long enough. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use events::payload::object::Transition;

use super::Change;
use super::sight::{Said, Sight, Waits};
use crate::watched::Verdict;

/// What is to be said about an object; `lasts` is for how long a phase has to last.
pub fn decide(
    lasts: &BTreeMap<String, TimeDelta>,
    seen: Option<&Sight>,
    now: &Sight,
    at: DateTime<Utc>,
) -> Verdict<Sight, Transition> {
    let phase = now.step(at).map(|step| step.phase.as_str()).filter(|phase| !phase.is_empty());
    let before = seen.map(|seen| seen.said.clone()).unwrap_or_default();
    let next = now.next(at);
    let keep = |said: Said| Some(Sight { said, steps: Vec::new(), ..now.clone() });
    if seen.is_some_and(|seen| seen.rule != now.rule) {
        // Another expression says the phases now: how it stands by the new one is no transition.
        let said = Said { phase: phase.map(str::to_owned), waits: None };
        return Verdict { changes: Vec::new(), keep: keep(said), again: next };
    }
    // In no phase: what was said stays.
    let Some(phase) = phase.filter(|phase| before.phase.as_deref() != Some(*phase)) else {
        return Verdict { changes: Vec::new(), keep: keep(Said { waits: None, ..before }), again: next };
    };
    let waited = before.waits.as_ref().filter(|waits| waits.phase == phase);
    let since = waited.map_or(at, |waits| waits.since);
    let due = since + lasts.get(phase).copied().unwrap_or_default();
    if due > at {
        let waits = Some(Waits { phase: phase.to_owned(), since });
        let again = next.into_iter().chain([due]).min();
        return Verdict { changes: Vec::new(), keep: keep(Said { waits, ..before }), again };
    }
    let change = Change { previous: before.phase, ..Change::new(Transition::Changed).about(phase) };
    let said = Said { phase: Some(phase.to_owned()), waits: None };
    Verdict { changes: vec![change], keep: keep(said), again: next }
}
