//! Why a condition came to what it came to, in words for people: which clause decided, and what it saw.

use cel::common::ast::{Expr, SelectExpr};
use cel::{ExecutionError, IdedExpr, Value};
use resources::automation::Condition;
use resources::condition::{EvaluateError, Scope};
use resources::names;

use crate::clause::{Clause, bare, split};
use crate::show;

/// Longest explanation, in characters.
const MAX_CHARS: usize = 1000;
/// Longest part of a condition that is repeated, in characters.
const MAX_CLAUSE_CHARS: usize = 200;

/// Why a condition holds (`actual`) or does not.
pub(crate) fn decision(text: &str, scope: &Scope, actual: bool) -> String {
    let mut reasons = Vec::new();
    Explainer { scope, reasons: &mut reasons }.clause(text, actual, true);
    show::cut(&reasons.join("; "), MAX_CHARS)
}

/// Why a condition could not be evaluated: the clause, and what was wrong with it.
pub(crate) fn failure(text: &str, scope: &Scope, error: &ExecutionError) -> String {
    let (clause, condition, error) = culprit(text, scope, error.clone());
    let what = match (&error, condition) {
        (ExecutionError::NoSuchKey(key), Some(condition)) => {
            missing_field(condition.expression(), scope, key)
                .unwrap_or_else(|| format!("there is no field `{key}`"))
        }
        (ExecutionError::NoSuchKey(key), None) => format!("there is no field `{key}`"),
        _ => error.to_string(),
    };
    show::cut(&format!("`{}`: {what}", show::cut(clause, MAX_CLAUSE_CHARS)), MAX_CHARS)
}

/// The smallest clause that fails.
fn culprit<'t>(
    text: &'t str,
    scope: &Scope,
    error: ExecutionError,
) -> (&'t str, Option<Condition>, ExecutionError) {
    let text = bare(text);
    let inner = match split(text) {
        Clause::All(parts) | Clause::Any(parts) => parts,
        Clause::Not(inner) => vec![inner],
        Clause::Compare { left, right, .. } => vec![left, right],
        Clause::Method { .. } | Clause::Other => Vec::new(),
    };
    for part in inner {
        if let Some(Err(error)) = evaluate(part, scope) {
            let (clause, condition, error) = culprit(part, scope, error);
            // `a.b == 1` says more than `a.b`, and no less.
            let clause = if matches!(split(text), Clause::Compare { .. }) { text } else { clause };
            return (clause, condition, error);
        }
    }
    (text, Condition::compile(text).ok(), error)
}

/// Says whose field is missing, and which one was most likely meant.
fn missing_field(expression: &IdedExpr, scope: &Scope, key: &str) -> Option<String> {
    let select = find_select(expression, scope, key)?;
    let Ok(Value::Map(owner)) = scope.resolve(&select.operand) else { return None };
    let of = qualified(&select.operand).map_or_else(String::new, |of| format!("{of} has "));
    let mut known: Vec<String> = owner.map.keys().map(ToString::to_string).collect();
    known.sort();
    let meant = names::nearest(key, known.iter().map(String::as_str))
        .map_or_else(String::new, |meant| format!(", did you mean `{meant}`?"));
    let there_is = if of.is_empty() { "there is " } else { "" };
    Some(format!("{there_is}{of}no field `{key}`{meant}"))
}

/// The selection of `key` from a mapping that has no such key.
fn find_select<'e>(expression: &'e IdedExpr, scope: &Scope, key: &str) -> Option<&'e SelectExpr> {
    match &expression.expr {
        Expr::Select(select) => {
            let inner = find_select(&select.operand, scope, key);
            let lacks = || matches!(scope.resolve(&select.operand), Ok(Value::Map(map)) if map.get(&cel::objects::KeyRef::String(key)).is_none());
            inner.or_else(|| (select.field == key && !select.test && lacks()).then_some(select))
        }
        Expr::Call(call) => call
            .target
            .iter()
            .map(AsRef::as_ref)
            .chain(&call.args)
            .find_map(|part| find_select(part, scope, key)),
        Expr::Comprehension(comprehension) => find_select(&comprehension.iter_range, scope, key),
        Expr::List(list) => list.elements.iter().find_map(|element| find_select(element, scope, key)),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => None,
    }
}

fn qualified(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", qualified(&select.operand)?, select.field))
        }
        _ => None,
    }
}

/// The value of a part of a condition; `None` when the part is no condition of its own, or costs too much.
fn evaluate(text: &str, scope: &Scope) -> Option<Result<Value, ExecutionError>> {
    match Condition::compile(text).ok()?.evaluate(scope) {
        Ok(value) => Some(Ok(value)),
        Err(EvaluateError::Failed(error)) => Some(Err(error)),
        Err(EvaluateError::TooLong) => None,
    }
}

struct Explainer<'a> {
    scope: &'a Scope,
    reasons: &'a mut Vec<String>,
}

impl Explainer<'_> {
    /// Why `text` is `actual`, when it should be `wanted`.
    fn clause(&mut self, text: &str, actual: bool, wanted: bool) {
        let text = bare(text);
        match split(text) {
            // `&&` is false by any that is false, and true by all; `||` the other way round.
            Clause::All(parts) => self.parts(&parts, actual, wanted, !actual),
            Clause::Any(parts) => self.parts(&parts, actual, wanted, actual),
            Clause::Not(inner) => self.clause(inner, !actual, !wanted),
            Clause::Compare { left, operator, right } => {
                self.comparison(text, left, operator, right, actual, wanted);
            }
            Clause::Method { receiver } => {
                let seen = self
                    .value(receiver)
                    .map_or_else(String::new, |value| format!(" ({receiver} is {value})"));
                self.plain(text, actual, &seen);
            }
            Clause::Other => self.plain(text, actual, ""),
        }
    }

    fn parts(&mut self, parts: &[&str], actual: bool, wanted: bool, any_decides: bool) {
        let deciding = |part: &&&str| matches!(evaluate(part, self.scope), Some(Ok(Value::Bool(value))) if value == actual);
        let mut deciding: Vec<&&str> = parts.iter().filter(deciding).collect();
        if any_decides && actual == wanted {
            // One is enough to hold; all that fail are worth knowing.
            deciding.truncate(1);
        }
        for part in deciding {
            self.clause(part, actual, wanted);
        }
    }

    fn comparison(
        &mut self,
        text: &str,
        left: &str,
        operator: &str,
        right: &str,
        actual: bool,
        wanted: bool,
    ) {
        let (Some(seen), Some(other)) = (self.value(left), self.value(right)) else {
            return self.plain(text, actual, "");
        };
        let (left, right) = (show::cut(left, MAX_CLAUSE_CHARS), show::cut(right, MAX_CLAUSE_CHARS));
        let other = if is_literal(&right) { String::new() } else { format!(" ({other})") };
        self.reasons.push(match (actual == wanted, wanted) {
            (true, true) if operator == "==" && other.is_empty() => format!("{left} is {seen}"),
            (true, true) => format!("{left} is {seen}, {operator} {right}{other}"),
            (true, false) => format!("{left} is {seen}, not {operator} {right}{other}"),
            (false, true) => format!("{left} is {seen}, wanted {operator} {right}{other}"),
            (false, false) => format!("{left} is {seen}, wanted not {operator} {right}{other}"),
        });
    }

    fn plain(&mut self, text: &str, actual: bool, seen: &str) {
        self.reasons.push(format!("{} is {actual}{seen}", show::cut(text, MAX_CLAUSE_CHARS)));
    }

    fn value(&self, text: &str) -> Option<String> {
        evaluate(text, self.scope)?.ok().map(|value| show::value(&value))
    }
}

/// Whether a text says its own value.
fn is_literal(text: &str) -> bool {
    matches!(
        Condition::compile(text).map(|condition| condition.expression().expr.clone()),
        Ok(Expr::Literal(_) | Expr::List(_))
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use resources::automation::Condition;

    use super::*;

    fn scope() -> Scope {
        let mut scope = Scope::new();
        let data = [("one", Value::Int(1)), ("yes", Value::Bool(true)), ("text", Value::from("a && b"))];
        scope.set("data", std::collections::HashMap::from(data));
        scope
    }

    /// Conditions of a few clauses, in brackets or not, that can all be evaluated.
    fn conditions() -> impl Strategy<Value = String> {
        let clause = prop::sample::select(vec![
            "data.one == 1",
            "data.one > 1",
            "data.one in [1, 2]",
            "data.yes",
            "!data.yes",
            "has(data.no)",
            "data.text == 'a && b'",
            "data.text.contains(\"|| (\")",
            "[1, 2].exists(x, x == data.one && x < 2)",
            "(data.yes ? data.one : 2) == 1",
        ]);
        clause.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} && {b}")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} || {b}")),
                inner.clone().prop_map(|a| format!("({a})")),
                inner.prop_map(|a| format!("!({a})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_an_expression_is_split_into_comes_to_the_same(text in conditions()) {
            let scope = scope();
            let truth = |part: &str| matches!(evaluate(part, &scope), Some(Ok(Value::Bool(true))));
            let whole = match evaluate(&text, &scope) {
                Some(Ok(Value::Bool(whole))) => whole,
                other => return Err(TestCaseError::fail(format!("{text} comes to {other:?}"))),
            };
            let put_together = match split(&text) {
                Clause::All(parts) => parts.into_iter().all(truth),
                Clause::Any(parts) => parts.into_iter().any(truth),
                Clause::Not(inner) => !truth(inner),
                Clause::Compare { left, operator, right } => truth(&format!("({left}) {operator} ({right})")),
                Clause::Method { .. } | Clause::Other => whole,
            };
            prop_assert_eq!(put_together, whole, "{}", text);
            prop_assert!(!decision(&text, &scope, whole).is_empty(), "{}", text);
        }

        #[test]
        fn whatever_compiles_is_explained_without_a_panic(text in "(data|app|event|true|1|'x'|has\\(data.a\\)|\\.a|\\[0\\]| && | \\|\\| |!|\\(|\\)| == | < | in | \\? | : ){1,12}") {
            if let Ok(condition) = Condition::compile(&text) {
                let scope = scope();
                let said = match condition.evaluate(&scope) {
                    Ok(value) => decision(&text, &scope, matches!(value, Value::Bool(true))),
                    Err(EvaluateError::Failed(error)) => failure(&text, &scope, &error),
                    Err(EvaluateError::TooLong) => String::new(),
                };
                prop_assert!(said.chars().count() <= MAX_CHARS + 1);
            }
        }
    }
}
