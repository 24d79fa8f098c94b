//! `signalbox demo`: the whole way from a webhook to a deploy, a message and an explanation, in a temporary folder.

mod chat;
mod config;
mod deliveries;
mod follow;
mod git;
mod keep;
mod play;
mod report;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use chassis::{BusUrl, Clock as _, Shutdown, SystemClock};
use tokio::time::timeout;

use self::chat::Chat;
use self::deliveries::Senders;
use self::follow::Follower;
use self::git::Repository;
use crate::exit::{Exit, Stop};
use crate::output::Output;
use crate::serve::Server;
use crate::settings::{Address, Bus, Settings};

/// All of it takes about a second on a laptop; a busy CI machine may take this long before the demo says what is missing.
const PATIENCE: Duration = Duration::from_secs(30);

/// What plays: the world around the services, the services, and who looks on.
struct Stage {
    repository: Repository,
    chat: Chat,
    senders: Senders,
    server: Server,
    follower: Follower,
}

/// Plays the demo; with `keep` it then stays until Ctrl-C.
pub async fn run(keep: bool, out: &mut Output) -> Result<Exit, Stop> {
    let folder = tempfile::Builder::new()
        .prefix("signalbox-demo-")
        .tempdir()
        .context("cannot make a temporary folder")?;
    let shutdown = Shutdown::new();
    shutdown.on_signals().context("cannot listen for signals")?;
    let begun = Instant::now();
    let mut stage = Stage::set(folder.path(), &shutdown).await?;
    let played = tokio::select! {
        () = shutdown.triggered() => Err(anyhow!("the demo was interrupted").into()),
        played = timeout(PATIENCE, play::play(&mut stage, out)) => played.unwrap_or_else(|_elapsed| Err(stage.stuck())),
    };
    let played = played.and_then(|()| report::end(begun.elapsed(), keep, out));
    if keep && played.is_ok() {
        keep::invite(&stage, folder.path(), out)?;
        shutdown.triggered().await;
    }
    shutdown.trigger();
    stage.server.until_end().await?;
    played.map(|()| Exit::Done)
}

impl Stage {
    async fn set(folder: &Path, shutdown: &Shutdown) -> Result<Self, Stop> {
        let repository = Repository::make(folder).await?;
        let chat = Chat::open(shutdown.clone()).await?;
        let (config, secrets) = config::write(folder, &chat.url())?;
        let free = Address(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut settings =
            Settings { config, bus: Bus(BusUrl::Embedded(folder.join("bus"))), ..Settings::default() };
        settings.listen.public = free;
        settings.listen.private = free;
        let server = Server::start(settings, shutdown.clone()).await?;
        let public = server.public().context("the gateway does not run")?;
        let senders = Senders::new(public, secrets, SystemClock.now())?;
        let follower = Follower::new(server.bus().clone());
        Ok(Self { repository, chat, senders, server, follower })
    }

    /// What did not happen in time, and how far it came.
    fn stuck(&self) -> Stop {
        let seconds = PATIENCE.as_secs();
        anyhow!(
            "the story was not complete after {seconds} s; these events are on the bus:\n  {}",
            self.follower.seen()
        )
        .into()
    }
}
