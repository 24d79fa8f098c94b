//! What an operator may set, and the HTTP client.

use std::time::Duration;

use reqwest::redirect::Policy;

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(5);
/// Until the whole answer is there, from the start: Slack answers in well under a second; some endpoints wake up first.
const ANSWER: Duration = Duration::from_secs(20);
/// An idle connection is closed after this: shorter than the usual minute of load balancers, so that a message does not go
/// into a connection that is being closed.
const IDLE: Duration = Duration::from_secs(30);

/// What an operator may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Time between two messages to one Slack channel. Slack asks for one second.
    pub slack_spacing: Duration,
    /// The longest `Retry-After` that is obeyed; a longer one is shortened to this.
    pub longest_wait: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { slack_spacing: Duration::from_secs(1), longest_wait: Duration::from_hours(1) }
    }
}

/// The client to hand to [`crate::Notifier::new`]: time limits, no redirects (a redirect would carry a message and its
/// bearer token to an address that nobody declared), and the proxy of the environment if there is one.
///
/// The process must have chosen a TLS provider before (`rustls::crypto::ring::default_provider().install_default()`).
///
/// # Errors
/// When TLS cannot be set up, for example because there is no provider.
pub fn http_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .pool_idle_timeout(IDLE)
        .build()
}
