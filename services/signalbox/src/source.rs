//! `signalbox source`: what is declared as a Source, what came through it, and whether it works.

mod install;
mod list;
mod samples;
mod test;

use std::path::Path;

use anyhow::Context as _;
use resources::{Catalog, load_dir};

use crate::cli::{InstallCommand, SourceCommand};
use crate::exit::{Exit, OrStop as _, Stop};
use crate::output::Output;
use crate::settings::Settings;

/// Carries out a command.
pub async fn run(settings: &Settings, command: SourceCommand, out: &mut Output) -> Result<Exit, Stop> {
    match command {
        SourceCommand::List { config, json } => {
            let config = config.as_deref().unwrap_or(&settings.config);
            list::run(settings, config, json, out).await
        }
        SourceCommand::Install(InstallCommand::Github(args)) => install::run(settings, &args, out).await,
        SourceCommand::Test(args) => test::run(settings, &args, out).await,
    }
}

/// The resources of a folder.
fn load(dir: &Path) -> Result<Catalog, Stop> {
    let loaded = load_dir(dir).with_context(|| format!("the resources in {} are not right", dir.display()));
    Ok(loaded.or_stop(Exit::Usage)?.catalog)
}
