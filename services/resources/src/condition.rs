//! Conditions: CEL, compiled and checked.

mod check;
mod expression;
mod json;
mod meter;
mod syntax;

use std::sync::{Arc, LazyLock};

use cel::{Env, IdedExpr, Program};

use crate::automation::Condition;
use crate::rule::{Flaw, VARIABLES};

pub use expression::Expression;
pub use json::{of_json, type_of};
pub use meter::{EvaluateError, MAX_ITEMS, Scope};

/// A longer expression is a program; the parser's recursion is bounded on its own.
pub const MAX_CHARS: usize = 4096;

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut environment = Env::stdlib();
    environment
        .add_extension(cel::extensions::strings)
        .expect("the strings extension has no name in common with the standard library");
    Arc::new(environment)
});

/// CEL's standard library with the strings extension: conditions are compiled in it and have to be evaluated in it.
pub fn environment() -> Arc<Env> {
    Arc::clone(&ENVIRONMENT)
}

impl Condition {
    /// Compiles a condition; names whatever it names that there is not.
    pub fn compile(text: &str) -> Result<Self, Vec<Flaw>> {
        if text.trim().is_empty() {
            let hint = "leave `when` away to match always".to_owned();
            return Err(vec![Flaw::new(0, "the condition is empty", Some(hint))]);
        }
        let Compiled { program, metered, uses_app } = compile(text, &VARIABLES)?;
        Ok(Self { text: text.to_owned(), program: Arc::new(program), metered, uses_app })
    }
}

/// What came of a text.
struct Compiled {
    program: Program,
    /// With a limit on what its loops may cost.
    metered: Arc<IdedExpr>,
    uses_app: bool,
}

/// Compiles a text that may name these variables.
fn compile(text: &str, variables: &[&str]) -> Result<Compiled, Vec<Flaw>> {
    if text.chars().count() > MAX_CHARS {
        let message = format!("the expression has more than {MAX_CHARS} characters");
        return Err(vec![Flaw::new(0, message, None)]);
    }
    let program = environment().compile(text).map_err(|errors| vec![syntax::flaw(text, &errors)])?;
    let found = check::program(&program, variables);
    if !found.flaws.is_empty() {
        return Err(found.flaws);
    }
    let metered = Arc::new(meter::metered(program.expression().clone()));
    Ok(Compiled { program, metered, uses_app: found.uses_app })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaws(text: &str) -> Vec<String> {
        let flaws = Condition::compile(text).expect_err(text);
        flaws
            .into_iter()
            .map(|flaw| format!("{}: {} ({})", flaw.offset, flaw.message, flaw.hint.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn a_condition_says_whether_it_uses_app() {
        for (text, uses_app) in [
            ("true", false),
            ("data.x == app.branch", true),
            ("data.app == \"my-app\"", false),
            ("data.items.exists(app, app.x == 1)", false),
            ("data.a.exists(x, x.b.all(y, y > 0)) && data.c.exists(z, z == 1)", false),
            ("has(app.image)", true),
            ("type(data.x) == string && strings.quote(data.y) != \"\"", false),
            ("event.time > timestamp(\"2026-01-01T00:00:00Z\")", false),
            ("data.tags.map(t, t.lowerAscii()).join(\",\").startsWith(\"a\")", false),
            ("\"x\" in data.labels && data[\"a-b\"][0] == 1", false),
            ("data.?x.orValue(1) == 1", false),
            ("{\"a\": [data.x]}.a == [1]", false),
        ] {
            let condition = Condition::compile(text).unwrap_or_else(|flaws| panic!("{text}: {flaws:?}"));
            assert_eq!(condition.uses_app, uses_app, "{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_named_with_its_place() {
        for (text, expected) in [
            ("dta.x == 1", &["0: there is no variable `dta` (did you mean `data`?)"][..]),
            (
                "workflow_run.x == 1",
                &[
                    "0: there is no variable `workflow_run` (the body of the event is `data`: `data.workflow_run`)",
                ],
            ),
            ("data.x.startWith('a')", &["7: there is no function `startWith` (did you mean `startsWith`?)"]),
            ("frobnicate(data)", &["0: there is no function `frobnicate` ()"]),
            (
                "data.x == y && z",
                &[
                    "10: there is no variable `y` (there are `event` (the envelope), `data` (the body) and `app`)",
                    "15: there is no variable `z` (there are `event` (the envelope), `data` (the body) and `app`)",
                ],
            ),
            (
                "data.x.exists(y, y == 1) && y",
                &[
                    "28: there is no variable `y` (there are `event` (the envelope), `data` (the body) and `app`)",
                ],
            ),
            (
                "data.x.exists(1)",
                &["7: `exists` is not called like this (write `list.exists(x, condition)`)"],
            ),
            ("Foo{a: 1} == data", &["3: an expression makes no values of type `Foo` ()"]),
            (
                "'ää' == nope",
                &[
                    "10: there is no variable `nope` (there are `event` (the envelope), `data` (the body) and `app`)",
                ],
            ),
        ] {
            assert_eq!(flaws(text), expected, "{text}");
        }
    }

    #[test]
    fn an_expression_over_an_object_names_what_there_is_not() {
        for (text, expected) in [
            ("objct.x", "0: there is no variable `objct` (did you mean `object`?)"),
            (
                "ready",
                "0: there is no variable `ready` (there are `object` (as Kubernetes has it) and `now`; a text has quotes: `\"ready\"`)",
            ),
            ("digest(object.x)", "0: there is no function `digest` ()"),
            ("object.x == ", "12: the expression ends too early ()"),
        ] {
            let flaws = Expression::of_object(text).expect_err(text);
            let flaws: Vec<String> = flaws
                .into_iter()
                .map(|flaw| format!("{}: {} ({})", flaw.offset, flaw.message, flaw.hint.unwrap_or_default()))
                .collect();
            assert_eq!(flaws, [expected], "{text}");
        }
        let text = r#"now > timestamp(object.status.notAfter) - duration("720h") ? "expiring" : "ready""#;
        assert_eq!(Expression::of_object(text).expect("it is right").text, text);
    }

    #[test]
    fn a_broken_condition_says_where_it_breaks() {
        for (text, expected) in [
            ("data.x = \"y\"", "7: `=` is not part of CEL (compare with `==`)"),
            ("data.x == ", "10: the expression ends too early ()"),
            ("a && b) || c", "6: `)` is not expected here ()"),
            ("data.x == 'a' and data.y", "14: `and` is not expected here (write `&&`)"),
            ("not data.y", "4: `data` is not expected here (for `not` write `!`)"),
            ("x\n  == 'y'\n && §", "15: `§` is not part of CEL ()"),
            ("has(data)", "4: invalid argument to has() macro (write `has(data.field)`)"),
            ("data.`x-y` == 1", "4: unsupported syntax: '`' (write `data[\"x-y\"]`)"),
            (
                "data.x == \"unterminated",
                "10: `\"unterminated` is not part of CEL (the text has no closing quote)",
            ),
            (" ", "0: the condition is empty (leave `when` away to match always)"),
        ] {
            assert_eq!(flaws(text), [expected], "{text}");
        }
        let long = format!("data.x == \"{}\"", "y".repeat(MAX_CHARS));
        assert_eq!(flaws(&long), ["0: the expression has more than 4096 characters ()"]);
    }
}
