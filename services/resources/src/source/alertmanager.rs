//! `spec.alertmanager`: notifications of Alertmanager, and how what they left out is made good. Pure.

use std::time::Duration;

use crate::SecretRef;

/// `spec.alertmanager`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alertmanager {
    /// Bearer tokens; any of them is taken (one or two, so that they can be rotated).
    pub tokens: Vec<SecretRef>,
    /// How Alertmanager is asked which alerts fire; absent: not at all.
    pub api: Option<AlertsApi>,
}

/// `spec.alertmanager.api`: how Alertmanager is asked which alerts fire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertsApi {
    /// Its address, with the prefix of its routes if it has one; `/api/v2/alerts` comes after it.
    pub url: String,
    /// The receiver that posts to this Source: the alerts of others do not count.
    pub receiver: String,
    /// How often.
    pub every: Duration,
    /// How it calls itself (`--web.external-url`), which is the source of its events; absent: as in its notifications.
    pub external_url: Option<String>,
    /// What it wants to see; absent: nothing.
    pub login: Option<Login>,
}

/// What whoever asks shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// A bearer token.
    Token(SecretRef),
    /// A user and a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretRef,
    },
}
