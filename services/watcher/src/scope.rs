//! Which namespaces are watched.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

/// Longest name of a namespace (RFC 1123 label, as Kubernetes takes it).
const NAMESPACE_CHARS: usize = 63;
/// Where Argo CD keeps its Applications unless it is told otherwise.
const ARGO_CD: &str = "argocd";

/// Which namespaces are watched. As text: `*`, or names separated by commas.
///
/// ```
/// use watcher::Scope;
///
/// assert_eq!(Scope::default().to_string(), "argocd");
/// assert_eq!("*".parse::<Scope>()?, Scope::All);
/// assert_eq!("team-b, argocd".parse::<Scope>()?.to_string(), "argocd,team-b");
/// assert!("argocd,*".parse::<Scope>().is_err());
/// # Ok::<(), watcher::InvalidScope>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Scope {
    /// Every namespace, also one that comes later (Argo CD's "applications in any namespace").
    All,
    /// These; each has a watch of its own, so that a Role in each is enough.
    Namespaces(BTreeSet<Namespace>),
}

/// Name of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Namespace(String);

/// The text names no scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidScope {
    /// Nothing is named.
    #[error(
        "no namespace is named: write `*` for all namespaces, or names separated by commas, for example `argocd`"
    )]
    Empty,
    /// A word is no name.
    #[error(
        "`{0}` is no namespace: 1 to 63 lower-case letters, digits and `-` (not at its ends), for example `argocd`"
    )]
    Namespace(String),
    /// All, and some.
    #[error("`*` means all namespaces: write it alone, or leave it out of `{0}`")]
    Mixed(String),
}

impl Namespace {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let label = text.len() <= NAMESPACE_CHARS
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.is_empty();
        if label { Ok(Self(text.to_owned())) } else { Err(InvalidScope::Namespace(text.to_owned())) }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::Namespaces([Namespace(ARGO_CD.to_owned())].into())
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Err(InvalidScope::Empty),
            ["*"] => Ok(Self::All),
            words if words.contains(&"*") => Err(InvalidScope::Mixed(text.to_owned())),
            words => words.iter().map(|word| word.parse()).collect::<Result<_, _>>().map(Self::Namespaces),
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, InvalidScope> {
        text.parse()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Namespaces(names) => {
                let names: Vec<&str> = names.iter().map(Namespace::as_str).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidScope, Scope};

    #[test]
    fn a_word_that_is_no_namespace_is_named() {
        let long = "a".repeat(64);
        for word in ["Argo", "argo_cd", "-argocd", "argocd-", "argo.cd", "argo/cd", long.as_str()] {
            let text = format!("argocd,{word}");
            assert_eq!(text.parse::<Scope>(), Err(InvalidScope::Namespace(word.to_owned())));
        }
    }

    #[test]
    fn nothing_and_all_with_some_are_refused() {
        for text in ["", " ", ",", " , "] {
            assert_eq!(text.parse::<Scope>(), Err(InvalidScope::Empty), "{text:?}");
        }
        assert_eq!("*,argocd".parse::<Scope>(), Err(InvalidScope::Mixed("*,argocd".to_owned())));
    }

    #[test]
    fn a_setting_is_read_like_the_text() {
        let scope: Scope = serde_json::from_str("\"argocd,apps\"").unwrap();
        assert_eq!(scope, "apps,argocd".parse().unwrap());
        let error = serde_json::from_str::<Scope>("\"Argo\"").unwrap_err();
        assert!(error.to_string().starts_with("`Argo` is no namespace"), "{error}");
    }
}
