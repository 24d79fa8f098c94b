//! How a text is written so that every YAML reader reads a text.

use granit_parser::ScalarStyle;

/// Words that YAML 1.1 or 1.2 reads as a boolean, null or number, whatever their case.
const RESERVED: &[&str] =
    &["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"];

/// Writes `value` in the wanted style if that is safe, else in double quotes.
pub fn write(value: &str, style: ScalarStyle) -> String {
    match style {
        ScalarStyle::Plain if is_plain(value) => value.to_owned(),
        ScalarStyle::SingleQuoted if !value.contains(char::is_control) => {
            format!("'{}'", value.replace('\'', "''"))
        }
        ScalarStyle::Plain
        | ScalarStyle::SingleQuoted
        | ScalarStyle::DoubleQuoted
        | ScalarStyle::Literal
        | ScalarStyle::Folded => double_quoted(value),
    }
}

/// Whether `value` without quotes is read as this text by every reader: YAML 1.2, YAML 1.1 (Helm's), in a flow or a
/// block. Narrower than the specifications: what is not plainly a text gets quotes.
///
/// A text that begins with a letter is no number and no date. One that begins with a digit is a text if it has two dots
/// (`1.2.3`): `1.10`, `1e3`, `0123`, `1_000`, `12:30` and `2024-01-02` are all read as something else by somebody.
pub fn is_plain(value: &str) -> bool {
    let ordinary = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':');
    let Some(first) = value.chars().next() else { return false };
    value.chars().all(ordinary)
        && !value.ends_with(':')
        && if first.is_ascii_alphabetic() {
            !RESERVED.iter().any(|word| value.eq_ignore_ascii_case(word))
        } else {
            first.is_ascii_digit() && !value.contains(':') && value.matches('.').count() >= 2
        }
}

fn double_quoted(value: &str) -> String {
    let escaped = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", value.chars().map(escaped).collect::<Vec<_>>().concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_reader_takes_for_another_type_is_not_plain() {
        for value in [
            "",
            "1",
            "1234567",
            "0123",
            "0x1f",
            "0o17",
            "1.10",
            "1e3",
            "12e4567",
            "7e312",
            ".5",
            "1_000",
            "12:30",
            "-1",
            "true",
            "True",
            "NO",
            "on",
            "Y",
            "null",
            "NaN",
            ".inf",
            "~",
            "2024-01-02",
            "<<",
            "=",
            "a: b",
            "a #b",
            "- a",
            "a,b",
            "a]",
            "*a",
            "&a",
            "!a",
            "a:",
            " a",
            "a ",
            "é",
            "1.2",
        ] {
            assert!(!is_plain(value), "{value:?} should be quoted");
            assert!(write(value, ScalarStyle::Plain).starts_with('"'), "{value:?}");
        }
    }

    #[test]
    fn what_is_plainly_a_text_is_plain() {
        for value in [
            "v1.2.3",
            "1.2.3",
            "2024.01.02",
            "1.2.3-rc.1",
            "abc123f",
            "main-1a2b",
            "latest",
            "sha256:00ff",
            "truth",
        ] {
            assert!(is_plain(value), "{value:?} needs no quotes");
        }
    }

    #[test]
    fn quotes_are_kept_and_what_is_in_them_is_escaped() {
        assert_eq!(write("it's", ScalarStyle::SingleQuoted), "'it''s'");
        assert_eq!(write("a\"b\\c\n", ScalarStyle::DoubleQuoted), r#""a\"b\\c\u000A""#);
        assert_eq!(write("a\nb", ScalarStyle::SingleQuoted), r#""a\u000Ab""#);
        assert_eq!(write("v1", ScalarStyle::DoubleQuoted), "\"v1\"");
    }
}
