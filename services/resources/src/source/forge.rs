//! `spec.gitea`, `spec.gitlab` and `spec.registry`: webhooks of forges and registries. Pure.

use events::payload::image;

use super::credential::{Credential, Hmac};
use crate::SecretRef;

/// `spec.gitea`: Gitea and Forgejo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gitea {
    /// Webhook secrets; a delivery signed with any of them is taken (one or two, so that they can be rotated).
    pub secrets: Vec<SecretRef>,
    /// Globs of `owner/name`; empty means any repository.
    pub repositories: Vec<String>,
}

impl Gitea {
    /// The header with the signature, of Gitea and of Forgejo, which sends both.
    pub const SIGNATURES: [&str; 2] = ["x-gitea-signature", "x-forgejo-signature"];

    /// How a delivery proves itself that has its signature in this header.
    pub fn credential(&self, signature: &str) -> Credential {
        Credential::Hmac(Hmac::over_the_body(signature, "", self.secrets.clone()))
    }
}

/// `spec.gitlab`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gitlab {
    /// `X-Gitlab-Token` (secret token), or the scheme of Standard Webhooks (signing token).
    pub credential: Credential,
    /// Globs of `group/…/name`; empty means any project.
    pub projects: Vec<String>,
}

/// `spec.registry`: pushes to an image registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// What its webhook looks like.
    pub kind: image::Registry,
    /// How it proves itself.
    pub credential: Credential,
}
