//! A YAML file as a tree that knows where each part stands in the text.

use std::collections::BTreeSet;
use std::ops::Range;

use granit_parser::{ScalarStyle, StructureStyle};

use super::{Place, ValuesError, reader, scalar};

/// The tag `!!str`.
const TEXT_TAG: &str = "tag:yaml.org,2002:str";

/// A file of at most one document.
#[derive(Debug)]
pub struct Document {
    root: Option<Node>,
    /// The anchors that something points at.
    aliased: BTreeSet<usize>,
}

/// A part of the document.
#[derive(Debug)]
pub struct Node {
    pub kind: Kind,
    /// Where its text is. A block collection has no end of its own: there the range is empty.
    pub range: Range<usize>,
    pub place: Place,
    /// Its anchor; 0 for none.
    pub anchor: usize,
    pub tag: Option<String>,
}

/// What a node is.
#[derive(Debug)]
pub enum Kind {
    Scalar { value: String, style: ScalarStyle },
    Sequence { items: Vec<Node>, style: StructureStyle },
    Mapping { entries: Vec<(Node, Node)>, style: StructureStyle },
    Alias(usize),
}

impl Document {
    /// Reads a file; refuses what readers of YAML disagree about.
    pub fn parse(text: &str) -> Result<Self, ValuesError> {
        let (root, aliased) = reader::read(text)?;
        Ok(Self { root, aliased })
    }

    /// The root; `None` for a file without a value.
    pub fn root(&self) -> Option<&Node> {
        self.root.as_ref()
    }

    /// Whether something points at this node, so that changing it would change more.
    pub fn is_shared(&self, node: &Node) -> bool {
        self.aliased.contains(&node.anchor)
    }

    /// The node at `path`, if every key on the way is there.
    pub fn find(&self, path: &[String]) -> Result<Option<&Node>, ValuesError> {
        let mut node = self.root();
        for (depth, key) in path.iter().enumerate() {
            let Some(parent) = node.filter(|node| !node.is_null()) else { return Ok(None) };
            node = parent.entry(key, &path[..depth], path)?.map(|(_, value)| value);
        }
        Ok(node)
    }
}

impl Node {
    /// The key and the value of that name; an error if this is no mapping. `here` is the path of this node.
    pub fn entry(
        &self,
        key: &str,
        here: &[String],
        path: &[String],
    ) -> Result<Option<&(Node, Node)>, ValuesError> {
        match &self.kind {
            Kind::Mapping { entries, .. } => Ok(entries.iter().find(|(name, _)| name.text() == Some(key))),
            Kind::Alias(_) if !here.is_empty() => {
                Err(ValuesError::Alias { key: here.join("."), at: self.place })
            }
            Kind::Scalar { .. } | Kind::Sequence { .. } | Kind::Alias(_) if here.is_empty() => {
                Err(ValuesError::NotAMapping { what: self.what(), at: self.place })
            }
            Kind::Scalar { .. } | Kind::Sequence { .. } | Kind::Alias(_) => Err(ValuesError::InTheWay {
                key: here.join("."),
                path: path.join("."),
                what: self.what(),
                at: self.place,
            }),
        }
    }

    /// The text of a scalar that is not null.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { value, .. } if !self.is_null() => Some(value),
            Kind::Scalar { .. } | Kind::Sequence { .. } | Kind::Mapping { .. } | Kind::Alias(_) => None,
        }
    }

    /// Nothing at all, or a word for it.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { value, style: ScalarStyle::Plain }
            if self.tag.is_none() && ["", "~", "null", "Null", "NULL"].contains(&value.as_str()))
    }

    /// Whether every reader reads this scalar as the text `wanted`.
    pub fn says(&self, wanted: &str) -> bool {
        match &self.kind {
            Kind::Scalar { value, style } => {
                value == wanted && (*style != ScalarStyle::Plain || scalar::is_plain(value))
            }
            Kind::Sequence { .. } | Kind::Mapping { .. } | Kind::Alias(_) => false,
        }
    }

    /// A tag that says something other than "a text".
    pub fn foreign_tag(&self) -> Option<&str> {
        self.tag.as_deref().filter(|tag| *tag != TEXT_TAG)
    }

    /// What it is, for people.
    pub fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar { .. } if self.is_null() => "null",
            Kind::Scalar { style: ScalarStyle::Literal | ScalarStyle::Folded, .. } => {
                "a text of several lines"
            }
            Kind::Scalar { .. } => "a text",
            Kind::Sequence { .. } => "a list",
            Kind::Mapping { .. } => "a mapping",
            Kind::Alias(_) => "an alias",
        }
    }
}
