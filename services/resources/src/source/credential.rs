//! How the sender of a webhook proves itself. Pure.

use std::time::Duration;

use crate::SecretRef;

/// How the sender of a webhook proves itself: with any of one or two secrets, so that they can be rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// `hmac`: it signs the body.
    Hmac(Hmac),
    /// `tokens`: it shows a bearer token, in `Authorization` or as `?access_token=`.
    Tokens(Vec<SecretRef>),
    /// `basic`: it shows a user and a password (RFC 7617).
    Basic {
        /// The user.
        user: String,
        /// The passwords.
        passwords: Vec<SecretRef>,
    },
    /// `header`: it shows a secret in a header of its own.
    Header {
        /// The header.
        name: String,
        /// Its values.
        values: Vec<SecretRef>,
    },
}

impl Credential {
    /// Where its secrets are.
    pub fn secrets(&self) -> &[SecretRef] {
        match self {
            Self::Hmac(Hmac { secrets, .. }) => secrets,
            Self::Tokens(tokens) => tokens,
            Self::Basic { passwords, .. } => passwords,
            Self::Header { values, .. } => values,
        }
    }
}

/// How a sender signs: an HMAC in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hmac {
    /// The keys.
    pub secrets: Vec<SecretRef>,
    /// How the secrets are written.
    pub key: Key,
    /// The header with the signature; several, with spaces between them, are alternatives.
    pub header: String,
    /// The hash.
    pub algorithm: Algorithm,
    /// What stands before the signature in its header.
    pub prefix: String,
    /// How the signature is written.
    pub encoding: Encoding,
    /// What is signed, its parts one after another.
    pub signs: Vec<Signed>,
    /// When it was signed.
    pub timestamp: Option<Timestamp>,
}

impl Hmac {
    /// HMAC SHA-256 over the body in hex, in this header, after this prefix: what most senders do.
    pub fn over_the_body(header: &str, prefix: &str, secrets: Vec<SecretRef>) -> Self {
        Self {
            secrets,
            key: Key::default(),
            header: header.to_owned(),
            algorithm: Algorithm::default(),
            prefix: prefix.to_owned(),
            encoding: Encoding::default(),
            signs: vec![Signed::Body],
            timestamp: None,
        }
    }

    /// The scheme of the Standard Webhooks specification: `webhook-signature: v1,<base64>` over `id.timestamp.body`.
    pub fn standard_webhooks(secrets: Vec<SecretRef>) -> Self {
        let dot = || Signed::Literal(".".to_owned());
        let signs =
            vec![Signed::Header("webhook-id".to_owned()), dot(), Signed::Timestamp, dot(), Signed::Body];
        // 5 minutes: what the specification's own libraries tolerate.
        let timestamp =
            Timestamp { header: "webhook-timestamp".to_owned(), tolerance: Duration::from_mins(5) };
        Self {
            key: Key::Standard,
            encoding: Encoding::Base64,
            signs,
            timestamp: Some(timestamp),
            ..Self::over_the_body("webhook-signature", "v1,", secrets)
        }
    }
}

/// How a secret is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Key {
    /// Its bytes are the key.
    #[default]
    Text,
    /// Base64 of the key, after `whsec_` or not.
    Base64,
    /// After `whsec_`, Base64 of the key (Standard Webhooks); without it, its bytes are the key.
    Standard,
}

/// The hash of an HMAC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-1, for old senders: as part of an HMAC it is not broken.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits, in any case.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// A part of what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signed {
    /// The text as it is.
    Literal(String),
    /// The header of [`Hmac::timestamp`].
    Timestamp,
    /// Another header.
    Header(String),
    /// The raw body.
    Body,
}

/// Which header says when a request was signed: Unix seconds, or milliseconds from 13 digits on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamp {
    /// The header.
    pub header: String,
    /// How far it may be from our clock, in either direction.
    pub tolerance: Duration,
}
