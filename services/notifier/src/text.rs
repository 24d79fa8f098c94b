//! Plain text, made fit for a channel.

/// Without what no channel can show: control characters other than line breaks and tabs; line breaks as `\n`.
pub(crate) fn clean(text: &str) -> String {
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    unix.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// A heading: on one line, single spaces. `None` when nothing is left.
pub(crate) fn heading(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = clean(&words.join(" "));
    (!line.trim().is_empty()).then_some(line)
}

/// At most `limit` characters; what is left out is named at the end.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    let chars = text.chars().count();
    if chars <= limit {
        return text.to_owned();
    }
    // The note is never longer for a smaller number.
    let kept = limit.saturating_sub(note(chars).chars().count());
    let left_out = note(chars - kept);
    let kept: String = text.chars().take(kept).collect();
    kept + &left_out
}

/// Says that something is missing.
pub(crate) fn note(left_out: usize) -> String {
    format!("… ({left_out} more characters)")
}

#[cfg(test)]
mod tests {
    use super::{clean, cut, heading};

    #[test]
    fn control_characters_are_gone_and_line_breaks_are_of_one_kind() {
        assert_eq!(clean("a\r\nb\rc\0\u{7}\td\n\u{1b}[31me"), "a\nb\nc\td\n[31me");
    }

    #[test]
    fn a_heading_is_one_line() {
        assert_eq!(heading("  my\n app \t is\r\nbroken ").as_deref(), Some("my app is broken"));
        assert_eq!(heading(" \n\t"), None);
        assert_eq!(heading("\0\u{7}"), None);
    }

    #[test]
    fn what_is_left_out_is_counted_in_characters() {
        let text = "ä".repeat(200);
        let short = cut(&text, 100);
        assert_eq!(short.chars().count(), 100);
        let kept = short.chars().filter(|c| *c == 'ä').count();
        assert_eq!(short, format!("{}… ({} more characters)", "ä".repeat(kept), 200 - kept));
    }

    #[test]
    fn what_fits_is_not_touched() {
        assert_eq!(cut("ä".repeat(100).as_str(), 100), "ä".repeat(100));
        assert_eq!(cut("", 100), "");
    }
}
