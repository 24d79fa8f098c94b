//! Reads a document's tree into types, and keeps everything that is wrong on the way.
//!
//! Each function answers [`Said`] when it has said what is wrong, so that its caller goes on with the next field and one
//! run finds all problems.

use crate::names::{self, Misformed};
use crate::problem::{Problem, Problems, Severity};
use crate::references::Reference;
use crate::rule::Flaw;
use crate::yaml::{Content, Fault, Node, Place, Scalar};
use crate::{place, yaml};

/// What is wrong has been said; there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said;

/// What was read.
pub(crate) type Read<T> = Result<T, Said>;

/// Reads one file.
pub(crate) struct Reader<'f> {
    file: &'f str,
    source: &'f str,
    pub problems: &'f mut Problems,
    pub references: &'f mut Vec<Reference>,
}

/// The keys that a mapping may have.
pub(crate) struct Keys {
    pub known: &'static [&'static str],
    /// Keys that the design has and this program has not: refused, rather than left aside in silence.
    pub later: &'static [&'static str],
}

/// A mapping whose keys are known and there once.
pub(crate) struct Fields<'d> {
    /// How it is called in messages: `spec.on[0]`.
    pub path: String,
    pub at: Place,
    entries: Vec<(&'d Scalar, Place, &'d Node)>,
    /// Known keys that an unknown one most likely meant: that they are missing need not be said too.
    meant: Vec<&'static str>,
    /// Whether any key was refused.
    refused: bool,
}

impl<'d> Fields<'d> {
    /// The value of a key; `None` when the key is not there or its value is null.
    pub fn get(&self, key: &str) -> Option<&'d Node> {
        let (_, _, node) = self.entries.iter().find(|(name, ..)| name.text == key)?;
        (!matches!(node.content, Content::Null)).then_some(node)
    }

    /// The path of a key.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The keys that are there and not null, with their places, in the order of the file.
    pub fn present(&self) -> impl Iterator<Item = (&'d str, Place, &'d Node)> + '_ {
        self.entries
            .iter()
            .filter(|(_, _, node)| !matches!(node.content, Content::Null))
            .map(|(name, at, node)| (name.text.as_str(), *at, *node))
    }
}

impl<'f> Reader<'f> {
    pub fn new(
        file: &'f str,
        source: &'f str,
        problems: &'f mut Problems,
        references: &'f mut Vec<Reference>,
    ) -> Self {
        Self { file, source, problems, references }
    }

    pub fn error(&mut self, at: Place, message: impl Into<String>, hint: Option<String>) {
        self.say(at, Severity::Error, message.into(), hint);
    }

    pub fn warning(&mut self, at: Place, message: impl Into<String>, hint: Option<String>) {
        self.say(at, Severity::Warning, message.into(), hint);
    }

    fn say(&mut self, at: Place, severity: Severity, message: String, hint: Option<String>) {
        let Place { line, column } = at;
        let (message, hint) = (shown(message), hint.map(shown));
        self.problems.push(Problem { file: self.file.to_owned(), line, column, severity, message, hint });
    }

    pub fn fault(&mut self, fault: Fault) {
        let Fault { at, message, hint } = fault;
        self.error(at, message, hint.map(str::to_owned));
    }

    /// The flaws of a condition or template, by their places in the file.
    pub fn flaws(&mut self, path: &str, node: &Node, scalar: &Scalar, flaws: Vec<Flaw>) -> Said {
        for Flaw { offset, message, hint } in flaws {
            let at = place::within(self.source, scalar, node.at, offset);
            self.error(at, format!("`{path}`: {message}"), hint);
        }
        Said
    }

    pub fn reference(&mut self, make: impl FnOnce(String) -> Reference) {
        self.references.push(make(self.file.to_owned()));
    }

    /// A mapping, its keys checked.
    pub fn fields<'d>(&mut self, node: &'d Node, path: &str, keys: &Keys) -> Read<Fields<'d>> {
        let Content::Map(entries) = &node.content else {
            self.not(node, path, "a mapping");
            return Err(Said);
        };
        let mut fields = Fields {
            path: path.to_owned(),
            at: node.at,
            entries: Vec::new(),
            meant: Vec::new(),
            refused: false,
        };
        for (key, value) in entries {
            let Content::Scalar(name) = &key.content else {
                self.not(key, path, "a key");
                continue;
            };
            if let Some((_, first, _)) = fields.entries.iter().find(|(known, ..)| known.text == name.text) {
                let message =
                    format!("`{}` is given twice: first in line {}", fields.path(&name.text), first.line);
                self.error(key.at, message, None);
            } else if keys.known.contains(&name.text.as_str()) {
                fields.entries.push((name, key.at, value));
            } else {
                self.unknown_key(key.at, &name.text, &fields, keys);
                fields.meant.extend(names::nearest(&name.text, keys.known.iter().copied()));
                fields.refused = true;
            }
        }
        Ok(fields)
    }

    fn unknown_key(&mut self, at: Place, name: &str, fields: &Fields<'_>, keys: &Keys) {
        if keys.later.contains(&name) {
            let hint = format!("take it out for now; known here: {}", keys.known.join(", "));
            return self.error(at, format!("{name} is not supported yet"), Some(hint));
        }
        let of = if fields.path.is_empty() { "a resource".to_owned() } else { format!("`{}`", fields.path) };
        self.error(at, format!("{of} has no field `{name}`"), names::suggestion(name, keys.known));
    }

    /// What a field should have been. What it is, is not repeated: it may be a secret.
    pub fn not(&mut self, node: &Node, path: &str, wanted: &str) {
        let found = match &node.content {
            Content::Refused => return,
            Content::Null => "nothing",
            Content::Scalar(_) => "a text",
            Content::List(_) => "a list",
            Content::Map(_) => "a mapping",
        };
        let of = if path.is_empty() { "a resource".to_owned() } else { format!("`{path}`") };
        let hint = self
            .begins_as_template(node)
            .then(|| "put a template that begins with `{{` in quotes".to_owned());
        self.error(node.at, format!("{of} should be {wanted}, and is {found}"), hint);
    }

    /// `text: {{ data.x }}` without quotes is a mapping in a mapping.
    fn begins_as_template(&self, node: &Node) -> bool {
        let Content::Map(entries) = &node.content else { return false };
        let inner = entries.first().is_some_and(|(key, _)| matches!(key.content, Content::Map(_)));
        let line = self.source.lines().nth(node.at.line.saturating_sub(1)).unwrap_or_default();
        inner && line.chars().skip(node.at.column.saturating_sub(1)).take(2).eq("{{".chars())
    }

    /// The text of a scalar that is not empty.
    pub fn text<'d>(&mut self, node: &'d Node, path: &str) -> Read<&'d Scalar> {
        let Content::Scalar(scalar) = &node.content else {
            self.not(node, path, "a text");
            return Err(Said);
        };
        if scalar.text.trim().is_empty() {
            self.error(node.at, format!("`{path}` is empty"), None);
            return Err(Said);
        }
        Ok(scalar)
    }

    /// A list of at least one item.
    pub fn list<'d>(&mut self, node: &'d Node, path: &str) -> Read<&'d [Node]> {
        let Content::List(items) = &node.content else {
            self.not(node, path, "a list");
            return Err(Said);
        };
        if items.is_empty() {
            self.error(node.at, format!("`{path}` is an empty list"), None);
            return Err(Said);
        }
        Ok(items)
    }

    /// A text of a form.
    pub fn formed<T>(
        &mut self,
        node: &Node,
        path: &str,
        parse: impl FnOnce(&str) -> Result<T, Misformed>,
    ) -> Read<T> {
        let scalar = self.text(node, path)?;
        match parse(&scalar.text) {
            Ok(value) => Ok(value),
            Err(Misformed { message, hint }) => {
                self.error(node.at, format!("`{path}`: {message}"), hint);
                Err(Said)
            }
        }
    }

    /// One word out of a few.
    pub fn choice<T: Copy>(&mut self, node: &Node, path: &str, choices: &[(&'static str, T)]) -> Read<T> {
        let word = self.text(node, path)?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == word.text) {
            return Ok(*value);
        }
        let known: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        self.error(
            node.at,
            format!("`{path}` cannot be `{}`", word.text),
            names::suggestion(&word.text, &known),
        );
        Err(Said)
    }

    /// A field that has to be there.
    pub fn required<'d, T>(
        &mut self,
        fields: &Fields<'d>,
        key: &str,
        read: impl FnOnce(&mut Self, &'d Node, &str) -> Read<T>,
    ) -> Read<T> {
        let path = fields.path(key);
        if let Some(node) = fields.get(key) {
            return read(self, node, &path);
        }
        if fields.meant.contains(&key) {
            return Err(Said);
        }
        let place =
            fields.entries.iter().find(|(name, ..)| name.text == key).map_or(fields.at, |(_, at, _)| *at);
        self.error(place, format!("`{path}` is missing"), None);
        Err(Said)
    }

    /// A field that may be absent: `None` then.
    pub fn optional<'d, T>(
        &mut self,
        fields: &Fields<'d>,
        key: &str,
        read: impl FnOnce(&mut Self, &'d Node, &str) -> Read<T>,
    ) -> Read<Option<T>> {
        match fields.get(key) {
            Some(node) => read(self, node, &fields.path(key)).map(Some),
            None => Ok(None),
        }
    }

    /// The items of a list, each read.
    pub fn items<'d, T>(
        &mut self,
        node: &'d Node,
        path: &str,
        mut read: impl FnMut(&mut Self, &'d Node, &str) -> Read<T>,
    ) -> Read<Vec<T>> {
        let items = self.list(node, path)?;
        // All are read before the verdict, so that the problems of all are found.
        let read: Vec<Read<T>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| read(self, item, &format!("{path}[{index}]")))
            .collect();
        read.into_iter().collect()
    }

    /// The one key of a mapping that may have one of several, and its value.
    pub fn one_of<'d>(
        &mut self,
        fields: &Fields<'d>,
        keys: &[&'static str],
    ) -> Read<(&'static str, &'d Node)> {
        let mut present = fields
            .present()
            .filter_map(|(name, at, node)| keys.iter().find(|key| **key == name).map(|key| (*key, at, node)));
        let first = present.next();
        let second = present.next();
        let (path, all) = (fields.path.clone(), keys.join("`, `"));
        match (first, second) {
            (Some((key, _, node)), None) => Ok((key, node)),
            (Some((first, ..)), Some((second, at, _))) => {
                let message = format!("`{path}` has `{first}` and `{second}`: it can have only one of them");
                self.error(at, message, None);
                Err(Said)
            }
            (None, _) if fields.refused => Err(Said),
            (None, _) => {
                let what = if let [one] = keys { format!("`{one}`") } else { format!("one of `{all}`") };
                self.error(fields.at, format!("`{path}` needs {what}"), None);
                Err(Said)
            }
        }
    }
}

/// How much a problem says of one thing, in characters: far more than any sentence has, less than a file may hold.
const SHOWN_CHARS: usize = 1_000;

/// A text as it is told: what somebody wrote into a file must not take the terminal over, nor fill it.
fn shown(text: String) -> String {
    let harmless = |c: char| !c.is_control() || c == '\n';
    if text.len() <= SHOWN_CHARS && text.chars().all(harmless) {
        return text;
    }
    let mut shown = String::new();
    for c in text.chars().take(SHOWN_CHARS) {
        if harmless(c) { shown.push(c) } else { shown.extend(c.escape_default()) }
    }
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

/// The documents of a text, its faults said.
pub(crate) fn documents(reader: &mut Reader<'_>) -> Vec<Node> {
    let mut roots = Vec::new();
    for yaml::Document { root, faults } in yaml::documents(reader.source) {
        for fault in faults {
            reader.fault(fault);
        }
        roots.extend(root);
    }
    roots
}
