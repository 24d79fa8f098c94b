//! Whose event it is, and whether a source takes it. Pure.

use std::fmt;

use events::{Envelope, extension, subject};
use serde::Deserialize;

/// Whose event a GitHub delivery is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `owner/name`.
    Repository(String),
    /// An event of a whole organisation, by its login.
    Organization(String),
    /// An event of neither.
    Elsewhere,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(name) => write!(f, "the repository {name}"),
            Self::Organization(login) => write!(f, "the organisation {login}"),
            Self::Elsewhere => f.write_str("neither a repository nor an organisation"),
        }
    }
}

impl Origin {
    /// Reads it from the event. `events::github` makes the partition key of the repository, so this is what everybody
    /// else takes for the repository, too.
    pub(crate) fn of(event: &Envelope) -> Self {
        #[derive(Deserialize)]
        struct View {
            organization: Option<Organization>,
        }
        #[derive(Deserialize)]
        struct Organization {
            login: String,
        }
        if let Some(repository) = event.extension(extension::PARTITION_KEY) {
            return Self::Repository(repository.into_owned());
        }
        match serde_json::from_slice(event.body()) {
            Ok(View { organization: Some(organization) }) => Self::Organization(organization.login),
            Ok(View { organization: None }) | Err(_) => Self::Elsewhere,
        }
    }

    /// Whether it is among `repositories` (globs of `owner/name`, compared without case as GitHub does; none means all).
    ///
    /// An event of a whole organisation is, when some repository of that organisation could be.
    pub(crate) fn is_among(&self, repositories: &[String]) -> bool {
        let globs = repositories.iter().map(|glob| glob.to_ascii_lowercase());
        let fits = |glob: &str, name: &str| subject::fits(glob, &name.to_ascii_lowercase());
        repositories.is_empty()
            || match self {
                Self::Repository(name) => globs.into_iter().any(|glob| fits(&glob, name)),
                Self::Organization(login) => {
                    globs.into_iter().any(|glob| fits(glob.split('/').next().unwrap_or_default(), login))
                }
                Self::Elsewhere => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::Origin;

    fn repository(name: &str) -> Origin {
        Origin::Repository(name.to_owned())
    }

    fn organization(login: &str) -> Origin {
        Origin::Organization(login.to_owned())
    }

    #[test]
    fn globs_decide_without_regard_to_case() {
        for (globs, origin, taken) in [
            (&[][..], repository("acme/shop"), true),
            (&[], Origin::Elsewhere, true),
            (&["acme/*"], repository("acme/shop"), true),
            (&["acme/*"], repository("ACME/Shop"), true),
            (&["Acme/Shop"], repository("acme/shop"), true),
            (&["acme/*"], repository("acme-evil/shop"), false),
            (&["acme/*"], repository("evil/acme/shop"), false),
            (&["acme/shop"], repository("acme/shopping"), false),
            (&["other/*", "acme/shop"], repository("acme/shop"), true),
            (&["*"], repository("acme/shop"), true),
            (&["acme/*"], organization("Acme"), true),
            (&["acme/shop"], organization("acme"), true),
            (&["acme/*"], organization("acme-evil"), false),
            (&["acme/*"], Origin::Elsewhere, false),
        ] {
            let globs: Vec<String> = globs.iter().map(|&glob| glob.to_owned()).collect();
            assert_eq!(origin.is_among(&globs), taken, "{origin:?} among {globs:?}");
        }
    }

    #[test]
    fn the_repository_counts_before_the_organisation() {
        for (body, origin) in [
            (
                r#"{"repository":{"full_name":"acme/shop"},"organization":{"login":"acme"}}"#,
                repository("acme/shop"),
            ),
            (r#"{"organization":{"login":"acme"}}"#, organization("acme")),
            (r#"{"organization":{}}"#, Origin::Elsewhere),
            (r#"{"zen":"Speak like a human."}"#, Origin::Elsewhere),
        ] {
            let event = events::github::decode("ping", "1", body.as_bytes()).unwrap();
            assert_eq!(Origin::of(&event), origin, "{body}");
        }
    }
}
