//! Where a secret is. Read when it is used, so that it can be rotated without a restart; never logged.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `{env: NAME}`: an environment variable.
    Env(String),
    /// `{file: PATH}`: a file; one trailing line break is not part of the secret.
    File(PathBuf),
}

/// A secret. Its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// A secret could not be read.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The environment variable is not set, or is empty.
    #[error("environment variable {0} is not set or is empty")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("cannot read the secret file {path}")]
    NoFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is empty.
    #[error("the secret file {0} is empty")]
    EmptyFile(PathBuf),
}

impl SecretRef {
    /// Reads the secret.
    pub fn read(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Env(name) => match std::env::var_os(name) {
                Some(value) if !value.is_empty() => Ok(Secret(value.into_encoded_bytes())),
                _ => Err(SecretError::NoVariable(name.clone())),
            },
            Self::File(path) => {
                let mut bytes = std::fs::read(path)
                    .map_err(|source| SecretError::NoFile { path: path.clone(), source })?;
                if bytes.last() == Some(&b'\n') {
                    bytes.pop();
                    if bytes.last() == Some(&b'\r') {
                        bytes.pop();
                    }
                }
                if bytes.is_empty() { Err(SecretError::EmptyFile(path.clone())) } else { Ok(Secret(bytes)) }
            }
        }
    }
}

impl Secret {
    /// A secret from its bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the one place that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
