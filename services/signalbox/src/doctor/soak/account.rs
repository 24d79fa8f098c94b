//! The account: what became of each event, and what should have. Pure.

mod order;

use std::collections::BTreeMap;

use strum::IntoStaticStr;

use super::gather::Kept;
use super::load::Sent;
use super::plan::Fate;
use super::receiver::Arrived;

/// What is wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which event.
    pub n: u64,
    /// What kind of wrong.
    pub wrong: Wrong,
    /// What was found.
    pub because: String,
}

/// In which way something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Wrong {
    /// Accepted and not kept, or done and not happened.
    Lost,
    /// There twice.
    Doubled,
    /// Neither done nor given up while everything ran, whatever a restart made of it.
    Stuck,
    /// Its effect came before that of one that stands before it.
    OutOfOrder,
    /// It ended, but not as it should have.
    Astray,
}

/// All that is known of an event.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Its number.
    pub n: u64,
    /// Its key: events of one have their effects in the order of the log.
    pub channel: u64,
    /// What should become of it.
    pub fate: Fate,
    /// What its sender knows.
    pub sent: Sent,
    /// What the log has.
    pub kept: Kept,
    /// What arrived.
    pub arrived: Arrived,
    /// Who gave up on it.
    pub dead: &'a [String],
}

/// What is wrong with all of them. `before` is what was stuck before anything was restarted: it stays a finding, and says
/// what the restart made of it.
pub fn all(known: &[Known<'_>], before: Vec<Finding>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = known.iter().flat_map(Known::findings).collect();
    findings.extend(order::findings(known));
    let mut still: BTreeMap<u64, usize> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        if finding.wrong == Wrong::Stuck {
            still.insert(finding.n, index);
        }
    }
    for Finding { n, wrong, because } in before {
        if let Some(index) = still.get(&n) {
            findings[*index].because.push_str(" (also after a restart)");
        } else {
            let because = format!("{because} (until everything was restarted)");
            findings.push(Finding { n, wrong, because });
        }
    }
    findings.sort_by_key(|finding| (finding.n, finding.wrong));
    findings
}

/// Those that are stuck.
pub fn stuck(known: &[Known<'_>]) -> Vec<Finding> {
    known.iter().flat_map(Known::findings).filter(|finding| finding.wrong == Wrong::Stuck).collect()
}

impl Known<'_> {
    /// What is wrong with it, looked at by itself.
    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut wrong = |wrong: Wrong, because: String| findings.push(Finding { n: self.n, wrong, because });
        let Self { n: _, channel: _, fate, sent, kept, arrived, dead } = self;
        for (what, times) in [
            ("the event is in the log", kept.stored),
            ("its effect was asked for", kept.requested),
            ("its rules were explained", kept.evaluated),
            ("its effect is told in the log", kept.sent),
            ("its failure is told in the log", kept.failed),
            ("its effect happened", arrived.taken),
            ("it is a dead letter", u32::try_from(dead.len()).unwrap_or(u32::MAX)),
        ] {
            if times > 1 {
                wrong(Wrong::Doubled, format!("{what} {times} times"));
            }
        }
        if kept.stored == 0 {
            if *sent == Sent::Accepted {
                wrong(Wrong::Lost, "it was accepted and is not in the log".to_owned());
            } else if arrived.taken > 0 || !dead.is_empty() {
                wrong(Wrong::Lost, "something came of it, and it is not in the log".to_owned());
            }
            return findings;
        }
        match fate {
            Fate::Broken | Fate::Refused => {
                let by = if *fate == Fate::Broken { "automator: " } else { "notifier: " };
                if arrived.taken > 0 {
                    wrong(Wrong::Astray, "its effect happened, and should have failed".to_owned());
                }
                match dead.first() {
                    None => wrong(Wrong::Stuck, format!("it is no dead letter, and {}", self.so_far())),
                    Some(reason) if !reason.starts_with(by) => {
                        wrong(Wrong::Astray, format!("it was given up by another: {reason}"));
                    }
                    Some(_) if *fate == Fate::Refused && kept.failed == 0 => {
                        wrong(Wrong::Lost, "it is a dead letter, and the log does not tell".to_owned());
                    }
                    Some(_) => {}
                }
            }
            Fate::Plain | Fate::Twice | Fate::Unavailable | Fate::AnswerLost => {
                if let Some(reason) = dead.first() {
                    wrong(Wrong::Astray, format!("it was given up: {reason}"));
                } else if arrived.taken == 0 && kept.sent > 0 {
                    wrong(Wrong::Lost, "its effect is told in the log, and did not happen".to_owned());
                } else if arrived.taken == 0 || kept.sent == 0 || kept.evaluated == 0 {
                    wrong(Wrong::Stuck, self.so_far());
                }
            }
        }
        findings
    }

    /// How far it came.
    fn so_far(&self) -> String {
        let Kept { stored, position: _, requested, evaluated, sent, failed } = self.kept;
        let Arrived { taken, refused, put_off, at: _ } = self.arrived;
        format!(
            "in the log: {stored} of the event, {requested} request, {evaluated} verdict, {sent} sent, {failed} failed; at \
             the receiver: {taken} taken, {refused} refused, {put_off} put off"
        )
    }
}

#[cfg(test)]
mod tests;
