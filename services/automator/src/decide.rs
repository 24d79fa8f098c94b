//! Which rules act on an event, what they ask for, and why. Pure: no client, no clock, no async.

mod actions;
#[cfg(test)]
mod tests;

use cel::Value as CelValue;
use events::payload::automation::{Evaluated, Rule, Verdict};
use events::subject::fits;
use events::{Announcement, Envelope, Kind};
use resources::automation::{Automation, Condition, Mode, Trigger};
use resources::condition::{EvaluateError, Scope};
use resources::{Action, Catalog};

use crate::gather::Facts;
use crate::{explain, scope};

/// What a rule came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The verdict, for people.
    pub rule: Rule,
    /// What it asks for; empty unless it matched.
    pub requests: Vec<Request>,
}

/// Something that a rule asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `<automation>/<index of the action>`: makes the id of the request.
    pub step: String,
    /// The request.
    pub announcement: Announcement,
}

/// An action with its templates rendered.
struct Wanted {
    /// For people: `deploy my-app to dev (3b2f1c0)`.
    summary: String,
    announcement: Announcement,
}

/// A clause and why it decided.
struct Reason {
    clause: String,
    because: String,
}

impl Reason {
    fn new(clause: impl Into<String>, because: impl Into<String>) -> Self {
        Self { clause: clause.into(), because: because.into() }
    }
}

/// Whether the event is a verdict about a verdict. Nothing listens for those: a rule that listens for verdicts would answer
/// itself for ever.
pub fn is_verdict_about_verdict(event: &Envelope) -> bool {
    let verdict = Kind::AutomationEvaluated.name();
    event.ty() == verdict && event.subject() == Some(verdict)
}

/// The rules that listen for the event and are not switched off, in the order of their names.
pub fn listening<'c>(catalog: &'c Catalog, event: &Envelope) -> Vec<&'c Automation> {
    if is_verdict_about_verdict(event) {
        return Vec::new();
    }
    catalog
        .automations
        .values()
        .filter(|automation| automation.mode != Mode::Off && trigger(automation, event).is_some())
        .collect()
}

/// The first trigger that fits.
fn trigger<'c>(automation: &'c Automation, event: &Envelope) -> Option<(usize, &'c Trigger)> {
    automation.on.iter().enumerate().find(|(_, trigger)| {
        let Trigger { ty, source, subject } = trigger;
        // A rule for everything does not mean the verdicts of the rules.
        let meant = event.ty() != Kind::AutomationEvaluated.name() || ty == event.ty();
        meant
            && fits(ty, event.ty())
            && source.as_ref().is_none_or(|glob| fits(glob, event.source()))
            && subject.as_ref().is_none_or(|glob| fits(glob, event.subject().unwrap_or_default()))
    })
}

/// Tries the rules. One that fails does not keep the others from acting.
pub fn decide(rules: &[&Automation], catalog: &Catalog, facts: &Facts<'_>) -> Vec<Decided> {
    let data = match &facts.data {
        Ok(data) => data,
        Err(because) => {
            let failed = |rule: &&Automation| failed(rule, Reason::new("data", because.as_str()));
            return rules.iter().map(failed).collect();
        }
    };
    let conditions = scope::of_conditions(facts, data);
    let templates = scope::of_templates(facts, data);
    rules
        .iter()
        .map(|rule| {
            if let (Err(because), true) = (&facts.app, uses_app(rule)) {
                return without_actions(rule, Verdict::Skipped, Reason::new("app", because.as_str()));
            }
            let reason = match &rule.when {
                None => always(rule, facts.event),
                Some(condition) => match holds(condition, &conditions) {
                    Ok((true, because)) => Reason::new("when", because),
                    Ok((false, because)) => {
                        return without_actions(rule, Verdict::Skipped, Reason::new("when", because));
                    }
                    Err(because) => return failed(rule, Reason::new("when", because)),
                },
            };
            match actions::all(rule, catalog, &templates) {
                Ok(wanted) => acting(rule, reason, wanted),
                Err(reason) => failed(rule, reason),
            }
        })
        .collect()
}

fn uses_app(rule: &Automation) -> bool {
    let condition = rule.when.as_ref().is_some_and(|condition| condition.uses_app);
    condition
        || rule.actions.iter().any(|action| match action {
            Action::Deploy { app, environment, tag, digest } => {
                [Some(app), Some(environment), tag.as_ref(), digest.as_ref()]
                    .into_iter()
                    .flatten()
                    .any(|text| text.uses_app)
            }
            Action::Notify { channel: _, text, title, severity: _ } => {
                text.uses_app || title.as_ref().is_some_and(|title| title.uses_app)
            }
        })
}

fn always(rule: &Automation, event: &Envelope) -> Reason {
    let (index, ty) = trigger(rule, event).map_or((0, ""), |(index, trigger)| (index, trigger.ty.as_str()));
    Reason::new(format!("on[{index}]"), format!("{} fits `{ty}`, and there is no condition", event.ty()))
}

/// Whether a condition holds, and why; an error when it cannot be told.
fn holds(condition: &Condition, scope: &Scope) -> Result<(bool, String), String> {
    match condition.evaluate(scope) {
        Ok(CelValue::Bool(holds)) => Ok((holds, explain::decision(&condition.text, scope, holds))),
        Ok(other) => Err(format!("the condition comes to a {}, not to true or false", other.type_of())),
        Err(EvaluateError::Failed(error)) => Err(explain::failure(&condition.text, scope, &error)),
        Err(error @ EvaluateError::TooLong) => Err(error.to_string()),
    }
}

fn acting(rule: &Automation, reason: Reason, wanted: Vec<Wanted>) -> Decided {
    let verdict = match rule.mode {
        Mode::Live => Verdict::Matched,
        Mode::Shadow | Mode::Off => Verdict::Shadowed,
    };
    let mut decided = without_actions(rule, verdict, reason);
    for (index, Wanted { summary, announcement }) in wanted.into_iter().enumerate() {
        decided.rule.actions.push(summary);
        if verdict == Verdict::Matched {
            let step = format!("{}/{index}", rule.name);
            decided.requests.push(Request { step, announcement });
        }
    }
    decided
}

fn failed(rule: &Automation, reason: Reason) -> Decided {
    without_actions(rule, Verdict::Failed, reason)
}

fn without_actions(rule: &Automation, verdict: Verdict, Reason { clause, because }: Reason) -> Decided {
    let rule = Rule { automation: rule.name.clone(), verdict, clause, because, actions: Vec::new() };
    Decided { rule, requests: Vec::new() }
}

/// All verdicts, as they are announced.
pub fn verdicts(decided: &[Decided]) -> Evaluated {
    Evaluated { rules: decided.iter().map(|decided| decided.rule.clone()).collect() }
}
