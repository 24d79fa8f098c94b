//! What is counted.

use events::payload::automation::Verdict;
use prometheus::IntCounterVec;
use strum::IntoStaticStr;

use crate::decide::Decided;

chassis::metric_set! {
    /// What the automator counts.
    pub(crate) struct RuleMetrics {
        /// Automations tried on an event that they listen for, by what they came to.
        verdicts: IntCounterVec = counters("signalbox_automation_verdicts_total", &["verdict"]),
    }
}

/// A verdict as a label.
#[derive(Debug, Clone, Copy, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
enum VerdictLabel {
    Matched,
    Skipped,
    Shadowed,
    Failed,
}

impl From<Verdict> for VerdictLabel {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Matched => Self::Matched,
            Verdict::Skipped => Self::Skipped,
            Verdict::Shadowed => Self::Shadowed,
            Verdict::Failed => Self::Failed,
        }
    }
}

impl RuleMetrics {
    /// The rules were tried.
    pub(crate) fn decided(&self, decided: &[Decided]) {
        for Decided { rule, .. } in decided {
            let label: &'static str = VerdictLabel::from(rule.verdict).into();
            self.verdicts.with_label_values(&[label]).inc();
        }
    }
}
