//! From the tree to the types of the settings; errors keep the place of the value.

use std::collections::btree_map;
use std::vec;

use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use super::error::NodeError;
use super::node::{Content, Node, Origin};

impl Node {
    /// What stands there, for people.
    fn found(&self) -> String {
        match &self.content {
            Content::Scalar(Value::String(text)) | Content::Raw(text) => format!("the text `{text}`"),
            Content::Scalar(Value::Null) => "nothing".to_owned(),
            Content::Scalar(value) => format!("`{value}`"),
            Content::List(_) => "a list".to_owned(),
            Content::Section(_) => "a section with keys".to_owned(),
        }
    }

    /// As [`Self::found`], for where a section should be: the text may be a secret that should have been a reference.
    fn found_kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar(Value::String(_)) | Content::Raw(_) => "a text",
            Content::Scalar(Value::Bool(_)) => "true or false",
            Content::Scalar(Value::Number(_)) => "a number",
            Content::Scalar(_) => "nothing",
            Content::List(_) => "a list",
            Content::Section(_) => "a section with keys",
        }
    }

    fn no_section(&self, keys: &str) -> NodeError {
        let expected = format!("a section with keys{keys}");
        NodeError::shape(&expected, self.found_kind()).or_at(self.origin.as_ref())
    }

    fn mismatch(&self, expected: &str) -> NodeError {
        NodeError::shape(expected, &self.found()).or_at(self.origin.as_ref())
    }
}

/// What the text of a variable says as a YAML scalar; text that is no other scalar is text.
fn scalar(text: String) -> Value {
    match serde_saphyr::from_str_with_options::<Value>(&text, super::file::options()) {
        Ok(value @ (Value::Bool(_) | Value::Number(_))) => value,
        Ok(Value::Null) if matches!(text.as_str(), "null" | "~") => Value::Null,
        _ => Value::String(text),
    }
}

fn visit_scalar<'de, V: Visitor<'de>>(value: Value, visitor: V) -> Result<V::Value, NodeError> {
    match value {
        Value::Null => visitor.visit_unit(),
        Value::Bool(flag) => visitor.visit_bool(flag),
        Value::String(text) => visitor.visit_string(text),
        Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
            (Some(number), _, _) => visitor.visit_u64(number),
            (None, Some(number), _) => visitor.visit_i64(number),
            (None, None, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
        },
        // A list or a section is never kept as a scalar.
        Value::Array(_) | Value::Object(_) => Err(NodeError::shape("a scalar", "a list or section")),
    }
}

impl<'de> Deserializer<'de> for Node {
    type Error = NodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        let Self { origin, content } = self;
        match content {
            Content::Scalar(value) => visit_scalar(value, visitor),
            Content::Raw(text) => visit_scalar(scalar(text), visitor),
            Content::List(items) => visitor.visit_seq(Items(items.into_iter())),
            Content::Section(entries) => visitor.visit_map(Entries::new(entries.into_iter())),
        }
        .map_err(|error| error.or_at(origin.as_ref()))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        match self.content {
            Content::Raw(text) => {
                visitor.visit_string(text).map_err(|error: NodeError| error.or_at(self.origin.as_ref()))
            }
            Content::Scalar(Value::String(_)) => self.deserialize_any(visitor),
            Content::Scalar(_) | Content::List(_) | Content::Section(_) => Err(self.mismatch("a text")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        self.deserialize_string(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        let is_bool = match &self.content {
            Content::Scalar(value) => value.is_boolean(),
            Content::Raw(text) => scalar(text.clone()).is_boolean(),
            Content::List(_) | Content::Section(_) => false,
        };
        if is_bool { self.deserialize_any(visitor) } else { Err(self.mismatch("true or false")) }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        match self.content {
            Content::Scalar(Value::Null) => visitor.visit_none(),
            Content::Scalar(_) | Content::Raw(_) | Content::List(_) | Content::Section(_) => {
                visitor.visit_some(self)
            }
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        match self.content {
            Content::Raw(text) => {
                let item = |text: &str| Self {
                    origin: self.origin.clone(),
                    content: Content::Raw(text.trim().to_owned()),
                };
                let items: Vec<Self> =
                    text.split(',').filter(|text| !text.trim().is_empty()).map(item).collect();
                visitor.visit_seq(Items(items.into_iter()))
            }
            Content::List(_) => self.deserialize_any(visitor),
            Content::Scalar(Value::Null) => visitor.visit_seq(Items(Vec::new().into_iter())),
            Content::Scalar(_) | Content::Section(_) => Err(self.mismatch("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NodeError> {
        match self.content {
            Content::Section(_) => self.deserialize_any(visitor),
            Content::Scalar(Value::Null) => {
                visitor.visit_map(Entries::new(btree_map::BTreeMap::new().into_iter()))
            }
            Content::Scalar(_) | Content::Raw(_) | Content::List(_) => {
                Err(self.mismatch("a section with keys"))
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NodeError> {
        match self.content {
            Content::Section(_) | Content::Scalar(Value::Null) => self.deserialize_map(visitor),
            Content::Scalar(_) | Content::Raw(_) | Content::List(_) => {
                Err(self.no_section(&format!(" ({})", fields.join(", "))))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NodeError> {
        let origin = self.origin.clone();
        match self.content {
            Content::Raw(text) | Content::Scalar(Value::String(text)) => {
                let text: StringDeserializer<NodeError> = text.into_deserializer();
                text.deserialize_enum("", variants, visitor)
            }
            Content::Section(entries) if entries.len() == 1 => {
                MapAccessDeserializer::new(Entries::new(entries.into_iter()))
                    .deserialize_enum("", variants, visitor)
            }
            Content::Section(_) => {
                Err(self.mismatch(&format!("exactly one of the keys {}", variants.join(", "))))
            }
            Content::Scalar(_) | Content::List(_) => {
                Err(self.mismatch(&format!("one of {}", variants.join(", "))))
            }
        }
        .map_err(|error| error.or_at(origin.as_ref()))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

impl IntoDeserializer<'_, NodeError> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Items(vec::IntoIter<Node>);

impl<'de> SeqAccess<'de> for Items {
    type Error = NodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, NodeError> {
        let Some(node) = self.0.next() else {
            return Ok(None);
        };
        let origin = node.origin.clone();
        seed.deserialize(node).map(Some).map_err(|error| error.or_at(origin.as_ref()))
    }
}

struct Entries {
    rest: btree_map::IntoIter<String, Node>,
    value: Option<(String, Node)>,
}

impl Entries {
    fn new(rest: btree_map::IntoIter<String, Node>) -> Self {
        Self { rest, value: None }
    }
}

fn place(error: NodeError, key: &str, origin: Option<&Origin>) -> NodeError {
    error.or_at(origin).below(key)
}

impl<'de> MapAccess<'de> for Entries {
    type Error = NodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, NodeError> {
        let Some((key, node)) = self.rest.next() else {
            return Ok(None);
        };
        let text: StringDeserializer<NodeError> = key.clone().into_deserializer();
        let parsed = seed.deserialize(text).map_err(|error| place(error, &key, node.origin.as_ref()))?;
        self.value = Some((key, node));
        Ok(Some(parsed))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, NodeError> {
        let Some((key, node)) = self.value.take() else {
            return Err(NodeError::shape("a key before its value", "a value"));
        };
        let origin = node.origin.clone();
        seed.deserialize(node).map_err(|error| place(error, &key, origin.as_ref()))
    }
}
