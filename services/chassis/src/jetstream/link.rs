//! The state of the connection: why it is away, for the readiness, and one line of log for each change of it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::connection::State;

use async_nats::{ClientError, Event, Server, ServerError};
use tokio::time::Instant;

/// While it is away, a reminder after this time, and then after twice as long each time …
const FIRST_REMINDER: Duration = Duration::from_mins(1);
/// … but at least this often.
const LONGEST_REMINDER: Duration = Duration::from_hours(1);
/// So many different things that the server refuses are told until it is connected to anew.
const REFUSALS: usize = 8;
/// What the server refused is a reason for what fails within this time.
const RECENT: Duration = Duration::from_secs(15);
/// What the client says when our own part of the login failed.
const UNSIGNED: &str = "failed signing nonce";

/// What is known about the connection.
#[derive(Debug)]
pub struct Link {
    /// Which server, without credentials.
    url: String,
    /// What is shown to it, if anything is.
    login: Option<String>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// Since when it is away.
    away: Option<Instant>,
    /// Whether it was there before.
    again: bool,
    attempts: u64,
    reason: Option<String>,
    /// Kinds of reasons that the log has of this absence.
    told: BTreeSet<Why>,
    remind: Instant,
    interval: Duration,
    /// What the server refused while it was there, and when last.
    refused: Option<(Instant, String)>,
    refusals: BTreeSet<String>,
}

/// Kinds of reasons: another of the same kind is no news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// Nobody answers.
    Unreachable,
    /// The two cannot agree on TLS.
    Tls,
    /// We are not let in.
    Login,
    /// A secret or a file of ours cannot be used.
    Ours,
}

impl Why {
    /// The kind of an error of the client, which has no better words for a bad certificate than for a dead host.
    fn of(error: &str) -> Self {
        let lower = error.to_lowercase();
        if lower.contains("authorization violation") || lower.contains("authentication") {
            Self::Login
        } else if lower.contains("certificate") || lower.contains("tls") {
            Self::Tls
        } else {
            Self::Unreachable
        }
    }
}

impl Link {
    /// Nothing is known yet.
    pub fn new(url: String, login: Option<String>) -> Self {
        let now = Instant::now();
        let known = Known {
            away: Some(now),
            again: false,
            attempts: 0,
            reason: None,
            told: BTreeSet::new(),
            remind: now + FIRST_REMINDER,
            interval: FIRST_REMINDER,
            refused: None,
            refusals: BTreeSet::new(),
        };
        Self { url, login, known: Mutex::new(known) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is sent without a connection: the client would keep it and send it later, when nobody waits for it.
    pub fn check(&self, state: &State) -> anyhow::Result<()> {
        match state {
            State::Connected => Ok(()),
            State::Pending | State::Disconnected => match self.known().reason.clone() {
                Some(reason) => anyhow::bail!("there is no connection to the NATS server: {reason}"),
                None => anyhow::bail!("there is no connection to the NATS server"),
            },
        }
    }

    /// What the server has refused a moment ago: the client does not connect it with the request, which only times out.
    pub fn refusal(&self) -> Option<String> {
        let known = self.known();
        let (when, what) = known.refused.as_ref()?;
        (when.elapsed() < RECENT).then(|| what.clone())
    }

    /// An attempt begins; this is what became of those before it.
    pub fn attempt(&self, pool: &[Server]) {
        let failed = pool.iter().filter_map(|server| Some((server, server.last_error.as_ref()?)));
        let told: Vec<String> = match pool {
            [_] => failed.map(|(_, error)| self.explain(error)).collect(),
            _ => failed
                .map(|(server, error)| {
                    format!("{}:{}: {}", server.addr.host(), server.addr.port(), self.explain(error))
                })
                .collect(),
        };
        let why = pool.iter().filter_map(|server| server.last_error.as_deref()).map(Why::of).max();
        match why {
            // A secret that could not be read has told that itself.
            Some(_) if told.iter().any(|told| told.contains(UNSIGNED)) => {}
            Some(why) => self.record(why, told.join("; ")),
            None => {}
        }
    }

    /// The words of the client, with what can be done about it.
    fn explain(&self, error: &str) -> String {
        let login = self.login.as_deref();
        if Why::of(error) == Why::Login {
            match login {
                Some(login) => format!("the server refuses {login} ({error})"),
                None => format!(
                    "the server asks who we are ({error}): set nats.creds, nats.nkey, nats.token, or nats.user and nats.password"
                ),
            }
        } else if error.contains("UnknownIssuer") {
            format!("{error}: nats.tls.ca should name the authority of the server's certificate")
        } else if error.contains("NotValidForName") {
            format!("{error}: the address of the bus should be a name that is in the server's certificate")
        } else {
            error.to_owned()
        }
    }

    /// A secret or a file of ours cannot be used.
    pub fn unusable(&self, reason: String) {
        self.record(Why::Ours, reason);
    }

    fn record(&self, why: Why, reason: String) {
        let mut known = self.known();
        let Some(since) = known.away else { return };
        known.attempts += 1;
        let (url, now) = (&self.url, Instant::now());
        if known.told.insert(why) {
            tracing::warn!(%url, reason, "no connection to NATS, trying again for ever");
        } else if now >= known.remind {
            let (seconds, attempts) = (since.elapsed().as_secs(), known.attempts);
            tracing::warn!(%url, reason, seconds, attempts, "still no connection to NATS");
            known.interval = (known.interval * 2).min(LONGEST_REMINDER);
            known.remind = now + known.interval;
        }
        known.reason = Some(reason);
    }

    fn connected(&self) {
        let mut known = self.known();
        let Some(since) = known.away.take() else { return };
        let url = &self.url;
        if known.again {
            let (seconds, attempts) = (since.elapsed().as_secs(), known.attempts);
            tracing::info!(%url, seconds, attempts, "the connection to NATS is back");
        } else {
            tracing::info!(%url, "connected to NATS");
        }
        known.again = true;
        known.reason = None;
        known.refusals.clear();
    }

    fn disconnected(&self) {
        let mut known = self.known();
        if known.away.is_some() {
            return;
        }
        let now = Instant::now();
        let reason = known.refused.take().filter(|(when, _)| when.elapsed() < RECENT).map(|(_, what)| what);
        let (url, why) = (&self.url, reason.as_deref().unwrap_or("it ended without a word"));
        tracing::warn!(%url, reason = why, "the connection to NATS is gone, trying again for ever");
        known.reason = Some(reason.unwrap_or_else(|| "it was lost".to_owned()));
        (known.away, known.attempts) = (Some(now), 0);
        (known.remind, known.interval) = (now + FIRST_REMINDER, FIRST_REMINDER);
        // That it does not come back at once is no news.
        known.told = BTreeSet::from([Why::Unreachable]);
    }

    fn refused(&self, what: &str) {
        let mut known = self.known();
        known.refused = Some((Instant::now(), what.to_owned()));
        if known.refusals.len() < REFUSALS && known.refusals.insert(what.to_owned()) {
            tracing::warn!(url = %self.url, reason = what, "the NATS server refuses something");
        }
    }

    /// Takes what the client tells.
    pub fn event(&self, event: &Event) {
        match event {
            Event::Connected => self.connected(),
            Event::Disconnected => self.disconnected(),
            Event::ServerError(error) => match error {
                ServerError::AuthorizationViolation | ServerError::Other(_) => {
                    let text = error.to_string();
                    self.refused(&self.explain(text.strip_prefix("nats: ").unwrap_or(&text)));
                }
                ServerError::SlowConsumer(_) => self.refused(&error.to_string()),
            },
            // The reasons come with the next attempt, in full.
            Event::ClientError(ClientError::Other(_) | ClientError::ServerNotInPool) => {}
            Event::ClientError(ClientError::MaxReconnects) | Event::Closed | Event::Draining => {
                tracing::debug!(url = %self.url, %event, "nats");
            }
            Event::LameDuckMode => tracing::info!(url = %self.url, "the NATS server is about to end"),
            Event::SlowConsumer(_) => {
                tracing::warn!(url = %self.url, "messages of a subscription were dropped: it is too slow");
            }
        }
    }
}
