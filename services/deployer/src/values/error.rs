//! What a values file can be like that it cannot be edited; each says where, and what would be right.

use std::fmt;

use thiserror::Error;

/// A place in the file, for people: both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why the file cannot be edited.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ValuesError {
    /// It is no YAML.
    #[error("it is not valid YAML: {message}, {at}")]
    Syntax { message: String, at: Place },
    /// It is several documents.
    #[error("it has a second YAML document, {at}: keep one document to a file")]
    SecondDocument { at: Place },
    /// It is a list or a text.
    #[error("it is {what}, {at}: a values file is a mapping of keys")]
    NotAMapping { what: &'static str, at: Place },
    /// A key twice: readers differ in which one counts.
    #[error("it has the key `{key}` twice, {at} and {first}: remove one")]
    DuplicateKey { key: String, first: Place, at: Place },
    /// A part of the path is no mapping.
    #[error("`{key}` is {what}, {at}: it should be a mapping that holds `{path}`")]
    InTheWay { key: String, path: String, what: &'static str, at: Place },
    /// The key holds no text.
    #[error("`{path}` is {what}, {at}: it should be a text")]
    NotAText { path: String, what: &'static str, at: Place },
    /// The value lives elsewhere.
    #[error("`{key}` is an alias, {at}: changing it would change what it points at; write the value here")]
    Alias { key: String, at: Place },
    /// The value is used elsewhere too.
    #[error(
        "`{key}` has an anchor, {at}, that is used elsewhere: changing it would change more; write the value twice"
    )]
    Anchor { key: String, at: Place },
    /// The value has a type of its own.
    #[error("`{path}` has the tag `{tag}`, {at}: remove the tag, the value is a text")]
    Tag { path: String, tag: String, at: Place },
    /// Anything else.
    #[error(
        "`{0}` cannot be changed without changing more of the file: give it a place of its own in block style"
    )]
    Unsafe(String),
}
