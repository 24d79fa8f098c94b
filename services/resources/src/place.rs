//! From a place within a scalar's text to its place in the file.

use serde_saphyr::granit_parser::ScalarStyle;

use crate::yaml::{Place, Scalar};

/// Where the byte `offset` of the scalar's text stands in the file.
///
/// The text went through YAML's quoting, escaping and line folding, so the source is walked beside it: what is equal is
/// taken from both, white space that only the source has is indentation or folding. Where the two cannot be brought
/// together, the answer is the beginning of the scalar.
pub(crate) fn within(file: &str, scalar: &Scalar, at: Place, offset: usize) -> Place {
    let raw = file.get(scalar.source.clone()).unwrap_or_default();
    let mut walk = Walk { raw, at };
    if matches!(scalar.style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
        walk.take();
    }
    let before = scalar.text.get(..offset).unwrap_or(&scalar.text);
    // The parser says that a block scalar begins with its first line that is not empty.
    let block = matches!(scalar.style, ScalarStyle::Literal | ScalarStyle::Folded);
    let written = if block { before.trim_start_matches('\n') } else { before };
    for wanted in written.chars() {
        if !walk.find(wanted, scalar.style) {
            return at;
        }
    }
    let next = scalar.text[before.len()..].chars().next();
    if next.is_some_and(|c| !c.is_whitespace()) {
        walk.skip_white_space();
    }
    walk.at
}

struct Walk<'t> {
    raw: &'t str,
    at: Place,
}

impl Walk<'_> {
    fn peek(&self) -> Option<char> {
        self.raw.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.raw = &self.raw[c.len_utf8()..];
        if c == '\n' {
            self.at = Place { line: self.at.line + 1, column: 1 };
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    fn skip_white_space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.take();
        }
    }

    /// Goes behind the source of one character of the text. False when it is not there.
    fn find(&mut self, wanted: char, style: ScalarStyle) -> bool {
        loop {
            let Some(c) = self.peek() else { return false };
            let escapes = match style {
                ScalarStyle::DoubleQuoted => c == '\\',
                ScalarStyle::SingleQuoted => c == '\'',
                _ => false,
            };
            if escapes {
                self.take();
                if self.escape() {
                    return true;
                }
            } else if c == wanted || (c == '\n' && wanted == ' ') {
                self.take();
                return true;
            } else if c.is_whitespace() {
                self.take();
            } else {
                return false;
            }
        }
    }

    /// Takes what follows a `\` or the first `'`. False when it stands for no character: an escaped line break.
    fn escape(&mut self) -> bool {
        let digits = match self.take() {
            Some('\n') => {
                self.skip_white_space();
                return false;
            }
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        for _ in 0..digits {
            self.take();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Content, documents};

    /// The text of the one value of `file`, and where the `§` of the text stands in the file, found through `within`.
    fn found(file: &str) -> Place {
        let root = documents(file).remove(0).root.expect("a document that can be read");
        let Content::Map(entries) = root.content else { panic!("a mapping") };
        let Content::Scalar(scalar) = &entries[0].1.content else { panic!("a scalar") };
        let offset = scalar.text.find('§').expect("the mark is in the text");
        within(file, scalar, entries[0].1.at, offset)
    }

    /// Where the `§` really is.
    fn real(file: &str) -> Place {
        let before = file.split('§').next().expect("there is a first part");
        let line = before.lines().count();
        Place { line, column: before.lines().last().map_or(0, |line| line.chars().count()) + 1 }
    }

    #[test]
    fn a_mark_is_found_in_every_style_of_scalar() {
        for file in [
            "a: §b",
            "a: x == y && §b\n",
            "a: x\n  == y &&\n  §b\n",
            "a: 'it''s §b'\n",
            "a: \"x \\\"y\\\" \\u00e4\\t§b\"\n",
            "a: \"x \\\n    y §b\"\n",
            "a: |\n  x\n  y §b\n",
            "a: |\n  x\n    y §b\n",
            "a: |-\n\n  x\n\n  §b\n",
            "a: >-\n  x\n  y\n\n  z §b\n",
            "a: >\n  x\n    indented\n  §b\n",
            "a: |\n  \"x\" == 'y' && §b\n",
            "a: ä ö €😀 §b\n",
            "a: \"x\n\n  y §b\"\n",
        ] {
            assert_eq!(found(file), real(file), "{file:?}");
        }
    }
}
