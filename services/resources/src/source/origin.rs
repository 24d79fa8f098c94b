//! Whose event it is, and whether a source takes it. Pure.

use std::fmt;

use events::{Envelope, extension, subject};
use serde::Deserialize;

/// Whose event the delivery of a forge is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `owner/name`.
    Repository(String),
    /// `group/…/name`, of GitLab.
    Project(String),
    /// An event of a whole organisation, by its login.
    Organization(String),
    /// An event of a whole group of GitLab, by its path.
    Group(String),
    /// An event of neither.
    Elsewhere,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(name) => write!(f, "the repository {name}"),
            Self::Project(path) => write!(f, "the project {path}"),
            Self::Organization(login) => write!(f, "the organisation {login}"),
            Self::Group(path) => write!(f, "the group {path}"),
            Self::Elsewhere => f.write_str("neither a repository nor an organisation"),
        }
    }
}

/// What a body says of whose it is, if it is no repository's.
#[derive(Default, Deserialize)]
#[serde(default)]
struct View {
    organization: Option<Account>,
    package: Option<Package>,
    group: Option<Group>,
    group_path: Option<String>,
}

#[derive(Deserialize)]
struct Account {
    #[serde(alias = "username")]
    login: String,
}

#[derive(Deserialize)]
struct Package {
    owner: Option<Account>,
}

#[derive(Deserialize)]
struct Group {
    full_path: Option<String>,
}

impl Origin {
    /// Of a delivery of GitHub. `events::github` makes the partition key of the repository, so this is what everybody
    /// else takes for the repository, too.
    pub fn of(event: &Envelope) -> Self {
        Self::read(event, Self::Repository, |view| {
            view.organization.map(|account| Self::Organization(account.login))
        })
    }

    /// Of a delivery of Gitea. A package is its owner's.
    pub fn of_gitea(event: &Envelope) -> Self {
        Self::read(event, Self::Repository, |view| {
            let owner = view.organization.or(view.package.and_then(|package| package.owner));
            owner.map(|account| Self::Organization(account.login))
        })
    }

    /// Of a delivery of GitLab.
    pub fn of_gitlab(event: &Envelope) -> Self {
        Self::read(event, Self::Project, |view| {
            view.group.and_then(|group| group.full_path).or(view.group_path).map(Self::Group)
        })
    }

    fn read(event: &Envelope, whole: fn(String) -> Self, part: impl FnOnce(View) -> Option<Self>) -> Self {
        if let Some(repository) = event.extension(extension::PARTITION_KEY) {
            return whole(repository.into_owned());
        }
        // A member of another shape is as good as none: what is not known to be taken is refused.
        serde_json::from_slice(event.body()).ok().and_then(part).unwrap_or(Self::Elsewhere)
    }

    /// The event, if it is among `globs` (of `owner/name`, compared without case as the forges do; none means all).
    ///
    /// # Errors
    /// Whose event it is, when it is not among them.
    pub fn admit(self, event: Envelope, globs: &[String]) -> Result<Envelope, Self> {
        if self.is_among(globs) { Ok(event) } else { Err(self) }
    }

    /// An event of a whole organisation or group is, when some repository of it could be.
    fn is_among(&self, globs: &[String]) -> bool {
        let fits =
            |glob: &String, name: &str| subject::fits(&glob.to_ascii_lowercase(), &name.to_ascii_lowercase());
        let owns = |glob: &String, owner: &str| {
            let before = glob.rsplit_once('/').map_or("", |(before, _)| before).to_owned();
            fits(&before, owner) || fits(glob, &format!("{owner}/"))
        };
        globs.is_empty()
            || match self {
                Self::Repository(name) | Self::Project(name) => globs.iter().any(|glob| fits(glob, name)),
                Self::Organization(owner) | Self::Group(owner) => globs.iter().any(|glob| owns(glob, owner)),
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

    fn project(path: &str) -> Origin {
        Origin::Project(path.to_owned())
    }

    fn group(path: &str) -> Origin {
        Origin::Group(path.to_owned())
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
            (&["*"], organization("acme"), true),
            (&["acme/*"], project("Acme/Web/Shop"), true),
            (&["acme/web/*"], project("acme/api/shop"), false),
            (&["acme/web/shop"], group("acme/web"), true),
            (&["acme/web/shop"], group("acme"), false),
            (&["acme/*"], group("acme/web"), true),
            (&["acme/*"], group("acme-evil/web"), false),
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

    #[test]
    fn what_is_no_repositorys_is_its_owners() {
        for (body, origin) in [
            (
                r#"{"repository":{"full_name":"acme/shop"},"organization":{"username":"acme"}}"#,
                repository("acme/shop"),
            ),
            (r#"{"repository":null,"organization":{"username":"acme"}}"#, organization("acme")),
            (r#"{"repository":null,"package":{"owner":{"login":"acme"}}}"#, organization("acme")),
            (r#"{"package":{"owner":7}}"#, Origin::Elsewhere),
        ] {
            let event = events::gitea::decode("package", "1", body.as_bytes()).unwrap();
            assert_eq!(Origin::of_gitea(&event), origin, "{body}");
        }
        for (body, origin) in [
            (
                r#"{"object_kind":"push","project":{"path_with_namespace":"acme/web/shop"}}"#,
                project("acme/web/shop"),
            ),
            (r#"{"object_kind":"access_token","group":{"full_path":"acme/web"}}"#, group("acme/web")),
            (r#"{"event_name":"user_add_to_group","group_path":"acme"}"#, group("acme")),
            (r#"{"object_kind":"something"}"#, Origin::Elsewhere),
        ] {
            let event = events::gitlab::decode(events::gitlab::Delivery::default(), body.as_bytes()).unwrap();
            assert_eq!(Origin::of_gitlab(&event), origin, "{body}");
        }
    }
}
