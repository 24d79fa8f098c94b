//! From an object to its phases, by the expressions of the settings. Pure.

use std::fmt;

use cel::Value;
use chrono::{DateTime, Utc};
use resources::condition::{EvaluateError, Expression, Scope, of_json, type_of};

use super::sight::{Said, Sight, Step};
use crate::custom::Custom;
use crate::digest::digest_of;
use crate::gather::{Unreadable, said};

/// So many phases are foreseen: what comes after them is seen at the next list.
const FORESEEN: usize = 8;
/// A phase is a word or a few.
const PHASE_BYTES: usize = 128;

/// The expressions.
pub struct Rule {
    phase: Expression,
    again: Option<Expression>,
    message: Option<Expression>,
    digest: String,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rule").field(&self.phase.text).finish()
    }
}

impl Rule {
    /// Those of a kind.
    pub fn of(custom: &Custom) -> Self {
        let Custom { kind: _, scope: _, phase, again, message, lasts: _ } = custom.clone();
        let digest = digest_of(&phase.text);
        Self { phase, again, message, digest }
    }

    /// The phases of an object from that time on.
    pub fn read(&self, object: &serde_json::Value, at: DateTime<Utc>) -> Result<Sight, Unreadable> {
        let mut scope = Scope::new();
        scope.set("object", of_json(object));
        let mut steps = Vec::new();
        let mut next = Some(at);
        while let Some(from) = next.filter(|_| steps.len() < FORESEEN) {
            scope.set("now", Value::Timestamp(from.fixed_offset()));
            let phase = text("phase", evaluate("phase", &self.phase, &scope)?)?;
            if phase.len() > PHASE_BYTES {
                let why = format!("it is a text of {} bytes; a phase has at most {PHASE_BYTES}", phase.len());
                return Err(Unreadable::Expression { field: "phase", why });
            }
            let message = match &self.message {
                None => None,
                Some(message) => said(Some(text("message", evaluate("message", message, &scope)?)?)),
            };
            steps.push(Step { from, phase, message });
            next = match &self.again {
                None => None,
                Some(again) => first_after(from, evaluate("again", again, &scope)?)?,
            };
        }
        Ok(Sight { uid: String::new(), rule: self.digest.clone(), steps, said: Said::default() })
    }
}

fn evaluate(field: &'static str, expression: &Expression, scope: &Scope) -> Result<Value, Unreadable> {
    expression.evaluate(scope).map_err(|error| {
        let why = match error {
            EvaluateError::Failed(why) => why.to_string(),
            EvaluateError::TooLong => "its loops run over too many items".to_owned(),
        };
        Unreadable::Expression { field, why }
    })
}

fn wrong(field: &'static str, value: &Value, wanted: &str) -> Unreadable {
    Unreadable::Expression { field, why: format!("it is {}, and should be {wanted}", type_of(value)) }
}

fn text(field: &'static str, value: Value) -> Result<String, Unreadable> {
    match value {
        Value::String(text) => Ok(text.as_ref().clone()),
        other => Err(wrong(field, &other, "a text")),
    }
}

/// The first of the times that is after this one.
fn first_after(after: DateTime<Utc>, value: Value) -> Result<Option<DateTime<Utc>>, Unreadable> {
    const WANTED: &str = "a time, a list of times, or null";
    let times = match value {
        Value::List(items) => items.iter().map(|item| time(item, WANTED)).collect::<Result<Vec<_>, _>>()?,
        other => vec![time(&other, WANTED)?],
    };
    Ok(times.into_iter().flatten().filter(|time| *time > after).min())
}

fn time(value: &Value, wanted: &str) -> Result<Option<DateTime<Utc>>, Unreadable> {
    match value {
        Value::Null => Ok(None),
        Value::Timestamp(time) => Ok(Some(time.to_utc())),
        other => Err(wrong("again", other, wanted)),
    }
}
