//! Which engine: the embedded one in a folder, or NATS JetStream.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::archive::Archive;
use crate::embedded::{Embedded, Options};
use crate::jetstream::JetStream;
use crate::jetstream::access::Access;
use crate::jetstream::retention::Retention;
use crate::metrics;
use crate::{Bus, Store, SystemClock};

/// Where the bus is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusUrl {
    /// `embedded:DIR`: in this process, in that folder.
    Embedded(PathBuf),
    /// `nats://host:port` (or `tls://`): a NATS server with JetStream; several, separated by commas.
    Nats(String),
}

/// The text names no bus.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a bus: write embedded:DIR or nats://HOST:PORT")]
pub struct NotABus(String);

impl FromStr for BusUrl {
    type Err = NotABus;

    fn from_str(text: &str) -> Result<Self, NotABus> {
        let nats = |part: &str| {
            ["nats://", "tls://"]
                .iter()
                .any(|scheme| part.strip_prefix(scheme).is_some_and(|host| !host.is_empty()))
        };
        match text.strip_prefix("embedded:") {
            Some(dir) if !dir.is_empty() => Ok(Self::Embedded(PathBuf::from(dir))),
            None if !text.is_empty() && text.split(',').all(nats) => Ok(Self::Nats(text.to_owned())),
            Some(_) | None => Err(NotABus(text.to_owned())),
        }
    }
}

impl fmt::Display for BusUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(dir) => write!(f, "embedded:{}", dir.display()),
            Self::Nats(url) => f.write_str(&without_password(url)),
        }
    }
}

fn without_password(url: &str) -> String {
    let hide = |part: &str| match part.split_once("://").map(|(scheme, rest)| (scheme, rest.rsplit_once('@')))
    {
        Some((scheme, Some((_, host)))) => format!("{scheme}://…@{host}"),
        _ => part.to_owned(),
    };
    url.split(',').map(hide).collect::<Vec<_>>().join(",")
}

/// How much a bus keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// One in a folder.
    pub embedded: Options,
    /// One on a NATS server.
    pub nats: Retention,
}

/// An open engine.
pub struct Engine {
    /// The log of events.
    pub bus: Arc<dyn Bus>,
    /// The state.
    pub store: Arc<dyn Store>,
    /// All that is kept.
    pub archive: Arc<dyn Archive>,
    embedded: Option<Arc<Embedded>>,
    jetstream: Option<Arc<JetStream>>,
}

/// Why an engine could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process has the folder.
    #[error("the folder {0} is in use by another Signalbox process")]
    Locked(PathBuf),
    /// The folder cannot be used.
    #[error("cannot open the embedded bus in {dir}")]
    Embedded {
        /// Which folder.
        dir: PathBuf,
        /// Why.
        #[source]
        source: anyhow::Error,
    },
    /// The URL, the secrets or the files for TLS cannot be used.
    #[error("cannot connect to the NATS server at {url}")]
    Access {
        /// Which server, without credentials.
        url: String,
        /// Why.
        #[source]
        source: anyhow::Error,
    },
    /// The server, or what is on it, cannot be used.
    #[error("cannot use the NATS server at {url}")]
    Nats {
        /// Which server, without credentials.
        url: String,
        /// Why.
        #[source]
        source: anyhow::Error,
    },
}

impl Engine {
    /// Opens the engine. NATS need not be there yet: what needs it fails as unavailable until it is.
    pub async fn open(url: &BusUrl) -> Result<Self, OpenError> {
        Self::open_with(url, Access::default()).await
    }

    /// Opens the engine; a NATS server is shown this.
    pub async fn open_with(url: &BusUrl, access: Access) -> Result<Self, OpenError> {
        Self::open_as(url, access, Limits::default()).await
    }

    /// Opens the engine; a NATS server is shown this, and the bus keeps so much.
    pub async fn open_as(url: &BusUrl, access: Access, limits: Limits) -> Result<Self, OpenError> {
        let Limits { embedded: options, nats: retention } = limits;
        match url {
            BusUrl::Embedded(dir) => {
                let embedded = Embedded::open_with(dir, Arc::new(SystemClock), options).await?;
                let embedded = Arc::new(embedded);
                let (bus, store, archive) = (embedded.clone(), embedded.clone(), embedded.clone());
                Ok(Self { bus, store, archive, embedded: Some(embedded), jetstream: None })
            }
            BusUrl::Nats(address) => {
                let name = || url.to_string();
                let connecting = JetStream::open_with(address, name(), access, retention).await;
                let nats = connecting.map_err(|source| OpenError::Access { url: name(), source })?;
                nats.usable().await.map_err(|source| OpenError::Nats { url: name(), source })?;
                let nats = Arc::new(nats);
                let (bus, store, archive) = (nats.clone(), nats.clone(), nats.clone());
                Ok(Self { bus, store, archive, embedded: None, jetstream: Some(nats) })
            }
        }
    }

    /// Shows what the engine takes on the disk, if that is ours, or what a NATS server dropped unseen.
    pub fn register(&self, registry: &metrics::Registry) -> Result<(), metrics::Error> {
        if let Some(jetstream) = &self.jetstream {
            jetstream.register(registry)?;
        }
        self.embedded.as_ref().map_or(Ok(()), |embedded| embedded.register(registry))
    }

    /// Sets the limits of the log of a NATS server now, or says why that cannot be.
    pub async fn retain(&self) -> anyhow::Result<()> {
        match &self.jetstream {
            Some(jetstream) => jetstream.retain().await,
            None => Ok(()),
        }
    }

    /// Resolves when the engine was closed: nothing can be written any more and never will. Never resolves for NATS, which
    /// comes back; neither does a full or failing disk end an engine.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let embedded = self.embedded.clone();
        async move {
            match embedded {
                Some(embedded) => embedded.ended().await,
                None => std::future::pending().await,
            }
        }
    }

    /// Writes what is open and lets the folder go. Call it after everything that uses the engine has ended.
    pub async fn close(self) {
        let Self { bus, store, archive, embedded, jetstream } = self;
        drop((bus, store, archive, jetstream));
        if let Some(embedded) = embedded {
            embedded.close().await;
        }
    }
}
