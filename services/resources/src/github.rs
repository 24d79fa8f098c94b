//! How GitHub's API is asked, and as whom. Pure.

use crate::SecretRef;

/// How GitHub's API is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The base address of the API; absent: `https://api.github.com`.
    pub api: Option<String>,
    /// Who asks.
    pub auth: Auth,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// A token: fine-grained, classic, or of an installation.
    Token(SecretRef),
    /// A GitHub App.
    App(App),
}

/// A GitHub App.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its client id (`Iv23…`), or its App id: who issues the JWT.
    pub id: String,
    /// Which of its installations; not needed for the endpoints under `/app`.
    pub installation: Option<u64>,
    /// Its private key, PEM.
    pub key: SecretRef,
}
