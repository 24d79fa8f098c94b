//! What goes wrong, and whether to come back.

use std::time::Duration;

use anyhow::anyhow;
use chassis::Failure;
use chrono::{DateTime, SecondsFormat, Utc};
use resources::secret::SecretError;
use thiserror::Error;

use crate::{InvalidBase, KeyError};

/// A client cannot be made.
#[derive(Debug, Error)]
pub enum BuildError {
    /// TLS cannot be set up.
    #[error("cannot set up HTTP for GitHub's API")]
    Http(#[from] reqwest::Error),
    /// The address is none.
    #[error("the address of GitHub's API is not right")]
    Base(#[from] InvalidBase),
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// So many requests in an hour.
    Primary,
    /// Too many at once, or too fast.
    Secondary,
}

/// Whether to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Not before this time.
    At(DateTime<Utc>),
    /// By a back-off: GitHub, or the way to it, is unwell.
    Soon,
    /// It would end the same, until somebody changes something.
    Never,
}

/// Why there is no good answer.
#[derive(Debug, Error)]
pub enum Error {
    /// A limit is reached; nothing was done.
    #[error("GitHub's {limit} is reached; it may be asked again at {at}{said}",
        limit = limit.words(), at = until.to_rfc3339_opts(SecondsFormat::Secs, true), said = said(message))]
    RateLimited {
        /// Which.
        limit: Limit,
        /// When to come back.
        until: DateTime<Utc>,
        /// What GitHub said.
        message: String,
    },
    /// 401: the token or the JWT is not good.
    #[error("GitHub does not take the {shown} (401){said}; {hint}", said = said(message))]
    Unauthorized {
        /// What was shown.
        shown: &'static str,
        /// What would be right.
        hint: &'static str,
        /// What GitHub said.
        message: String,
    },
    /// 403: it may not do this.
    #[error("GitHub forbids {what} (403){said}{needs}", said = said(message), needs = wanted(needs.as_ref()))]
    Forbidden {
        /// What was asked for: method and path.
        what: String,
        /// The permission or scope that would do, by GitHub's headers.
        needs: Option<String>,
        /// What GitHub said.
        message: String,
    },
    /// 404 or 410: it is not there, or not to be seen by who asks.
    #[error("GitHub has nothing at {what} ({status}){said}: it is gone, or the token may not see it{needs}",
        said = said(message), needs = wanted(needs.as_ref()))]
    Missing {
        /// What was asked for: method and path.
        what: String,
        /// 404 or 410.
        status: u16,
        /// The permission or scope that would do, by GitHub's headers.
        needs: Option<String>,
        /// What GitHub said.
        message: String,
    },
    /// Another status from 300 to 499.
    #[error("GitHub refuses {what} ({status}){said}", said = said(message))]
    Refused {
        /// What was asked for: method and path.
        what: String,
        /// The status.
        status: u16,
        /// What GitHub said, with the members that it does not like.
        message: String,
    },
    /// It is unwell (5xx).
    #[error("GitHub is unwell ({status}){said}", said = said(message))]
    Unwell {
        /// The status.
        status: u16,
        /// When to come back, if it said.
        until: Option<DateTime<Utc>>,
        /// What GitHub said.
        message: String,
    },
    /// Nothing was sent.
    #[error("no connection to GitHub: {0}")]
    NoConnection(String),
    /// It was sent, and there is no answer, or half of one.
    #[error("GitHub did not answer: {0}")]
    NoAnswer(String),
    /// The answer is larger than any that is expected.
    #[error("GitHub's answer has more than {limit} bytes")]
    TooLarge {
        /// Largest answer that is read.
        limit: usize,
    },
    /// The answer is not what it should be.
    #[error("GitHub's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// The address does not belong to the API: the token must not go there.
    #[error("`{0}` does not belong to the API that is asked; nothing is sent there")]
    Elsewhere(String),
    /// The secret cannot be read.
    #[error("cannot read the secret that GitHub wants to see")]
    Secret(#[from] SecretError),
    /// The secret cannot be sent: it has a line break or the like.
    #[error("the token is no text that can stand in a header; is there a line break in it?")]
    NoToken,
    /// The App's key does not sign.
    #[error("the private key of the App cannot be used")]
    Key(#[from] KeyError),
    /// The App has no installation to ask as.
    #[error(
        "an App can ask for this only as an installation; name it (`installation`, the number at the end of the \
         address of its page)"
    )]
    NoInstallation,
}

impl Limit {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Primary => "rate limit",
            Self::Secondary => "secondary rate limit",
        }
    }
}

impl Error {
    /// Whether to try again, and when.
    pub fn again(&self) -> Again {
        match self {
            Self::RateLimited { until, .. } | Self::Unwell { until: Some(until), .. } => Again::At(*until),
            // A secret may come to be there.
            Self::Unwell { until: None, .. }
            | Self::NoConnection(_)
            | Self::NoAnswer(_)
            | Self::Secret(_) => Again::Soon,
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::Missing { .. }
            | Self::Refused { .. }
            | Self::TooLarge { .. }
            | Self::Unreadable(_)
            | Self::Elsewhere(_)
            | Self::NoToken
            | Self::Key(_)
            | Self::NoInstallation => Again::Never,
        }
    }

    /// Whether what was asked for surely did not happen: GitHub refused it, or never heard of it.
    pub fn did_nothing(&self) -> bool {
        match self {
            Self::NoAnswer(_) | Self::Unwell { .. } | Self::TooLarge { .. } | Self::Unreadable(_) => false,
            Self::RateLimited { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::Missing { .. }
            | Self::Refused { .. }
            | Self::NoConnection(_)
            | Self::Elsewhere(_)
            | Self::Secret(_)
            | Self::NoToken
            | Self::Key(_)
            | Self::NoInstallation => true,
        }
    }

    /// The failure of a handler that asked.
    pub fn failure(self, now: DateTime<Utc>) -> Failure {
        let (again, did_nothing) = (self.again(), self.did_nothing());
        let error = anyhow!(self);
        let failure = match again {
            Again::At(until) => {
                let after = (until - now).to_std().unwrap_or(Duration::ZERO);
                Failure::retry_after(error, after)
            }
            Again::Soon => Failure::retry(error),
            Again::Never => Failure::reject(error),
        };
        if did_nothing { failure.effect_absent() } else { failure }
    }
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

fn wanted(needs: Option<&String>) -> String {
    needs.map_or_else(String::new, |needs| format!("; it needs {needs}"))
}
