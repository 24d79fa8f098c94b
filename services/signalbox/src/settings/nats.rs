//! How to get into a NATS server, and how much of the log it keeps.

use std::path::PathBuf;

use chassis::jetstream::access::{Access, Login, Secret, Tls};
use chassis::jetstream::retention::Retention;
use resources::SecretRef;
use serde::Deserialize;

use super::Place;
use crate::duration::Period;
use crate::size::Size;

/// How to get into a NATS server, and how much of the log it keeps. Every secret and file is read anew for each connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "NatsKeys")]
pub struct Nats {
    shown: Option<Shown>,
    tls: Tls,
    inbox: Option<String>,
    retention: Retention,
}

/// What is shown to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    Token(Place),
    Password(String, Place),
    Nkey(Place),
    Creds(Place),
}

/// The section as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NatsKeys {
    token: Option<Place>,
    user: Option<String>,
    password: Option<Place>,
    nkey: Option<Place>,
    creds: Option<Place>,
    tls: TlsKeys,
    inbox: Option<String>,
    retention_age: Option<Period>,
    retention_bytes: Option<Size>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TlsKeys {
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    first: bool,
}

impl TryFrom<NatsKeys> for Nats {
    type Error = String;

    fn try_from(keys: NatsKeys) -> Result<Self, Self::Error> {
        let NatsKeys { token, user, password, nkey, creds, tls, inbox, retention_age, retention_bytes } =
            keys;
        let password = match (user, password) {
            (Some(user), Some(password)) => Some(Shown::Password(user, password)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err("user and password go together".to_owned()),
        };
        let logins = [token.map(Shown::Token), password, nkey.map(Shown::Nkey), creds.map(Shown::Creds)];
        let mut logins = logins.into_iter().flatten();
        let shown = logins.next();
        if logins.next().is_some() {
            return Err("say who we are with one of token, user and password, nkey, creds".to_owned());
        }
        let TlsKeys { ca, cert, key, first } = tls;
        let identity = match (cert, key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err("tls.cert and tls.key go together".to_owned()),
        };
        if inbox.as_deref().is_some_and(|prefix| !is_subject(prefix)) {
            return Err(
                "inbox is what subjects begin with: words of letters, digits, _ and -, with dots between them"
                    .to_owned(),
            );
        }
        let retention = Retention::new(retention_age.map(|age| age.0), retention_bytes.map(|size| size.0));
        let retention = retention.map_err(|error| error.to_string())?;
        Ok(Self { shown, tls: Tls { ca, identity, first }, inbox, retention })
    }
}

fn is_subject(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    text.split('.').all(word)
}

impl Nats {
    /// What the engine needs, for the user of the server that is made for `name`.
    pub fn access(&self, name: &str) -> Access {
        let Self { shown, tls, inbox, retention: _ } = self;
        let login = shown.as_ref().map(|shown| match shown {
            Shown::Token(place) => Login::Token(secret("nats.token", place)),
            Shown::Password(user, place) => {
                Login::Password { user: user.clone(), password: secret("nats.password", place) }
            }
            Shown::Nkey(place) => Login::Nkey(secret("nats.nkey", place)),
            Shown::Creds(place) => Login::Creds(secret("nats.creds", place)),
        });
        let inbox = inbox.clone().unwrap_or_else(|| chassis::jetstream::access::inbox(name));
        Access { login, tls: tls.clone(), inbox }
    }

    /// How much of the log the server is to keep.
    pub fn retention(&self) -> Retention {
        self.retention
    }
}

fn secret(setting: &str, place: &Place) -> Secret {
    let from = SecretRef::from(place);
    Secret::new(format!("{setting}, {place}"), move || Ok(from.read()?.expose().to_vec()))
}
