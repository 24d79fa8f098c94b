//! Foreign text on one line of a terminal.

/// The text on one line of at most `limit` characters, without anything that a terminal would obey: control characters,
/// and those that turn the direction of writing.
pub(crate) fn of(text: &str, limit: usize) -> String {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut line = String::new();
    let words = text.split(|c: char| c.is_whitespace() || obeyed(c)).filter(|word| !word.is_empty());
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        // Enough is enough: a text may be many megabytes.
        if line.len() > limit * 4 {
            break;
        }
    }
    match line.char_indices().nth(limit) {
        None => line,
        Some(_) => line.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The first line that says something.
pub(crate) fn first(text: &str, limit: usize) -> String {
    of(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default(), limit)
}

/// Why something was given up, outermost first; without how often it was tried, which stands beside it.
pub(crate) fn reasons(reasons: &[String]) -> String {
    let counted = |reason: &str| reason.starts_with("given up after ") && reason.ends_with(" attempts");
    let from = usize::from(reasons.len() > 1 && counted(&reasons[0]));
    reasons[from..].join(": ")
}

/// The beginning of a commit's hash, as Git shortens it; anything else as it is.
pub(crate) fn short(hash: &str) -> &str {
    let is_hash = hash.len() >= 40 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hash { &hash[..7] } else { hash }
}

#[cfg(test)]
mod tests {
    use super::{first, of, reasons, short};

    #[test]
    fn a_line_has_nothing_that_a_terminal_obeys() {
        assert_eq!(of("a\n\tb\u{1b}[31mc\u{202e}d\0", 80), "a b [31mc d");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(of("äöüß", 4), "äöüß");
        assert_eq!(of("äöüßx", 4), "äöü…");
        assert_eq!(of(&"x".repeat(1_000_000), 5), "xxxx…");
    }

    #[test]
    fn the_first_line_is_the_first_that_says_something() {
        assert_eq!(first("\n \n one \n two", 80), "one");
        assert_eq!(first("", 80), "");
    }

    #[test]
    fn reasons_do_not_repeat_the_attempts() {
        let of = |texts: &[&str]| reasons(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["given up after 10 attempts", "no answer", "timed out"]), "no answer: timed out");
        assert_eq!(of(&["given up after 10 attempts"]), "given up after 10 attempts");
        assert_eq!(of(&["no answer"]), "no answer");
        assert_eq!(of(&[]), "");
    }

    #[test]
    fn hashes_are_shortened_and_nothing_else() {
        assert_eq!(short("4c1f9a07d2e85b3660a1f4f1b7c0de52913aa8e6"), "4c1f9a0");
        assert_eq!(short("v1.2.3"), "v1.2.3");
        assert_eq!(
            short("not-a-hash-but-rather-long-all-the-same-äöü"),
            "not-a-hash-but-rather-long-all-the-same-äöü"
        );
    }
}
