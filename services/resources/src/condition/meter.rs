//! A limit on what a condition may cost. CEL has none of its own, and the body that a loop runs over is somebody else's.
//!
//! Each loop of the compiled expression runs over `@spend(list)` instead of `list`: a function that counts the items and
//! hands the list on, so that nested loops are counted as often as they run. `@` cannot be written in CEL, so nobody else
//! calls it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cel::common::ast::{CallExpr, EntryExpr, Expr};
use cel::common::value::CowVal;
use cel::{Context, ExecutionError, FunctionContext, IdedExpr, Value};
use thiserror::Error;

use super::environment;
use crate::automation::Condition;

/// Items that all loops of a condition together may run over: about a second of work at the worst.
pub const MAX_ITEMS: u64 = 500_000;

const SPEND: &str = "@spend";

/// Why a condition could not be evaluated.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum EvaluateError {
    /// CEL says that it cannot be.
    #[error("the condition cannot be evaluated")]
    Failed(#[from] ExecutionError),
    /// It costs too much.
    #[error("the loops of the condition run over more than {MAX_ITEMS} items")]
    TooLong,
}

/// What conditions are evaluated in: the variables, and what has been spent.
pub struct Scope {
    context: Context<'static, 'static>,
    spent: Arc<AtomicU64>,
}

pub(super) type Function = Box<
    dyn for<'c, 'v> Fn(&mut FunctionContext<'c, 'v>) -> Result<CowVal<'c, 'v>, ExecutionError> + Send + Sync,
>;

impl Scope {
    /// Without variables.
    ///
    /// # Panics
    /// Never: no function of CEL has the name of ours.
    pub fn new() -> Self {
        let context = Context::with_env(environment());
        let spent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&spent);
        let count: Function = Box::new(move |call| {
            let list = call.args.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
            let items = list.as_sizer().and_then(|sizer| u64::try_from(*sizer.size().inner()).ok());
            // An empty loop costs something too.
            let cost = items.unwrap_or(0).saturating_add(1);
            let before = counter.fetch_add(cost, Ordering::Relaxed);
            if before.saturating_add(cost) > MAX_ITEMS {
                return Err(call.error(EvaluateError::TooLong));
            }
            Ok(list)
        });
        let mut scope = Self { context, spent };
        scope.add_function(SPEND, count);
        scope
    }

    pub(super) fn add_function(&mut self, name: &str, function: Function) {
        self.context.add_function(name, function).expect("CEL has no function of this name");
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.context.add_variable_from_value(name, value);
    }

    /// The value of a part of a condition, for who explains it; counts as part of the last evaluation.
    pub fn resolve(&self, part: &IdedExpr) -> Result<Value, ExecutionError> {
        Value::resolve(part, &self.context)
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("spent", &self.spent).finish_non_exhaustive()
    }
}

impl Condition {
    /// The expression that is evaluated.
    pub fn expression(&self) -> &IdedExpr {
        &self.metered
    }

    /// Evaluates it. The value is not sure to be true or false.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvaluateError> {
        evaluate(&self.metered, scope)
    }
}

/// Evaluates what [`metered`] made.
pub(super) fn evaluate(metered: &IdedExpr, scope: &Scope) -> Result<Value, EvaluateError> {
    scope.spent.store(0, Ordering::Relaxed);
    let value = scope.resolve(metered);
    // CEL forgives an error beside an operand that decides; a loop that was cut short is not forgiven.
    if scope.spent.load(Ordering::Relaxed) > MAX_ITEMS {
        return Err(EvaluateError::TooLong);
    }
    Ok(value?)
}

/// Has each loop of an expression count what it runs over.
pub(super) fn metered(mut expression: IdedExpr) -> IdedExpr {
    meter(&mut expression);
    expression
}

fn meter(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Comprehension(comprehension) => {
            let parts = [
                &mut comprehension.iter_range,
                &mut comprehension.accu_init,
                &mut comprehension.loop_cond,
                &mut comprehension.loop_step,
                &mut comprehension.result,
            ];
            parts.into_iter().for_each(meter);
            let list = std::mem::take(&mut comprehension.iter_range);
            let id = list.id;
            let call = CallExpr { func_name: SPEND.to_owned(), target: None, args: vec![list] };
            comprehension.iter_range = IdedExpr { id, expr: Expr::Call(call) };
        }
        Expr::Call(call) => call.target.iter_mut().map(AsMut::as_mut).chain(&mut call.args).for_each(meter),
        Expr::List(list) => list.elements.iter_mut().for_each(meter),
        Expr::Select(select) => meter(&mut select.operand),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                match &mut entry.expr {
                    EntryExpr::MapEntry(entry) => {
                        meter(&mut entry.key);
                        meter(&mut entry.value);
                    }
                    EntryExpr::StructField(field) => meter(&mut field.value),
                }
            }
        }
        // A condition makes no values of other types: `check` refuses that.
        Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scope with a list `data` of so many lists of so many numbers.
    fn scope(lists: usize, numbers: i64) -> Scope {
        let mut scope = Scope::new();
        let inner = Value::from((0..numbers).collect::<Vec<_>>());
        scope.set("data", vec![inner; lists]);
        scope
    }

    fn evaluated(text: &str, scope: &Scope) -> Result<Value, EvaluateError> {
        Condition::compile(text).expect(text).evaluate(scope)
    }

    #[test]
    fn loops_come_to_what_they_did() {
        let scope = scope(3, 4);
        for (text, expected) in [
            ("data.all(x, x.exists(y, y == 3))", true),
            ("data.exists(x, x[0] == 1)", false),
            ("data[0].exists_one(x, x == 2)", true),
            ("data[0].map(x, x * 2) == [0, 2, 4, 6]", true),
            ("data[0].map(x, x > 1, x * 2) == [4, 6]", true),
            ("data[0].filter(x, x > 1) == [2, 3]", true),
            ("data.map(x, x.filter(y, y > 2)) == [[3], [3], [3]]", true),
            ("{\"a\": 1}.all(k, k == \"a\")", true),
            ("[data.exists(x, true)][0] && {true: data.all(x, true)}[true]", true),
        ] {
            assert_eq!(evaluated(text, &scope), Ok(Value::Bool(expected)), "{text}");
        }
    }

    #[test]
    fn nested_loops_are_counted_as_often_as_they_run() {
        // 700 * (700 + 1) + 701 is under the limit, 720 * 721 + 721 over it.
        let text = "data.all(x, data.all(y, true))";
        assert_eq!(evaluated(text, &scope(700, 0)), Ok(Value::Bool(true)));
        assert_eq!(evaluated(text, &scope(720, 0)), Err(EvaluateError::TooLong));
        // What runs over the parts of a large body costs what the body has, not its square.
        assert_eq!(evaluated("data.all(x, x.all(y, y >= 0))", &scope(720, 600)), Ok(Value::Bool(true)));
    }

    #[test]
    fn a_loop_that_was_cut_short_is_not_forgiven() {
        let scope = scope(720, 0);
        for text in
            ["data.all(x, data.all(y, true)) || true", "data.exists(x, data.exists(y, false)) && false"]
        {
            assert_eq!(evaluated(text, &scope), Err(EvaluateError::TooLong), "{text}");
        }
        // The next condition begins anew.
        assert_eq!(evaluated("data.all(x, true)", &scope), Ok(Value::Bool(true)));
    }
}
