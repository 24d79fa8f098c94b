//! The account: what became of each event, and what should have. Pure.

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
    /// Neither done nor given up.
    Stuck,
    /// It ended, but not as it should have.
    Astray,
}

/// All that is known of an event.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Its number.
    pub n: u64,
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

impl Known<'_> {
    /// What is wrong with it.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut wrong = |wrong: Wrong, because: String| findings.push(Finding { n: self.n, wrong, because });
        let Self { n: _, fate, sent, kept, arrived, dead } = self;
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
        let Kept { stored, requested, evaluated, sent, failed } = self.kept;
        let Arrived { taken, refused, put_off } = self.arrived;
        format!(
            "in the log: {stored} of the event, {requested} request, {evaluated} verdict, {sent} sent, {failed} failed; at \
             the receiver: {taken} taken, {refused} refused, {put_off} put off"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, Wrong};
    use crate::doctor::soak::gather::Kept;
    use crate::doctor::soak::load::Sent;
    use crate::doctor::soak::plan::Fate;
    use crate::doctor::soak::receiver::Arrived;

    const KEPT: Kept = Kept { stored: 1, requested: 1, evaluated: 1, sent: 1, failed: 0 };
    const TAKEN: Arrived = Arrived { taken: 1, refused: 0, put_off: 0 };
    const GOOD: Known<'_> =
        Known { n: 7, fate: Fate::Plain, sent: Sent::Accepted, kept: KEPT, arrived: TAKEN, dead: &[] };

    fn wrong(known: Known<'_>) -> Vec<Wrong> {
        known.findings().iter().map(|finding| finding.wrong).collect()
    }

    #[test]
    fn what_went_as_it_should_is_right() {
        let (refused, broken) = (["notifier: no".to_owned()], ["automator: no".to_owned()]);
        let refusal = Kept { sent: 0, failed: 1, ..KEPT };
        let breach = Kept { requested: 0, sent: 0, ..KEPT };
        let nothing = Arrived::default();
        for known in [
            GOOD,
            Known { fate: Fate::AnswerLost, ..GOOD },
            Known { sent: Sent::GivenUp, ..GOOD },
            Known { sent: Sent::GivenUp, kept: Kept::default(), arrived: nothing, ..GOOD },
            Known { fate: Fate::Refused, kept: refusal, arrived: nothing, dead: &refused, ..GOOD },
            Known { fate: Fate::Broken, kept: breach, arrived: nothing, dead: &broken, ..GOOD },
        ] {
            assert_eq!(wrong(known), [], "{known:?}");
        }
    }

    #[test]
    fn what_went_wrong_is_named() {
        let nothing = Arrived::default();
        let dead = ["notifier: no".to_owned()];
        let failed = Kept { sent: 0, failed: 1, ..KEPT };
        for (known, expected) in [
            (Known { kept: Kept::default(), arrived: nothing, ..GOOD }, Wrong::Lost),
            (Known { kept: Kept::default(), sent: Sent::GivenUp, ..GOOD }, Wrong::Lost),
            (Known { arrived: nothing, ..GOOD }, Wrong::Lost),
            (Known { arrived: Arrived { taken: 2, ..TAKEN }, ..GOOD }, Wrong::Doubled),
            (Known { kept: Kept { stored: 2, ..KEPT }, ..GOOD }, Wrong::Doubled),
            (Known { kept: Kept { sent: 2, ..KEPT }, ..GOOD }, Wrong::Doubled),
            (Known { kept: Kept { sent: 0, ..KEPT }, ..GOOD }, Wrong::Stuck),
            (Known { kept: Kept { sent: 0, ..KEPT }, arrived: nothing, ..GOOD }, Wrong::Stuck),
            (Known { fate: Fate::Refused, kept: failed, arrived: nothing, ..GOOD }, Wrong::Stuck),
            (Known { kept: failed, arrived: nothing, dead: &dead, ..GOOD }, Wrong::Astray),
            (Known { fate: Fate::Refused, kept: failed, dead: &dead, ..GOOD }, Wrong::Astray),
            (
                Known { fate: Fate::Broken, kept: failed, arrived: nothing, dead: &dead, ..GOOD },
                Wrong::Astray,
            ),
        ] {
            assert_eq!(wrong(known), [expected], "{known:?}");
        }
    }
}
