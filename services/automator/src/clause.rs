//! The outermost structure of a CEL expression, by its text: what a person would point at.
//!
//! The expression is known to compile, so quotes, brackets and operators are all that has to be understood. The text is
//! split rather than the tree printed, because a clause should be shown as it was written.

/// The outermost structure of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Clause<'t> {
    /// `a && b && c`
    All(Vec<&'t str>),
    /// `a || b || c`
    Any(Vec<&'t str>),
    /// `!a`
    Not(&'t str),
    /// `a == b`
    Compare { left: &'t str, operator: &'static str, right: &'t str },
    /// `a.f(…)`: a method on a value
    Method { receiver: &'t str },
    /// Anything else.
    Other,
}

const COMPARISONS: [&str; 7] = ["==", "!=", "<=", ">=", "<", ">", "in"];

/// An operator outside of all brackets and quotes.
struct Operator {
    at: usize,
    sign: &'static str,
}

/// Takes away the white space and the brackets around an expression.
pub(crate) fn bare(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        if closing(text, 0) != Some(text.len() - 1) {
            break;
        }
        text = inner.trim();
    }
    text
}

/// The outermost structure of an expression.
pub(crate) fn split(text: &str) -> Clause<'_> {
    let text = bare(text);
    let operators = operators(text);
    let has = |sign: &str| operators.iter().any(|operator| operator.sign == sign);
    if has("?") {
        return Clause::Other;
    }
    for (sign, make) in [("||", Clause::Any as fn(Vec<_>) -> _), ("&&", Clause::All)] {
        if has(sign) {
            return make(parts(text, operators.iter().filter(|operator| operator.sign == sign)));
        }
    }
    let comparisons: Vec<&Operator> =
        operators.iter().filter(|operator| COMPARISONS.contains(&operator.sign)).collect();
    if let [only] = comparisons[..] {
        let (left, right) = (&text[..only.at], &text[only.at + only.sign.len()..]);
        return Clause::Compare { left: bare(left), operator: only.sign, right: bare(right) };
    }
    if !comparisons.is_empty() || has("+") {
        return Clause::Other;
    }
    if let Some(inner) = text.strip_prefix('!') {
        return Clause::Not(bare(inner));
    }
    method(text).unwrap_or(Clause::Other)
}

fn parts<'t, 'o>(text: &'t str, separators: impl Iterator<Item = &'o Operator>) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for separator in separators {
        parts.push(bare(&text[start..separator.at]));
        start = separator.at + separator.sign.len();
    }
    parts.push(bare(&text[start..]));
    parts
}

/// `a.b(…)` and nothing after it. `has(…)` and `f(…)` have no receiver.
fn method(text: &str) -> Option<Clause<'_>> {
    let mut at = 0;
    let mut last_call = None;
    while let Some(c) = text[at..].chars().next() {
        match c {
            '(' => {
                let end = closing(text, at)?;
                last_call = Some((at, end));
                at = end + 1;
            }
            '[' | '{' => at = closing(text, at)? + 1,
            _ => at += token(&text[at..]),
        }
    }
    let (open, end) = last_call?;
    if end + 1 != text.len() {
        return None;
    }
    let name = text[..open].trim_end().trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let receiver = name.trim_end().strip_suffix('.')?;
    Some(Clause::Method { receiver: bare(receiver) })
}

/// The operators outside of all brackets and quotes. Sums and the like count as one, `+`.
fn operators(text: &str) -> Vec<Operator> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if matches!(c, '(' | '[' | '{') {
            at = closing(text, at).map_or(text.len(), |end| end + 1);
            continue;
        }
        let after_a_value = !text[..at].trim_end().is_empty()
            && !text[..at]
                .trim_end()
                .ends_with(['&', '|', '=', '<', '>', '!', '?', ':', '+', '-', '*', '/', '%', ',']);
        let sign =
            ["||", "&&", "==", "!=", "<=", ">=", "<", ">"].into_iter().find(|sign| rest.starts_with(sign));
        if let Some(sign) = sign {
            found.push(Operator { at, sign });
            at += sign.len();
        } else if c == '?' && !text[..at].ends_with('.') {
            found.push(Operator { at, sign: "?" });
            at += 1;
        } else if "+-*/%".contains(c) && after_a_value && !rest.starts_with("//") {
            found.push(Operator { at, sign: "+" });
            at += 1;
        } else {
            let length = token(rest);
            if &rest[..length] == "in" && after_a_value {
                found.push(Operator { at, sign: "in" });
            }
            at += length;
        }
    }
    found
}

/// The place of the bracket that closes the one at `open`.
fn closing(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = open;
    while let Some(c) = text[at..].chars().next() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {
                at += token(&text[at..]);
                continue;
            }
        }
        at += 1;
    }
    None
}

/// The length of the text, word, comment or sign at the beginning.
fn token(rest: &str) -> usize {
    let word = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
    let prefix = &rest[..word];
    let quoted = &rest[word..];
    let raw = prefix.eq_ignore_ascii_case("r")
        || prefix.eq_ignore_ascii_case("br")
        || prefix.eq_ignore_ascii_case("rb");
    if (word == 0 || raw || prefix.eq_ignore_ascii_case("b")) && quoted.starts_with(['"', '\'']) {
        return word + literal(quoted, raw);
    }
    if word > 0 {
        return word;
    }
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    rest.chars().next().map_or(0, char::len_utf8)
}

/// The length of a text in quotes.
fn literal(quoted: &str, raw: bool) -> usize {
    let quote = &quoted[..1];
    let triple = quote.repeat(3);
    let quote = if quoted.starts_with(&triple) { triple.as_str() } else { quote };
    let mut at = quote.len();
    while let Some(c) = quoted[at..].chars().next() {
        if quoted[at..].starts_with(quote) {
            return at + quote.len();
        }
        at += c.len_utf8();
        if c == '\\' && !raw {
            at += quoted[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    quoted.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_split_where_a_person_would() {
        use Clause::{All, Any, Compare, Method, Not, Other};
        for (text, expected) in [
            ("a && b && c", All(vec!["a", "b", "c"])),
            ("a && b || c && d", Any(vec!["a && b", "c && d"])),
            ("(a || b) && !c", All(vec!["a || b", "!c"])),
            ("((a && b))", All(vec!["a", "b"])),
            ("(a) && (b)", All(vec!["a", "b"])),
            ("!(a && b)", Not("a && b")),
            ("a.b == 'x && y'", Compare { left: "a.b", operator: "==", right: "'x && y'" }),
            ("a <= b", Compare { left: "a", operator: "<=", right: "b" }),
            ("a != \"\\\"==\\\\\"", Compare { left: "a", operator: "!=", right: "\"\\\"==\\\\\"" }),
            ("'x' in a.b", Compare { left: "'x'", operator: "in", right: "a.b" }),
            ("a == r'\\' && b", All(vec!["a == r'\\'", "b"])),
            ("a == '''it's && ''' && b", All(vec!["a == '''it's && '''", "b"])),
            ("a && // && not this\n b", All(vec!["a", "// && not this\n b"])),
            ("a ? b && c : d", Other),
            ("a.?b.orValue(1) == 1", Compare { left: "a.?b.orValue(1)", operator: "==", right: "1" }),
            ("a.f(b == c)", Method { receiver: "a" }),
            ("a.b[c && d].exists(x, x == 1 || x == 2)", Method { receiver: "a.b[c && d]" }),
            ("f(a) && g(b)", All(vec!["f(a)", "g(b)"])),
            ("f(a)", Other),
            ("has(a.b)", Other),
            ("a.f(x).b", Other),
            ("a + b.f(x)", Other),
            ("-a.f(x) > 1", Compare { left: "-a.f(x)", operator: ">", right: "1" }),
            ("index.of == inner", Compare { left: "index.of", operator: "==", right: "inner" }),
            ("true", Other),
            ("ä", Other),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }
}
