//! Kinds of objects that the settings describe: where they are, and which phase an object is in.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use resources::condition::Expression;
use resources::rule::Flaw;
use thiserror::Error;

use crate::Scope;

/// Longest name of a kind, as Kubernetes takes it for a definition.
const NAME_CHARS: usize = 253;

/// A kind of object that the settings describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custom {
    /// Which one.
    pub kind: CustomKind,
    /// Where; absent, where the other kinds are watched.
    pub scope: Option<Scope>,
    /// CEL over `object` and `now`: a text. Whenever it is another one, that is a transition.
    pub phase: Expression,
    /// CEL over `object` and `now`: when the phase may be another one by the clock alone.
    pub again: Option<Expression>,
    /// CEL over `object` and `now`: why it is in this phase.
    pub message: Option<Expression>,
    /// How long a phase has to last until it is said.
    pub lasts: BTreeMap<String, TimeDelta>,
}

/// A kind: its plural, its group (the core has none) and a version. As text: `certificates.cert-manager.io/v1`.
///
/// ```
/// use watcher::CustomKind;
///
/// let kind: CustomKind = "certificates.cert-manager.io/v1".parse()?;
/// assert_eq!((kind.group(), kind.plural(), kind.version()), ("cert-manager.io", "certificates", "v1"));
/// assert!("Certificate".parse::<CustomKind>().is_err());
/// # Ok::<(), watcher::InvalidCustom>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CustomKind {
    plural: String,
    group: String,
    version: String,
}

/// Why a kind is not described well.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidCustom {
    /// The text names no kind.
    #[error(
        "`{0}` is no kind: write its plural and group as `kubectl api-resources` has them, in lower case, and a version: \
         `certificates.cert-manager.io/v1`"
    )]
    Kind(String),
    /// An expression is wrong.
    #[error("`{field}` of {kind}: {}", in_words(.flaws))]
    Expression {
        /// Which one.
        field: &'static str,
        /// Of which kind.
        kind: CustomKind,
        /// What is wrong with it.
        flaws: Vec<Flaw>,
    },
    /// The same kind twice.
    #[error("{0} is there twice: one `phase` has to tell all phases of a kind")]
    Twice(CustomKind),
}

impl CustomKind {
    /// Its plural.
    pub fn plural(&self) -> &str {
        &self.plural
    }

    /// Its group; empty for the core.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// As its definition is named: `certificates.cert-manager.io`.
    pub fn name(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Compiles an expression over an object of this kind.
    ///
    /// # Errors
    /// When it is not right.
    pub fn expression(&self, field: &'static str, text: &str) -> Result<Expression, InvalidCustom> {
        Expression::of_object(text).map_err(|flaws| InvalidCustom::Expression {
            field,
            kind: self.clone(),
            flaws,
        })
    }
}

impl FromStr for CustomKind {
    type Err = InvalidCustom;

    fn from_str(text: &str) -> Result<Self, InvalidCustom> {
        let wrong = || InvalidCustom::Kind(text.to_owned());
        let (name, version) = text.split_once('/').ok_or_else(wrong)?;
        let (plural, group) = name.split_once('.').unwrap_or((name, ""));
        let group_is_right = group.is_empty() && !name.contains('.') || group.split('.').all(is_label);
        if name.len() > NAME_CHARS || !is_label(plural) || !is_label(version) || !group_is_right {
            return Err(wrong());
        }
        Ok(Self { plural: plural.to_owned(), group: group.to_owned(), version: version.to_owned() })
    }
}

/// RFC 1123, as Kubernetes takes it.
fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl fmt::Display for CustomKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name(), self.version)
    }
}

fn in_words(flaws: &[Flaw]) -> String {
    let one = |flaw: &Flaw| {
        let hint = flaw.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("at byte {}: {}{hint}", flaw.offset, flaw.message)
    };
    flaws.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::{CustomKind, InvalidCustom};

    #[test]
    fn a_kind_is_read_and_written_the_same() {
        for text in ["certificates.cert-manager.io/v1", "configmaps/v1", "widgets.a.b.example/v2beta1"] {
            assert_eq!(text.parse::<CustomKind>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_kind_is_refused() {
        let long = format!("{}.example/v1", "a".repeat(64));
        for text in [
            "",
            "/",
            "certificates",
            "Certificate",
            "Certificates.cert-manager.io/v1",
            "certificates.cert-manager.io",
            "certificates.cert-manager.io/",
            "certificates./v1",
            ".cert-manager.io/v1",
            "certificates..io/v1",
            "cert-manager.io/v1/certificates",
            "certificates.cert_manager.io/v1",
            long.as_str(),
        ] {
            assert_eq!(text.parse::<CustomKind>(), Err(InvalidCustom::Kind(text.to_owned())), "{text:?}");
        }
    }

    #[test]
    fn an_expression_that_is_wrong_is_named_with_its_place() {
        let kind: CustomKind = "widgets.example/v1".parse().unwrap();
        let error = kind.expression("phase", "objct.a + b").unwrap_err();
        let expected = "`phase` of widgets.example/v1: at byte 0: there is no variable `objct` (did you mean `object`?); \
                        at byte 10: there is no variable `b` (there are `object` (as Kubernetes has it) and `now`; a \
                        text has quotes: `\"ready\"`)";
        assert_eq!(error.to_string(), expected);
    }
}
