//! How to get into a NATS server.

use std::path::PathBuf;

use chassis::jetstream::access::{Access, Login, Secret, Tls};
use resources::SecretRef;
use serde::Deserialize;

use super::Place;

/// How to get into a NATS server. Every secret and file is read anew for each connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "NatsKeys")]
pub struct Nats {
    shown: Option<Shown>,
    tls: Tls,
    inbox: Option<String>,
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
    type Error = &'static str;

    fn try_from(keys: NatsKeys) -> Result<Self, Self::Error> {
        let NatsKeys { token, user, password, nkey, creds, tls, inbox } = keys;
        let password = match (user, password) {
            (Some(user), Some(password)) => Some(Shown::Password(user, password)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err("user and password go together"),
        };
        let logins = [token.map(Shown::Token), password, nkey.map(Shown::Nkey), creds.map(Shown::Creds)];
        let mut logins = logins.into_iter().flatten();
        let shown = logins.next();
        if logins.next().is_some() {
            return Err("say who we are with one of token, user and password, nkey, creds");
        }
        let TlsKeys { ca, cert, key, first } = tls;
        let identity = match (cert, key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err("tls.cert and tls.key go together"),
        };
        if inbox.as_deref().is_some_and(|prefix| !is_subject(prefix)) {
            return Err(
                "inbox is what subjects begin with: words of letters, digits, _ and -, with dots between them",
            );
        }
        Ok(Self { shown, tls: Tls { ca, identity, first }, inbox })
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
        let Self { shown, tls, inbox } = self;
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
}

fn secret(setting: &str, place: &Place) -> Secret {
    let from = SecretRef::from(place);
    Secret::new(format!("{setting}, {place}"), move || Ok(from.read()?.expose().to_vec()))
}
