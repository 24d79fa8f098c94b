//! From what the rules came to, to the events that say so. Pure.

use std::fmt;

use events::payload::automation::{Rule, Verdict};
use events::{Announcement, Envelope};

use crate::decide::{Decided, Request, verdicts};

/// The step of the verdicts when all rules could be evaluated.
pub const EVALUATED: &str = "evaluated";
/// The step of the verdicts when a rule failed: another one, so that after the rule was mended and the dead letter
/// re-driven, the verdicts of that run are not taken for a duplicate.
pub const EVALUATED_WITH_FAILURES: &str = "evaluated-with-failures";

/// Rules that could not be evaluated. The others acted; this event becomes a dead letter, and re-driving it once the rules
/// are mended doubles nothing, since what is announced has the same ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesFailed(Vec<(String, String, String)>);

impl fmt::Display for RulesFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (automation, clause, because)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}the Automation `{automation}` failed at `{clause}`: {because}")?;
        }
        Ok(())
    }
}

impl std::error::Error for RulesFailed {}

impl RulesFailed {
    /// The rules that failed, if any did.
    pub fn of(decided: &[Decided]) -> Option<Self> {
        let failed: Vec<_> = decided
            .iter()
            .map(|decided| &decided.rule)
            .filter(|rule| rule.verdict == Verdict::Failed)
            .map(|Rule { automation, clause, because, .. }| {
                (automation.clone(), clause.clone(), because.clone())
            })
            .collect();
        (!failed.is_empty()).then_some(Self(failed))
    }
}

/// Everything to be announced, in order: the requests, then the verdicts.
pub fn announcements(event: &Envelope, decided: &[Decided]) -> Vec<Request> {
    let failed = decided.iter().any(|decided| decided.rule.verdict == Verdict::Failed);
    let step = if failed { EVALUATED_WITH_FAILURES } else { EVALUATED };
    // The subject is the type of what was evaluated, so that a rule may listen for some verdicts, and verdicts about
    // verdicts can be told apart.
    let announcement =
        Announcement::of(&verdicts(decided)).subject(event.ty()).partition_key(event.partition_key());
    let requests = decided.iter().flat_map(|decided| decided.requests.iter().cloned());
    requests.chain([Request { step: step.to_owned(), announcement }]).collect()
}
