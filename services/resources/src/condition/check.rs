//! What a compiled condition names: variables, functions, loops.

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SourceInfo};
use cel::{Context, ExecutionError, IdedExpr, Program, Value};

use super::environment;
use super::expression::DIGEST;
use crate::names;
use crate::rule::{Flaw, REQUEST};

/// What a guess at a function's name may name. `every_known_function_is_there` keeps it true.
const FUNCTIONS: [&str; 40] = [
    "bool",
    "bytes",
    "charAt",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "format",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "hasValue",
    "indexOf",
    "int",
    "join",
    "lastIndexOf",
    "lowerAscii",
    "matches",
    "orValue",
    "replace",
    "reverse",
    "size",
    "split",
    "startsWith",
    "string",
    "substring",
    "timestamp",
    "trim",
    "type",
    "uint",
    "upperAscii",
    "value",
];
/// The macros, and how each is called.
const MACROS: [(&str, &str); 6] = [
    ("all", "list.all(x, condition)"),
    ("exists", "list.exists(x, condition)"),
    ("exists_one", "list.exists_one(x, condition)"),
    ("filter", "list.filter(x, condition)"),
    ("has", "has(data.field)"),
    ("map", "list.map(x, value)"),
];

/// What is in a condition.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub flaws: Vec<Flaw>,
    pub uses_app: bool,
}

/// Looks at a program that may name these variables.
pub(super) fn program<'p>(program: &'p Program, variables: &'p [&'p str]) -> Found {
    let source = program.source_info();
    let mut walk = Walk { source, variables, scope: Vec::new(), found: Found::default() };
    walk.expression(program.expression());
    walk.found.flaws.sort_by_key(|flaw| flaw.offset);
    walk.found
}

struct Walk<'p> {
    source: &'p SourceInfo,
    variables: &'p [&'p str],
    /// The variables of the loops around.
    scope: Vec<&'p str>,
    found: Found,
}

impl<'p> Walk<'p> {
    fn expression(&mut self, expression: &'p IdedExpr) {
        match &expression.expr {
            Expr::Ident(name) => self.variable(expression, name),
            Expr::Select(select) if names_a_type(expression) => debug_assert!(!select.test),
            Expr::Select(select) => self.expression(&select.operand),
            Expr::Call(call) => self.call(expression, call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => list.elements.iter().for_each(|element| self.expression(element)),
            Expr::Map(map) => {
                for entry in &map.entries {
                    match &entry.expr {
                        EntryExpr::MapEntry(entry) => {
                            self.expression(&entry.key);
                            self.expression(&entry.value);
                        }
                        EntryExpr::StructField(field) => self.expression(&field.value),
                    }
                }
            }
            Expr::Struct(made) => {
                self.flaw(
                    expression,
                    format!("an expression makes no values of type `{}`", made.type_name),
                    None,
                );
            }
            Expr::Literal(_) | Expr::Unspecified => {}
        }
    }

    fn offset(&self, expression: &IdedExpr) -> usize {
        self.source.offset_for(expression.id).map_or(0, |(start, _)| start as usize)
    }

    /// A call stands at its parenthesis; its name is before that.
    fn name_of_call(&self, call: &IdedExpr) -> usize {
        let before = self.source.source.get(..self.offset(call)).unwrap_or_default().trim_end();
        before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len()
    }

    fn flaw(&mut self, expression: &IdedExpr, message: String, hint: Option<String>) {
        let offset = self.offset(expression);
        self.found.flaws.push(Flaw::new(offset, message, hint));
    }

    fn variable(&mut self, expression: &IdedExpr, name: &str) {
        // `@result` and its like are the macros' own.
        if self.scope.contains(&name) || name.starts_with('@') || names_a_type(expression) {
            return;
        }
        if !self.variables.contains(&name) {
            let offset = self.offset(expression);
            self.found.flaws.push(Flaw::unknown_variable(offset, name, self.variables));
        } else if name == "app" {
            self.found.uses_app = true;
        }
    }

    fn call(&mut self, expression: &'p IdedExpr, call: &'p CallExpr) {
        let name = call.func_name.as_str();
        // `strings.quote(x)` is a call of the function `strings.quote`, not of `quote` on a variable.
        let spelled = call.target.as_deref().and_then(qualified).map(|target| format!("{target}.{name}"));
        if !spelled.is_some_and(|spelled| declared(&spelled, false)) {
            let ours = name == DIGEST && self.variables == REQUEST;
            if is_word(name) && !ours && !declared(name, call.target.is_some()) {
                self.unknown_function(expression, name);
            }
            if let Some(target) = &call.target {
                self.expression(target);
            }
        }
        call.args.iter().for_each(|argument| self.expression(argument));
    }

    fn unknown_function(&mut self, expression: &IdedExpr, name: &str) {
        let offset = self.name_of_call(expression);
        if let Some((_, form)) = MACROS.iter().find(|(known, _)| *known == name) {
            let message = format!("`{name}` is not called like this");
            self.found.flaws.push(Flaw::new(offset, message, Some(format!("write `{form}`"))));
            return;
        }
        let known = FUNCTIONS.iter().copied().chain(MACROS.iter().map(|(name, _)| *name));
        let hint = names::nearest(name, known).map(|meant| format!("did you mean `{meant}`?"));
        self.found.flaws.push(Flaw::new(offset, format!("there is no function `{name}`"), hint));
    }

    fn comprehension(&mut self, comprehension: &'p ComprehensionExpr) {
        let ComprehensionExpr {
            iter_range,
            iter_var,
            iter_var2,
            accu_var,
            accu_init,
            loop_cond,
            loop_step,
            result,
        } = comprehension;
        self.expression(iter_range);
        self.expression(accu_init);
        let outer = self.scope.len();
        self.scope.extend([iter_var.as_str(), accu_var.as_str()]);
        self.scope.extend(iter_var2.as_deref());
        self.expression(loop_cond);
        self.expression(loop_step);
        self.scope.truncate(outer);
        self.scope.push(accu_var);
        self.expression(result);
        self.scope.truncate(outer);
    }
}

/// `a.b.c` of an expression that is nothing but a name.
fn qualified(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", qualified(&select.operand)?, select.field))
        }
        _ => None,
    }
}

/// Whether an expression is the name of a type: `string`, `google.protobuf.Timestamp`.
fn names_a_type(expression: &IdedExpr) -> bool {
    qualified(expression).is_some_and(|name| environment().types().find_type(&name).is_some())
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.".contains(c))
}

/// Whether a function is declared. CEL does not tell, so it is called without arguments: what comes back says whether the
/// name or the call was wrong.
fn declared(name: &str, on_a_value: bool) -> bool {
    let nothing = IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Null) };
    let target = on_a_value.then(|| Box::new(nothing));
    let call = Expr::Call(CallExpr { func_name: name.to_owned(), target, args: Vec::new() });
    let answer = Value::resolve(&IdedExpr { id: 0, expr: call }, &Context::with_env(environment()));
    !matches!(answer, Err(ExecutionError::UndeclaredReference(missing)) if *missing == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_function_is_there() {
        for name in FUNCTIONS {
            assert!(declared(name, false) || declared(name, true), "{name}");
        }
        assert!(!declared("frobnicate", false) && !declared("frobnicate", true));
    }
}
