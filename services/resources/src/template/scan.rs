//! The words of a template's code, with their places.
//!
//! minijinja says which variables a template looks up, but not where; it finds an unknown filter or test only when it
//! runs; and it overlooks what is sliced (`data` in `data.sha[:7]`, minijinja 3.1). The template is known to compile when
//! it is scanned, so this need not understand more than quotes, brackets and words.

/// What a word stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A variable, a keyword, the name of an argument.
    Name,
    /// After a `.`.
    Attribute,
    /// After a `|`.
    Filter,
    /// After `is`.
    Test,
}

/// A word of a template's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'t> {
    /// In bytes.
    pub offset: usize,
    pub text: &'t str,
    pub role: Role,
}

/// What there is in a template's code, in order.
#[derive(Debug, Default)]
pub(super) struct Scan<'t> {
    pub words: Vec<Word<'t>>,
    /// Names that are sliced, each with the place where its block begins.
    pub sliced: Vec<(usize, &'t str)>,
}

/// Scans a template.
pub(super) fn scan(template: &str) -> Scan<'_> {
    let mut scan = Scan::default();
    let mut at = 0;
    while let Some(found) = template[at..].find('{') {
        let open = at + found;
        let close = match template.as_bytes().get(open + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => {
                at = template[open..].find("#}").map_or(template.len(), |end| open + end + 2);
                continue;
            }
            _ => {
                at = open + 1;
                continue;
            }
        };
        let first = scan.words.len();
        at = Block { template, open, scan: &mut scan, next: Role::Name, head: None, brackets: Vec::new() }
            .read(close);
        if close == "%}" {
            at = statement(template, at, &mut scan.words, first);
        }
    }
    scan
}

/// What a statement's keyword means for the words after it. Returns where to go on.
fn statement(template: &str, end: usize, words: &mut [Word<'_>], first: usize) -> usize {
    match words.get(first).map(|word| word.text) {
        Some("raw") => template[end..].find("endraw").map_or(template.len(), |at| end + at),
        Some("filter") => {
            if let Some(name) = words.get_mut(first + 1) {
                name.role = Role::Filter;
            }
            end
        }
        _ => end,
    }
}

/// One `{{ … }}` or `{% … %}`.
struct Block<'t, 's> {
    template: &'t str,
    open: usize,
    scan: &'s mut Scan<'t>,
    /// What the next word stands for.
    next: Role,
    /// The name that the expression at hand begins with.
    head: Option<&'t str>,
    /// The open brackets, each with the name before it.
    brackets: Vec<(char, Option<&'t str>)>,
}

impl<'t> Block<'t, '_> {
    /// Reads up to `close`. Returns the place behind it.
    fn read(mut self, close: &str) -> usize {
        let mut at = self.open + 2;
        while let Some(c) = self.template[at..].chars().next() {
            let rest = &self.template[at..];
            if rest.starts_with(close) && self.brackets.is_empty() {
                return at + close.len();
            }
            if c == '"' || c == '\'' {
                at = behind_string(self.template, at, c);
                (self.next, self.head) = (Role::Name, None);
            } else if c.is_alphabetic() || c == '_' {
                let text =
                    &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())];
                self.word(at, text);
                at += text.len();
            } else {
                self.sign(c);
                at += c.len_utf8();
            }
        }
        at
    }

    fn word(&mut self, offset: usize, text: &'t str) {
        let role = self.next;
        if role == Role::Test && text == "not" {
            return;
        }
        self.next = if role == Role::Name && text == "is" { Role::Test } else { Role::Name };
        if role == Role::Name {
            self.head = Some(text);
        }
        self.scan.words.push(Word { offset, text, role });
    }

    fn sign(&mut self, c: char) {
        if c.is_whitespace() {
            return;
        }
        self.next = match c {
            '.' => Role::Attribute,
            '|' => Role::Filter,
            _ => Role::Name,
        };
        self.head = match c {
            '.' => self.head,
            '[' | '(' | '{' => {
                self.brackets.push((c, self.head));
                None
            }
            ']' | ')' | '}' => self.brackets.pop().and_then(|(_, head)| head),
            ':' => {
                if let Some(('[', Some(head))) = self.brackets.last() {
                    self.scan.sliced.push((self.open, head));
                }
                None
            }
            _ => None,
        };
    }
}

fn behind_string(template: &str, start: usize, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in template[start..].char_indices().skip(1) {
        if c == quote && !escaped {
            return start + at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    template.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_roles() {
        use Role::{Attribute, Filter, Name, Test};
        let found = |template| -> Vec<(usize, &str, Role)> {
            scan(template).words.into_iter().map(|word| (word.offset, word.text, word.role)).collect()
        };
        assert_eq!(
            found("a {{ data.x | upper }}"),
            [(5, "data", Name), (10, "x", Attribute), (14, "upper", Filter)]
        );
        assert_eq!(found("{{ '{{ x }}' ~ \"\\\"y\" ~ z }}"), [(23, "z", Name)]);
        assert_eq!(found("{# x #}{ y }"), []);
        assert_eq!(found("{% raw %}{{ x }}{% endraw %}{{ y }}").last(), Some(&(31, "y", Name)));
        assert_eq!(found("{% raw %}{{ x }}{% endraw %}").iter().filter(|word| word.1 == "x").count(), 0);
        assert_eq!(
            found("{% if x is not odd %}"),
            [(3, "if", Name), (6, "x", Name), (8, "is", Name), (15, "odd", Test)]
        );
        assert_eq!(found("{% filter upper %}"), [(3, "filter", Name), (10, "upper", Filter)]);
        assert_eq!(found("{{ {'a': {}}.x }}{{ y }}").last(), Some(&(20, "y", Name)));
        assert_eq!(found("ä{{ ö }}"), [(5, "ö", Name)]);
        assert_eq!(found("{{ x"), [(3, "x", Name)]);
    }

    #[test]
    fn sliced_names_are_found() {
        for (template, expected) in [
            ("x {{ data.sha[:7] }}", &[(2, "data")][..]),
            ("{{ data['a'].b(c)[1:] }}", &[(0, "data")]),
            ("{% if app.name [ 1 : 2 ] == 'x' %}", &[(0, "app")]),
            ("{{ data.x[0] ~ {'a': 1}['a'] }}", &[]),
            ("{{ (a ~ b)[:2] ~ 'x'[:1] }}", &[]),
            ("{{ a[b[:1]:] }}", &[(0, "b"), (0, "a")]),
        ] {
            assert_eq!(scan(template).sliced, expected, "{template}");
        }
    }
}
