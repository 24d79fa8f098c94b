//! Text as units that must not be divided: a character with its escape, or an address as a link.
//!
//! Rules of escaping and of links: <https://docs.slack.dev/messaging/formatting-message-text>.

use std::borrow::Cow;

use crate::limits::slack::LINK;

/// A unit of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Atom<'a> {
    /// As it was written.
    pub raw: &'a str,
    /// As it is sent.
    pub sent: Cow<'a, str>,
}

impl Atom<'_> {
    /// Its length as it is sent, in UTF-16 code units.
    pub fn units(&self) -> usize {
        units(&self.sent)
    }

    /// Whether a text may be divided after it without harm.
    pub fn is_space(&self) -> bool {
        self.raw.chars().all(char::is_whitespace)
    }
}

/// Length in UTF-16 code units.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The characters of a text, escaped.
pub(super) fn plain(text: &str) -> impl Iterator<Item = Atom<'_>> {
    text.char_indices().map(|(at, c)| character(&text[at..at + c.len_utf8()]))
}

/// The characters of a text, escaped, with addresses of the web as links.
pub(super) fn linked(text: &str) -> impl Iterator<Item = Atom<'_>> {
    let mut rest = text;
    let mut inside_a_word = false;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let link = if inside_a_word { None } else { address(rest) };
        let length = link.map_or(first.len_utf8(), str::len);
        let (raw, after) = rest.split_at(length);
        rest = after;
        inside_a_word = first.is_alphanumeric();
        Some(match link {
            Some(_) => Atom { raw, sent: format!("<{}>", escape(raw)).into() },
            None => character(raw),
        })
    })
}

/// The escaped text, at most `limit` units of it; `…` stands for what is left out.
pub(super) fn fit(text: &str, limit: usize) -> String {
    let (mut fitting, mut length) = (String::new(), 0);
    // The text up to the last character that leaves room for the `…`.
    let mut shortened = 0;
    for atom in plain(text) {
        if length < limit {
            shortened = fitting.len();
        }
        length += atom.units();
        if length > limit {
            fitting.truncate(shortened);
            return fitting + "…";
        }
        fitting.push_str(&atom.sent);
    }
    fitting
}

fn character(raw: &str) -> Atom<'_> {
    Atom { raw, sent: escape(raw) }
}

fn escape(raw: &str) -> Cow<'_, str> {
    if raw.contains(['&', '<', '>']) {
        raw.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").into()
    } else {
        raw.into()
    }
}

/// The address of the web that the text begins with.
fn address(text: &str) -> Option<&str> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| text.starts_with(scheme))?;
    // `|` would begin the label of a link; the others cannot stand in an address.
    let ends = |c: char| c.is_whitespace() || c.is_control() || "<>\"`|\\^{}".contains(c);
    let address = text.split(ends).next()?;
    // What closes a sentence or a bracket is not part of the address.
    let open = address.contains('(');
    let address = address.trim_end_matches(|c| ".,;:!?'*_~]".contains(c) || (c == ')' && !open));
    (address.len() > scheme.len() && units(address) <= LINK).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::{fit, linked, units};

    fn sent(text: &str) -> String {
        linked(text).map(|atom| atom.sent.into_owned()).collect()
    }

    #[test]
    fn addresses_become_links_and_all_else_is_escaped() {
        for (text, wanted) in [
            ("see https://ci.example/run/1.", "see <https://ci.example/run/1>."),
            ("(http://a.example/x)", "(<http://a.example/x>)"),
            ("https://en.example/A_(b)", "<https://en.example/A_(b)>"),
            ("https://a.example/?x=1&y=2", "<https://a.example/?x=1&amp;y=2>"),
            ("https://a.example/|<!channel>", "<https://a.example/>|&lt;!channel&gt;"),
            ("https://a.example/<!here>", "<https://a.example/>&lt;!here&gt;"),
            ("xhttps://a.example", "xhttps://a.example"),
            ("https:// is a scheme", "https:// is a scheme"),
            ("<https://a.example|b> & <@U1>", "&lt;<https://a.example>|b&gt; &amp; &lt;@U1&gt;"),
            ("HTTPS://a.example", "HTTPS://a.example"),
        ] {
            assert_eq!(sent(text), wanted, "{text}");
        }
    }

    #[test]
    fn an_address_that_is_too_long_for_a_link_is_text() {
        let address = format!("https://a.example/{}", "x".repeat(1_000));
        assert_eq!(sent(&address), address);
    }

    #[test]
    fn a_text_that_fits_exactly_is_whole_and_one_that_is_longer_ends_in_dots() {
        assert_eq!(fit("abcde", 5), "abcde");
        assert_eq!(fit("abcdef", 5), "abcd…");
        assert_eq!(fit("ab&", 7), "ab&amp;");
        assert_eq!(fit("ab&", 6), "ab…", "an escape is not divided");
        assert_eq!(fit("a&b", 6), "a…");
        assert_eq!(fit("", 5), "");
    }

    #[test]
    fn a_character_of_two_units_is_not_divided() {
        let text = fit("🚨🚨🚨", 5);
        assert_eq!(text, "🚨🚨…");
        assert_eq!(units(&text), 5);
    }
}
