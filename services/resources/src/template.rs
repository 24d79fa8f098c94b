//! Templates: minijinja, compiled, checked and rendered.

mod scan;

use std::collections::HashSet;
use std::sync::LazyLock;

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};
use thiserror::Error as ThisError;

use crate::automation::Template;
use crate::names;
use crate::rule::{Flaw, VARIABLES, offset_of};
use scan::{Role, Scan, Word};

/// A longer template is a document.
pub const MAX_CHARS: usize = 16 * 1024;
/// More than any channel takes: Slack cuts a message at 40 000 characters.
pub const MAX_OUTPUT_CHARS: usize = 40_000;
/// An instruction costs one, and so do 64 bytes that are moved: some milliseconds of work.
const FUEL: u64 = 100_000;
/// What a guess may name. `every_known_filter_and_test_is_there` keeps it true.
const FILTERS: [&str; 29] = [
    "abs",
    "capitalize",
    "default",
    "escape",
    "first",
    "float",
    "format",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "replace",
    "reverse",
    "round",
    "sort",
    "split",
    "string",
    "title",
    "tojson",
    "trim",
    "upper",
];
const TESTS: [&str; 12] = [
    "boolean",
    "defined",
    "endingwith",
    "even",
    "integer",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "undefined",
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // A misspelt field is an error, not an empty place in the message.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // It prints all that the template sees.
    environment.remove_global("debug");
    environment
});

/// Why a template could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum RenderError {
    /// It names something that is not there, or does something that cannot be done.
    #[error("{message} at `{near}`")]
    Failed {
        /// What is wrong.
        message: String,
        /// The part of the template that it is about.
        near: String,
    },
    /// It takes too long.
    #[error("the template takes more work than a template may ({FUEL} steps)")]
    TooLong,
    /// It comes to too much.
    #[error("the text has {0} characters, the limit is {MAX_OUTPUT_CHARS}")]
    TooMuch(usize),
}

impl Template {
    /// Compiles a template; names whatever it names that there is not.
    pub fn compile(text: &str) -> Result<Self, Vec<Flaw>> {
        if text.chars().count() > MAX_CHARS {
            return Err(vec![Flaw::new(
                0,
                format!("the template has more than {MAX_CHARS} characters"),
                None,
            )]);
        }
        let compiled = ENVIRONMENT.template_from_str(text).map_err(|error| vec![syntax(text, &error)])?;
        let Scan { words, sliced } = scan::scan(text);
        let mut looked_up = compiled.undeclared_variables(false);
        looked_up.extend(undeclared_and_sliced(text, &sliced));
        let mut flaws: Vec<Flaw> = looked_up
            .iter()
            .filter(|name| !VARIABLES.contains(&name.as_str()))
            .filter(|name| !ENVIRONMENT.globals().any(|(global, _)| global == name.as_str()))
            .map(|name| {
                let place = words.iter().find(|word| word.role == Role::Name && word.text == name);
                Flaw::unknown_variable(place.map_or(0, |word| word.offset), name, &VARIABLES)
            })
            .collect();
        flaws.extend(words.iter().filter_map(unknown));
        flaws.sort_by_key(|flaw| flaw.offset);
        if flaws.is_empty() {
            Ok(Self { text: text.to_owned(), uses_app: looked_up.contains("app") })
        } else {
            Err(flaws)
        }
    }

    /// Whether it says the same for every event.
    pub fn is_fixed(&self) -> bool {
        !["{{", "{%", "{#"].iter().any(|mark| self.text.contains(mark))
    }

    /// Renders it. `scope` holds [`VARIABLES`].
    pub fn render(&self, scope: &Value) -> Result<String, RenderError> {
        let rendered =
            ENVIRONMENT.render_str(&self.text, scope.clone()).map_err(|error| self.failed(&error))?;
        let length = rendered.chars().count();
        if length > MAX_OUTPUT_CHARS { Err(RenderError::TooMuch(length)) } else { Ok(rendered) }
    }

    fn failed(&self, error: &Error) -> RenderError {
        if error.kind() == ErrorKind::OutOfFuel {
            return RenderError::TooLong;
        }
        let message = match (error.kind(), error.detail()) {
            (ErrorKind::UndefinedError, _) => "there is no such value".to_owned(),
            (_, Some(detail)) => detail.to_owned(),
            (kind, None) => kind.to_string(),
        };
        let range = error.range().unwrap_or_default();
        let before = self.text.get(..range.start).unwrap_or_default();
        // The range of `data.x.y` may be that of `.y` alone.
        let start = before.trim_end_matches(|c: char| c.is_alphanumeric() || "._[]".contains(c)).len();
        let near = self.text.get(start..range.end).filter(|near| !near.is_empty()).unwrap_or(&self.text);
        RenderError::Failed { message, near: near.to_owned() }
    }
}

/// The variables that are sliced, which minijinja overlooks: each is put in front of its block, where the same variables
/// are declared, and minijinja is asked about that.
fn undeclared_and_sliced(text: &str, sliced: &[(usize, &str)]) -> HashSet<String> {
    let mut spelled_out = String::with_capacity(text.len());
    let mut copied = 0;
    for (block, name) in sliced {
        spelled_out.push_str(&text[copied..*block]);
        spelled_out.push_str("{{ ");
        spelled_out.push_str(name);
        spelled_out.push_str(" }}");
        copied = *block;
    }
    spelled_out.push_str(&text[copied..]);
    let template = ENVIRONMENT.template_from_str(&spelled_out);
    template.map(|template| template.undeclared_variables(false)).unwrap_or_default()
}

fn syntax(text: &str, error: &Error) -> Flaw {
    let offset = match (error.range(), error.line()) {
        (Some(range), _) => range.start,
        (None, line) => offset_of(text, line.unwrap_or(1), 1),
    };
    let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    Flaw::new(offset, message, None)
}

/// Whether a word names a filter or test that there is not: minijinja is asked by using it.
fn unknown(word: &Word<'_>) -> Option<Flaw> {
    let (expression, what, known, missing) = match word.role {
        Role::Name | Role::Attribute => return None,
        Role::Filter => (format!("none|{}", word.text), "filter", &FILTERS[..], ErrorKind::UnknownFilter),
        Role::Test => (format!("none is {}", word.text), "test", &TESTS[..], ErrorKind::UnknownTest),
    };
    let answer = ENVIRONMENT.compile_expression_owned(expression).and_then(|expression| expression.eval(()));
    if answer.is_ok() || answer.is_err_and(|error| error.kind() != missing) {
        return None;
    }
    let hint =
        names::nearest(word.text, known.iter().copied()).map(|meant| format!("did you mean `{meant}`?"));
    Some(Flaw::new(word.offset, format!("there is no {what} `{}`", word.text), hint))
}

#[cfg(test)]
mod tests {
    use minijinja::value::Serde;
    use serde_json::json;

    use super::*;

    fn scope() -> Value {
        Value::from(Serde(json!({
            "event": {"type": "com.github.push"},
            "data": {"sha": "3b2f1c0d9e8f", "html": "<b>", "tags": ["a", "b"], "labels": {}},
            "app": {"name": "my-app"},
        })))
    }

    fn rendered(text: &str) -> Result<String, RenderError> {
        Template::compile(text).unwrap_or_else(|flaws| panic!("{text}: {flaws:?}")).render(&scope())
    }

    #[test]
    fn templates_render() {
        for (text, expected) in [
            ("{{ data.sha[:7] }}", "3b2f1c0"),
            ("{{ app.name }} by {{ event.type }}", "my-app by com.github.push"),
            ("{{ data.html }}", "<b>"),
            ("{% for tag in data.tags %}{{ tag }},{% endfor %}", "a,b,"),
            ("{% set x = data.sha %}{{ x | upper }}", "3B2F1C0D9E8F"),
            ("{{ data.labels.team | default('nobody') }}", "nobody"),
            ("{{ 'yes' if data.labels.team is defined else 'no' }}", "no"),
            ("{{ data.tags | tojson }}", "[\"a\", \"b\"]"),
            ("{% for i in range(3) %}{{ loop.index }}{% endfor %}", "123"),
            ("no code at all", "no code at all"),
            ("line\n", "line"),
        ] {
            assert_eq!(rendered(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_rendered_says_why_and_where() {
        for (text, expected) in [
            ("{{ data.shaa }}", "there is no such value at `data.shaa`"),
            ("x {{ data.labels.team.name }}", "there is no such value at `data.labels.team.name`"),
            (
                "{{ data.tags + 1 }}",
                "tried to use + operator on unsupported types sequence and number at `data.tags + 1`",
            ),
            ("{% include 'x' %}", "tried to include non-existing template 'x' at `include 'x'`"),
        ] {
            assert_eq!(rendered(text).map_err(|error| error.to_string()), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_template_cannot_run_away() {
        assert_eq!(
            rendered("{% for i in range(90000) %}{% for j in range(90000) %}x{% endfor %}{% endfor %}"),
            Err(RenderError::TooLong)
        );
        assert_eq!(rendered("{{ 'x' * 100000000 }}"), Err(RenderError::TooLong));
        assert_eq!(rendered("{{ 'x' * 40000 }}").map(|text| text.len()), Ok(40_000));
        assert_eq!(rendered("{{ 'x' * 40001 }}"), Err(RenderError::TooMuch(40_001)));
    }

    #[test]
    fn a_flaw_has_its_place() {
        for (text, expected) in [
            ("{{ data.x", "8: unexpected end of input, expected end of variable block ()"),
            ("a\n{% fo x %}", "5: unknown statement fo ()"),
            ("a {{ dta.x }}", "5: there is no variable `dta` (did you mean `data`?)"),
            ("{{ data.x | uper }}", "12: there is no filter `uper` (did you mean `upper`?)"),
            (
                "{% if data.x is defned %}{% endif %}",
                "16: there is no test `defned` (did you mean `defined`?)",
            ),
            ("{{ dat.after[:7] }}", "3: there is no variable `dat` (did you mean `data`?)"),
            (
                "{% set d = data.after %}{{ d[:7] }}{{ e[:7] }}",
                "38: there is no variable `e` (there are `event` (the envelope), `data` (the body) and `app`)",
            ),
            (
                "{{ debug() }}",
                "3: there is no variable `debug` (there are `event` (the envelope), `data` (the body) and `app`)",
            ),
        ] {
            let flaws = Template::compile(text).expect_err(text);
            let found: Vec<_> = flaws
                .into_iter()
                .map(|flaw| format!("{}: {} ({})", flaw.offset, flaw.message, flaw.hint.unwrap_or_default()))
                .collect();
            assert_eq!(found, [expected], "{text}");
        }
        assert!(Template::compile(&"x".repeat(MAX_CHARS + 1)).is_err());
    }

    #[test]
    fn a_template_says_whether_it_uses_app_and_whether_it_is_fixed() {
        for (text, uses_app, fixed) in [
            ("{{ app.name }}", true, false),
            ("{{ app.name[:3] }}", true, false),
            ("{{ data.app }}", false, false),
            ("app", false, true),
            ("{# app #}", false, false),
        ] {
            let template = Template::compile(text).expect(text);
            assert_eq!((template.uses_app, template.is_fixed()), (uses_app, fixed), "{text}");
        }
    }

    #[test]
    fn every_known_filter_and_test_is_there() {
        for text in FILTERS {
            assert_eq!(unknown(&Word { offset: 0, text, role: Role::Filter }), None, "{text}");
        }
        for text in TESTS {
            assert_eq!(unknown(&Word { offset: 0, text, role: Role::Test }), None, "{text}");
        }
    }
}
