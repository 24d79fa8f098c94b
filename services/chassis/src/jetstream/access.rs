//! How to get into a NATS server: a login and TLS. Every secret is read anew for each connection, so that a rotated one
//! counts from the next connection on.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

/// The name of the user that may do what all services need.
pub const ALL: &str = "all";

/// What the subjects begin with on which the answers to a user of this name come.
pub fn inbox(name: &str) -> String {
    format!("_INBOX.signalbox.{name}")
}

/// How to get into a NATS server.
#[derive(Debug, Clone)]
pub struct Access {
    /// What is shown to the server; without one, what is in the URL.
    pub login: Option<Login>,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// What the subjects begin with on which the answers to this process come. A user of the server that may listen
    /// there alone cannot read the answers to another.
    pub inbox: String,
}

impl Default for Access {
    fn default() -> Self {
        Self { login: None, tls: Tls::default(), inbox: inbox(ALL) }
    }
}

/// What is shown to the server.
#[derive(Debug, Clone)]
pub enum Login {
    /// A token.
    Token(Secret),
    /// A user and a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// The seed of a user's nkey (`SU…`), with which the server's nonce is signed.
    Nkey(Secret),
    /// A credentials file: a user's JWT and its nkey, as `nsc` writes it.
    Creds(Secret),
}

impl Login {
    /// What it is, for people; nothing secret.
    pub fn describe(&self) -> String {
        match self {
            Self::Token(secret) => format!("the token ({secret})"),
            Self::Password { user, password } => format!("the user {user} with its password ({password})"),
            Self::Nkey(secret) => format!("the nkey ({secret})"),
            Self::Creds(secret) => format!("the credentials ({secret})"),
        }
    }
}

type Read = Arc<dyn Fn() -> anyhow::Result<Vec<u8>> + Send + Sync>;

/// A secret that is read when it is needed. It shows where it is, never what it is.
#[derive(Clone)]
pub struct Secret {
    place: String,
    read: Read,
}

impl Secret {
    /// A secret at a place that people can find (`nats.token, file /run/secrets/token`).
    pub fn new(
        place: impl Into<String>,
        read: impl Fn() -> anyhow::Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self { place: place.into(), read: Arc::new(read) }
    }

    /// Reads it now.
    pub(super) fn text(&self) -> anyhow::Result<String> {
        let bytes = (self.read)().with_context(|| format!("cannot read {self}"))?;
        // The error of the conversion would hold the bytes.
        String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{self} is not UTF-8 text"))
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.place)
    }
}

/// How the connection is encrypted. Files are PEM and are read anew for each connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The authorities that may have signed the server's certificate; without, those of the system.
    pub ca: Option<PathBuf>,
    /// The certificate that is shown to the server, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Encrypt before the server says anything (`handshake_first` of the server).
    pub first: bool,
}

impl Tls {
    /// Whether a connection without TLS is refused; a URL with `tls://` asks for it, too.
    pub fn required(&self) -> bool {
        let Self { ca, identity, first } = self;
        ca.is_some() || identity.is_some() || *first
    }
}
