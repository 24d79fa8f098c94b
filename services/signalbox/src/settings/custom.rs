//! Kinds of objects of which the settings say what a transition is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use watcher::{CustomKind, InvalidCustom};

use super::Everywhere;
use crate::duration::{Wait, delta};

/// The kinds; each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Keys>")]
pub struct Custom(pub Vec<watcher::Custom>);

/// A kind as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Plural, group and version.
    kind: String,
    /// Where its objects are watched, if not where the others are.
    #[serde(default)]
    namespaces: Option<Everywhere>,
    /// CEL: in which phase an object is.
    phase: String,
    /// CEL: when time alone may make it another one.
    #[serde(default)]
    again: Option<String>,
    /// CEL: why.
    #[serde(default)]
    message: Option<String>,
    /// How long a phase has to last until it is said.
    #[serde(default, rename = "for")]
    lasts: BTreeMap<String, Wait>,
}

impl TryFrom<Vec<Keys>> for Custom {
    type Error = InvalidCustom;

    fn try_from(kinds: Vec<Keys>) -> Result<Self, InvalidCustom> {
        let mut names = BTreeSet::new();
        let one = |keys: Keys| {
            let custom = custom(keys)?;
            if names.insert(custom.kind.name()) { Ok(custom) } else { Err(InvalidCustom::Twice(custom.kind)) }
        };
        kinds.into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }
}

fn custom(keys: Keys) -> Result<watcher::Custom, InvalidCustom> {
    let Keys { kind, namespaces, phase, again, message, lasts } = keys;
    let kind: CustomKind = kind.parse()?;
    let optional = |field: &'static str, text: Option<String>| {
        text.map(|text| kind.expression(field, &text)).transpose()
    };
    Ok(watcher::Custom {
        scope: namespaces.map(|namespaces| namespaces.0),
        phase: kind.expression("phase", &phase)?,
        again: optional("again", again)?,
        message: optional("message", message)?,
        lasts: lasts.into_iter().map(|(phase, wait)| (phase, delta(wait))).collect(),
        kind,
    })
}
