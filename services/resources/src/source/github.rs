//! `spec.github`: webhooks of GitHub, and how what they missed is made good. Pure.

use std::time::Duration;

use crate::SecretRef;
use crate::github::Access;

/// `spec.github`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Github {
    /// Webhook secrets; a delivery signed with any of them is taken (one or two, so that they can be rotated).
    pub secrets: Vec<SecretRef>,
    /// Globs of `owner/name`; empty means any repository.
    pub repositories: Vec<String>,
    /// How the deliveries that did not arrive are made good; absent: not at all.
    pub sweep: Option<Sweep>,
}

/// `spec.github.sweep`: GitHub is asked what it delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// How GitHub is asked, and as whom.
    pub access: Access,
    /// Whose deliveries.
    pub hook: Hook,
    /// How often.
    pub every: Duration,
    /// Which deliveries are looked at.
    pub deliveries: Deliveries,
}

/// A webhook of GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// One of a repository.
    Repository {
        /// `owner/name`.
        name: String,
        /// Its number: the end of the address of its page.
        id: u64,
    },
    /// One of an organisation.
    Organization {
        /// Its login.
        login: String,
        /// Its number: the end of the address of its page.
        id: u64,
    },
    /// The one of the App that asks.
    App,
}

/// Which deliveries are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Deliveries {
    /// Those that nobody answered with 2xx: where the gateway says so, the bus has the event.
    #[default]
    Failed,
    /// All of them: also where something before the gateway may have answered in its name. A request for each.
    All,
}
