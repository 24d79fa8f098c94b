//! The engines that are measured, each with the server or folder that it stands on.

use std::path::Path;

use anyhow::Context as _;
use chassis::{BusUrl, Engine};
use events::Envelope;
use serde_json::json;
use tests::eventually;
use tests::nats::Nats;

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
/// Size of a body: that of a small delivery.
pub const BODY_BYTES: usize = 1024;

/// Where the bus is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// A folder on the disk.
    Disk,
    /// A folder in memory: the embedded engine always syncs, and here it costs nothing.
    Memory,
    /// A NATS server that syncs each write.
    NatsAlways,
    /// A NATS server that syncs every two minutes, as it does by default.
    NatsSeldom,
}

/// An open engine on its ground.
pub struct Stage {
    /// The engine.
    pub engine: Engine,
    /// The server, if there is one.
    pub nats: Option<Nats>,
    /// The folder, if there is one.
    pub folder: tempfile::TempDir,
}

impl Ground {
    /// All that are there: not every system has a folder in memory.
    pub fn all() -> Vec<Self> {
        let all = [Self::Disk, Self::Memory, Self::NatsAlways, Self::NatsSeldom];
        all.into_iter().filter(|ground| *ground != Self::Memory || Path::new(IN_MEMORY).is_dir()).collect()
    }

    /// Its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disk => "embedded, every write synced",
            Self::Memory => "embedded, in memory (no fsync)",
            Self::NatsAlways => "JetStream, every write synced",
            Self::NatsSeldom => "JetStream, synced every 2 minutes",
        }
    }

    /// A folder on it.
    pub fn folder(self) -> anyhow::Result<tempfile::TempDir> {
        let folder = match self {
            Self::Memory => tempfile::tempdir_in(IN_MEMORY),
            Self::Disk | Self::NatsAlways | Self::NatsSeldom => tempfile::tempdir(),
        };
        folder.context("cannot make a temporary folder")
    }

    /// Its server, if it has one.
    pub async fn nats(self) -> anyhow::Result<Option<Nats>> {
        Ok(match self {
            Self::Disk | Self::Memory => None,
            Self::NatsAlways => Some(Nats::start_syncing("always").await?),
            Self::NatsSeldom => Some(Nats::start_syncing("2m").await?),
        })
    }

    /// An engine on it, ready.
    pub async fn open(self) -> anyhow::Result<Stage> {
        let (folder, nats) = (self.folder()?, self.nats().await?);
        let url = match &nats {
            Some(nats) => nats.url().parse()?,
            None => BusUrl::Embedded(folder.path().join("bus")),
        };
        let engine = Engine::open(&url).await?;
        eventually(PATIENCE, "the bus is ready", async || Ok(engine.bus.check().await?)).await?;
        Ok(Stage { engine, nats, folder })
    }
}

const IN_MEMORY: &str = "/dev/shm";

/// An event like a small delivery; one of 64 keys.
pub fn event(id: &str, n: usize) -> anyhow::Result<Envelope> {
    let body = json!({"n": n, "filler": "x".repeat(BODY_BYTES)});
    let event = Envelope::builder(id, "/bench", "com.github.push");
    Ok(event.partition_key(format!("key-{}", n % 64)).json(&body).build()?)
}

/// So many events with ids that begin so.
pub fn events(prefix: &str, count: usize) -> anyhow::Result<Vec<Envelope>> {
    (0..count).map(|n| event(&format!("{prefix}-{n}"), n)).collect()
}
