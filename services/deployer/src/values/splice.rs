//! Where the one change goes, and what is put there.

use std::ops::Range;

use granit_parser::{ScalarStyle, StructureStyle};

use super::document::{Document, Kind, Node};
use super::{ValuesError, scalar};

/// The step of indentation where the file shows none.
const USUAL_INDENT: usize = 2;

/// A piece of the text and what takes its place.
#[derive(Debug, PartialEq, Eq)]
pub struct Splice {
    range: Range<usize>,
    replacement: String,
}

impl Splice {
    /// The text after the change.
    pub fn apply(&self, text: &str) -> String {
        let (before, rest) = text.split_at(self.range.start);
        [before, &self.replacement, &rest[self.range.len()..]].concat()
    }
}

/// What to change so that `path` says `value`; `None` if it does.
pub fn plan(
    document: &Document,
    text: &str,
    path: &[String],
    value: &str,
    beside: Option<&[String]>,
) -> Result<Option<Splice>, ValuesError> {
    let file = File { document, text, path, value };
    let Some(root) = document.root() else { return Ok(Some(file.at_the_end())) };
    if root.is_null() && root.range.is_empty() {
        return Ok(Some(file.at_the_end()));
    }
    let mut node = root;
    let mut flow = false;
    for (depth, key) in path.iter().enumerate() {
        file.refuse_shared(node, depth)?;
        match node.entry(key, &path[..depth], path)? {
            None => {
                let beside = beside
                    .filter(|beside| beside.split_last().map(|(_, parent)| parent) == Some(&path[..depth]));
                return Ok(Some(file.new_entry(node, depth, beside.and_then(|beside| beside.last()))));
            }
            Some((name, child)) => {
                flow |= matches!(node.kind, Kind::Mapping { style: StructureStyle::Flow, .. });
                if depth + 1 < path.len() && child.is_null() {
                    file.refuse_shared(child, depth + 1)?;
                    return Ok(Some(file.first_entry(name, child, depth + 1, flow)));
                }
                if depth + 1 == path.len() {
                    return file.new_value(name, child, flow);
                }
                node = child;
            }
        }
    }
    Err(ValuesError::Unsafe(path.join(".")))
}

struct File<'a> {
    document: &'a Document,
    text: &'a str,
    path: &'a [String],
    value: &'a str,
}

impl File<'_> {
    fn refuse_shared(&self, node: &Node, depth: usize) -> Result<(), ValuesError> {
        if self.document.is_shared(node) {
            return Err(ValuesError::Anchor { key: self.path[..depth].join("."), at: node.place });
        }
        Ok(())
    }

    /// The key is there.
    fn new_value(&self, name: &Node, node: &Node, flow: bool) -> Result<Option<Splice>, ValuesError> {
        let path = || self.path.join(".");
        self.refuse_shared(node, self.path.len())?;
        if let Some(tag) = node.foreign_tag() {
            return Err(ValuesError::Tag { path: path(), tag: tag.to_owned(), at: node.place });
        }
        match &node.kind {
            Kind::Alias(_) => Err(ValuesError::Alias { key: path(), at: node.place }),
            Kind::Sequence { .. }
            | Kind::Mapping { .. }
            | Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } => {
                Err(ValuesError::NotAText { path: path(), what: node.what(), at: node.place })
            }
            Kind::Scalar { .. } if node.says(self.value) => Ok(None),
            Kind::Scalar { .. } if node.range.is_empty() => {
                Ok(Some(self.after_colon(name, node, flow, &self.quoted())))
            }
            Kind::Scalar { style, .. } => {
                Ok(Some(Splice { range: node.range.clone(), replacement: scalar::write(self.value, *style) }))
            }
        }
    }

    /// The key is there and nothing is behind its colon.
    fn after_colon(&self, name: &Node, node: &Node, flow: bool, value: &str) -> Splice {
        let begin = name.range.end.max(node.range.end);
        let rest = &self.text[begin..];
        let colon = rest.find(|c: char| c != ' ').filter(|&at| rest[at..].starts_with(':'));
        match colon {
            Some(at) => Splice::insert(begin + at + 1, format!(" {value}")),
            // `{tag}` is a key without a colon.
            None if flow => Splice::insert(begin, format!(": {value}")),
            // A tag or an anchor stands between.
            None => Splice::insert(begin, format!(" {value}")),
        }
    }

    /// A parent is there and empty: it becomes a mapping.
    fn first_entry(&self, name: &Node, node: &Node, depth: usize, flow: bool) -> Splice {
        if !node.range.is_empty() {
            return Splice {
                range: node.range.clone(),
                replacement: format!("{{{}}}", self.flow_entry(depth)),
            };
        }
        if flow {
            return self.after_colon(name, node, flow, &format!("{{{}}}", self.flow_entry(depth)));
        }
        let indent = name.place.column - 1 + self.indent_step();
        self.line_after(node.range.end.max(name.range.end), &self.block_entry(depth, indent), indent)
    }

    /// The parent is there without the key.
    fn new_entry(&self, parent: &Node, depth: usize, beside: Option<&String>) -> Splice {
        let Kind::Mapping { entries, style } = &parent.kind else {
            return self.at_the_end();
        };
        let chosen =
            entries.iter().find(|(name, _)| beside.is_some() && name.text() == beside.map(String::as_str));
        let end = chosen
            .or(entries.last())
            .and_then(|(name, value)| end_of(value).map(|end| end.max(name.range.end)));
        match (style, entries.first(), end) {
            (StructureStyle::Flow, None, _) => Splice::insert(parent.range.start + 1, self.flow_entry(depth)),
            (StructureStyle::Flow, Some(_), Some(end)) => {
                Splice::insert(end, format!(", {}", self.flow_entry(depth)))
            }
            (StructureStyle::Flow, Some((first, _)), None) => {
                Splice::insert(first.range.start, format!("{}, ", self.flow_entry(depth)))
            }
            (StructureStyle::Block, Some((first, _)), Some(end)) => {
                let indent = first.place.column - 1;
                self.line_after(end, &self.block_entry(depth, indent), indent)
            }
            (StructureStyle::Block, first, _) => {
                // What comes last has no clear end (a text of several lines): so the key comes first.
                let (at, indent) =
                    first.map_or((0, 0), |(first, _)| (first.range.start, first.place.column - 1));
                let entry = self.block_entry(depth, indent);
                Splice::insert(at, format!("{entry}{}{}", self.newline(), " ".repeat(indent)))
            }
        }
    }

    /// The file has no value at all.
    fn at_the_end(&self) -> Splice {
        self.line_after(self.text.len(), &self.block_entry(0, 0), 0)
    }

    /// A line of its own after the line that holds `at`.
    fn line_after(&self, at: usize, entry: &str, indent: usize) -> Splice {
        let newline = self.newline();
        let indent = " ".repeat(indent);
        let (text, rest) = self.text.split_at(at);
        match rest.find('\n') {
            Some(end) => Splice::insert(at + end + 1, format!("{indent}{entry}{newline}")),
            None if text.ends_with('\n') || self.text.is_empty() => {
                Splice::insert(self.text.len(), format!("{indent}{entry}{newline}"))
            }
            // The last line has no end, and the new last line will have none either.
            None => Splice::insert(self.text.len(), format!("{newline}{indent}{entry}")),
        }
    }

    /// `key: value` for the rest of the path, one line per key, without the first indentation and the last line end.
    fn block_entry(&self, depth: usize, indent: usize) -> String {
        let step = self.indent_step();
        let lines = self.path[depth..].iter().enumerate().map(|(n, key)| {
            let indent = if n == 0 { String::new() } else { " ".repeat(indent + n * step) };
            format!("{indent}{}:", scalar::write(key, ScalarStyle::Plain))
        });
        format!("{} {}", lines.collect::<Vec<_>>().join(self.newline()), self.quoted())
    }

    /// `key: value` for the rest of the path, inside braces.
    fn flow_entry(&self, depth: usize) -> String {
        let keys: Vec<_> =
            self.path[depth..].iter().map(|key| scalar::write(key, ScalarStyle::Plain)).collect();
        format!("{}: {}{}", keys.join(": {"), self.quoted(), "}".repeat(keys.len().saturating_sub(1)))
    }

    /// A value that nobody wrote before gets quotes: then nobody need think about what it is.
    fn quoted(&self) -> String {
        scalar::write(self.value, ScalarStyle::DoubleQuoted)
    }

    fn newline(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text[..at].ends_with('\r') => "\r\n",
            Some(_) | None => "\n",
        }
    }

    /// The step of indentation that the file uses.
    fn indent_step(&self) -> usize {
        let nested = |(name, value): &(Node, Node)| match &value.kind {
            Kind::Mapping { entries, style: StructureStyle::Block } => {
                entries.first().and_then(|(first, _)| first.place.column.checked_sub(name.place.column))
            }
            Kind::Scalar { .. } | Kind::Sequence { .. } | Kind::Mapping { .. } | Kind::Alias(_) => None,
        };
        match self.document.root().map(|root| &root.kind) {
            Some(Kind::Mapping { entries, .. }) => entries.iter().find_map(nested).filter(|&step| step > 0),
            Some(Kind::Scalar { .. } | Kind::Sequence { .. } | Kind::Alias(_)) | None => None,
        }
        .unwrap_or(USUAL_INDENT)
    }
}

impl Splice {
    fn insert(at: usize, text: String) -> Self {
        Self { range: at..at, replacement: text }
    }
}

/// Where the text of a node ends; `None` if that is not plain (a block scalar takes blank lines with it).
fn end_of(node: &Node) -> Option<usize> {
    match &node.kind {
        Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } => None,
        Kind::Sequence { items, style: StructureStyle::Block } => {
            items.last().map_or(Some(node.range.end), end_of)
        }
        Kind::Mapping { entries, style: StructureStyle::Block } => {
            entries.last().and_then(|(name, value)| end_of(value).map(|end| end.max(name.range.end)))
        }
        Kind::Scalar { .. } | Kind::Sequence { .. } | Kind::Mapping { .. } | Kind::Alias(_) => {
            Some(node.range.end)
        }
    }
}
