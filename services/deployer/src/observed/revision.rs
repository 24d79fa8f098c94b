//! How the revisions that Argo CD names stand to our commit.

use std::collections::BTreeMap;

use events::payload::deploy::Image;

/// How a revision stands to our commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// It is our commit or comes after it; what the values file names there.
    Contains {
        /// The image that the file names; `None` when it names none, or is gone.
        names: Option<Image>,
    },
    /// It is older, or on another branch.
    Lacks,
    /// The GitOps repository does not know it: a chart's version, or another repository.
    Unknown,
}

/// What is known of revisions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revisions(pub BTreeMap<String, Relation>);

impl Revisions {
    /// The first of these revisions that contains our commit, with what the values file names there.
    pub fn containing<'a>(&'a self, revisions: &'a [String]) -> Option<(&'a str, Option<&'a Image>)> {
        revisions.iter().find_map(|revision| match self.0.get(revision) {
            Some(Relation::Contains { names }) => Some((revision.as_str(), names.as_ref())),
            Some(Relation::Lacks | Relation::Unknown) | None => None,
        })
    }
}
