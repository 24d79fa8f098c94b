//! From the parser's errors to words for people.

use cel::ParseErrors;

use crate::rule::{Flaw, offset_of};

/// The first error: those after it are, most often, its echoes.
pub(super) fn flaw(text: &str, errors: &ParseErrors) -> Flaw {
    let Some(error) = errors.errors.first() else {
        return Flaw::new(0, "this is not CEL", None);
    };
    let (line, column) = error.pos;
    let offset = offset_of(text, usize::try_from(line).unwrap_or(1), usize::try_from(column).unwrap_or(1));
    let message = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    if let Some(token) = quoted(message, "token recognition error at: ") {
        return Flaw::new(offset, format!("`{}` is not part of CEL", token.trim_end()), misread(token));
    }
    for found in ["mismatched input ", "extraneous input ", "no viable alternative at input "] {
        match quoted(message, found) {
            Some("<EOF>") => return Flaw::new(offset, "the expression ends too early", None),
            Some(token) => {
                return Flaw::new(
                    offset,
                    format!("`{token}` is not expected here"),
                    misplaced(&text[..offset], token),
                );
            }
            None => {}
        }
    }
    let hint = if message.contains("has() macro") {
        Some("write `has(data.field)`")
    } else if message.contains('`') {
        Some("write `data[\"x-y\"]`")
    } else {
        None
    };
    Flaw::new(offset, message, hint.map(str::to_owned))
}

/// The token in quotes that follows `prefix`.
fn quoted<'m>(message: &'m str, prefix: &str) -> Option<&'m str> {
    let rest = message.strip_prefix(prefix)?.strip_prefix('\'').or_else(|| message.strip_prefix(prefix))?;
    let rest = rest.split("' expecting ").next().unwrap_or(rest);
    let rest = rest.split(" expecting ").next().unwrap_or(rest);
    Some(rest.strip_suffix('\'').unwrap_or(rest))
}

fn misread(token: &str) -> Option<String> {
    let hint = match token.chars().next()? {
        '=' => "compare with `==`",
        '&' => "write `&&`",
        '|' => "write `||`",
        '"' | '\'' => "the text has no closing quote",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn misplaced(before: &str, token: &str) -> Option<String> {
    let hint = match token {
        "and" | "AND" => "write `&&`",
        "or" | "OR" => "write `||`",
        _ if before.trim_end().ends_with("not") => "for `not` write `!`",
        _ => return None,
    };
    Some(hint.to_owned())
}
