//! `signalbox nats`: users of a NATS server that may do what their service does, and what we need on the server.

mod roles;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use chassis::jetstream::access::ALL;
use chassis::jetstream::users;
use chassis::{BusUrl, Engine};

use crate::cli::NatsCommand;
use crate::exit::{Exit, OrStop as _, Stop};
use crate::output::Output;
use crate::settings::Settings;

/// Read and written by the owner alone.
const PRIVATE: u32 = 0o600;

const HEAD: &str = "\
# Made by `signalbox nats users`: one user a service, which may do what its code does, and `all` for one process with all
# services, the command line and `signalbox nats setup`. Include it in the configuration of the server:
#
#   include \"this-file.conf\"
#
# The seed of each is in the folder that was named, as NAME.nk; a service gets it as nats.nkey.file. A seed that is there
# is kept; to rotate one, delete its file and run the command again.

";

/// Makes the users: seeds into `dir`; returns the configuration.
fn users(dir: &Path) -> anyhow::Result<String> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    let roles = roles::all();
    let handlers = roles.iter().flat_map(|role| role.handlers.iter().cloned()).collect();
    let mut made = Vec::new();
    for role in &roles {
        let path = dir.join(format!("{}.nk", role.name));
        let key = key(&path).with_context(|| format!("cannot make the seed {}", path.display()))?;
        made.push((role.name.clone(), key, users::permissions(role, &handlers)));
    }
    Ok(format!("{HEAD}{}", users::config(&made)))
}

/// The public key of the seed in this file, made if it is not there.
fn key(path: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Ok(seed) => users::public(&seed).context("what is there is no seed"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let (seed, key) = users::key()?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(path)?;
            writeln!(file, "{seed}")?;
            file.sync_all()?;
            Ok(key)
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes what is missing on the server, and changes what can be changed without loss.
async fn setup(settings: &Settings, out: &mut Output) -> Result<Exit, Stop> {
    let url = &settings.bus.0;
    if matches!(url, BusUrl::Embedded(_)) {
        let error = anyhow::anyhow!("{url} needs no setup: name a NATS server with --bus nats://HOST:PORT");
        return Err(Stop::with(Exit::Usage, error));
    }
    let engine = Engine::open_as(url, settings.nats.access(ALL), settings.limits()).await;
    let engine = engine.map_err(Stop::unopened)?;
    let checked = async {
        engine.bus.check().await?;
        engine.retain().await
    };
    let checked = checked.await.with_context(|| format!("cannot set up {url}"));
    engine.close().await;
    checked.or_stop(Exit::Unreachable)?;
    out.raw(format_args!("what Signalbox needs is on {url}\n"))?;
    Ok(Exit::Done)
}

/// Carries out a command.
pub async fn run(settings: &Settings, command: NatsCommand, out: &mut Output) -> Result<Exit, Stop> {
    match command {
        NatsCommand::Users { out: dir } => {
            let text = users(&dir)?;
            out.raw(format_args!("{text}"))?;
            Ok(Exit::Done)
        }
        NatsCommand::Setup => setup(settings, out).await,
    }
}

#[cfg(test)]
mod tests;
