//! Settings in a YAML file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::error::ConfigError;
use super::node::{Content, Node, Origin};

/// A YAML value in which every value and key knows its line and column.
struct Yaml(YamlContent);

enum YamlContent {
    Scalar(Value),
    List(Vec<Spanned<Yaml>>),
    Section(Vec<(Spanned<String>, Spanned<Yaml>)>),
}

/// How deep settings may be nested: far deeper than any are. Reading takes much of the stack for each level, and a stack
/// that overflows ends the process without a word.
pub(super) const MAX_DEPTH: usize = 16;

/// How YAML of settings is read.
pub(super) fn options() -> serde_saphyr::Options {
    serde_saphyr::options! { budget: serde_saphyr::budget! { max_depth: MAX_DEPTH } }
}

/// The tree of a file.
pub(super) fn read(path: &Path) -> Result<Node, ConfigError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    parse(&text, &name)
}

fn parse(text: &str, name: &str) -> Result<Node, ConfigError> {
    let origin = |location: Location| Origin::File {
        path: name.to_owned(),
        line: location.line(),
        column: location.column(),
    };
    // The document itself is an optional: a file of comments alone sets nothing.
    let document =
        serde_saphyr::from_str_with_options::<Option<Spanned<Yaml>>>(text, options()).map_err(|error| {
            let error = error.without_snippet();
            ConfigError::syntax(error.location().map(origin), name, error)
        })?;
    let Some(document) = document else {
        return Ok(Node::empty());
    };
    let at = document.referenced;
    match to_node(document, None, &origin) {
        node @ Node { content: Content::Section(_), .. } => Ok(node),
        Node { content: Content::Scalar(Value::Null), .. } => Ok(Node::empty()),
        Node { .. } => Err(ConfigError::no_section(origin(at))),
    }
}

/// `key` is where the key stands, if there is one: that is the place that an error about the setting should name.
fn to_node(yaml: Spanned<Yaml>, key: Option<Location>, origin: &impl Fn(Location) -> Origin) -> Node {
    let place = origin(key.unwrap_or(yaml.referenced));
    let content = match yaml.value.0 {
        YamlContent::Scalar(value) => Content::Scalar(value),
        YamlContent::List(items) => {
            Content::List(items.into_iter().map(|item| to_node(item, None, origin)).collect())
        }
        YamlContent::Section(entries) => {
            let entry = |(key, value): (Spanned<String>, Spanned<Yaml>)| {
                (key.value, to_node(value, Some(key.referenced), origin))
            };
            Content::Section(entries.into_iter().map(entry).collect::<BTreeMap<_, _>>())
        }
    };
    Node { origin: Some(place), content }
}

impl<'de> Deserialize<'de> for Yaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(YamlVisitor).map(Self)
    }
}

struct YamlVisitor;

impl<'de> Visitor<'de> for YamlVisitor {
    type Value = YamlContent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<YamlContent, E> {
        Ok(YamlContent::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<YamlContent, E> {
        Ok(YamlContent::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<YamlContent, E> {
        Ok(YamlContent::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<YamlContent, E> {
        Ok(YamlContent::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<YamlContent, E> {
        Ok(YamlContent::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<YamlContent, E> {
        Ok(YamlContent::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<YamlContent, E> {
        Ok(YamlContent::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<YamlContent, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<YamlContent, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(YamlContent::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<YamlContent, A::Error> {
        let mut section = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            section.push(entry);
        }
        Ok(YamlContent::Section(section))
    }
}
