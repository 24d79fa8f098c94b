//! Where a secret is: `{env: NAME}` or `{file: PATH}`.

use std::fmt;
use std::path::PathBuf;

use resources::SecretRef;
use serde::Deserialize;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PlaceKeys")]
pub enum Place {
    /// In an environment variable.
    Env(String),
    /// In a file.
    File(PathBuf),
}

/// A place as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceKeys {
    env: Option<String>,
    file: Option<PathBuf>,
}

impl TryFrom<PlaceKeys> for Place {
    type Error = &'static str;

    fn try_from(keys: PlaceKeys) -> Result<Self, Self::Error> {
        match keys {
            PlaceKeys { env: Some(name), file: None } => Ok(Self::Env(name)),
            PlaceKeys { env: None, file: Some(path) } => Ok(Self::File(path)),
            PlaceKeys { .. } => Err("say where the secret is with exactly one of the keys env and file"),
        }
    }
}

impl From<&Place> for SecretRef {
    fn from(place: &Place) -> Self {
        match place {
            Place::Env(name) => Self::Env(name.clone()),
            Place::File(path) => Self::File(path.clone()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}
