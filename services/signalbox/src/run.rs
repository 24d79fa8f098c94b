//! From a command line to the command.

use anyhow::Context as _;
use chassis::telemetry::{self, LogSettings};
use clap::CommandFactory as _;

use crate::cli::{
    Cli, Command, DeadCommand, DoctorCommand, EventsCommand, Global, NatsCommand, ReplayCommand,
    ScheduleCommand, ServeArgs, SourceCommand, StoreCommand,
};
use crate::doctor::{guard, soak};
use crate::exit::{Exit, OrStop as _, Stop};
use crate::output::Output;
use crate::query::{Query, dead, list, replay, show, story, tail};
use crate::settings::Settings;
use crate::{check, demo, nats, schedule, serve, source, store, version};

/// Carries out a command.
pub fn command(cli: Cli) -> Result<Exit, Stop> {
    let Cli { global, command } = cli;
    let mut out = Output::stdout();
    match command {
        Command::Serve(args) => block_on(serve(&global, &args)),
        Command::Check { dir } => check::run(&dir, &mut out),
        Command::Events(command) => block_on(events(&global, command, &mut out)),
        Command::Dead(command) => block_on(dead(&global, command, &mut out)),
        Command::Nats(command) => block_on(nats(&global, command, &mut out)),
        Command::Replay(command) => block_on(replay(&global, command, &mut out)),
        Command::Schedule(command) => block_on(schedule(&global, command, &mut out)),
        Command::Source(command) => block_on(source(&global, command, &mut out)),
        Command::Store(command) => block_on(store(&global, command, &mut out)),
        Command::Demo { keep } => {
            // One delivery of the demo is refused on purpose: that is no news.
            quiet_log(&global, "error")?;
            block_on(demo::run(keep, &mut out))
        }
        Command::Doctor(command) => doctor(&global, command, &mut out),
        Command::Version => version::print(&mut out),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "signalbox", &mut script);
            out.raw(format_args!("{}", String::from_utf8_lossy(&script)))?;
            Ok(Exit::Done)
        }
    }
}

fn block_on(work: impl Future<Output = Result<Exit, Stop>>) -> Result<Exit, Stop> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let result = runtime.block_on(work);
    // A blocking read that nobody waits for any more must not hold up the end.
    runtime.shutdown_background();
    result
}

async fn serve(global: &Global, args: &ServeArgs) -> Result<Exit, Stop> {
    let settings =
        Settings::load(global.settings.as_deref(), env(), args.overlay(global)).or_stop(Exit::Usage)?;
    telemetry::init(&settings.log, telemetry::Output::Stdout)?;
    serve::run(settings).await
}

async fn events(global: &Global, command: EventsCommand, out: &mut Output) -> Result<Exit, Stop> {
    let query = query(global).await?;
    let result = match command {
        EventsCommand::List(args) => list::run(&query, &args, out).await,
        EventsCommand::Tail(args) => tail::run(&query, &args, out).await,
        EventsCommand::Show { id, json } => show::run(&query, &id, json, out).await,
        EventsCommand::Story { id, json } => story::run(&query, &id, json, out).await,
    };
    query.close().await;
    result
}

async fn dead(global: &Global, command: DeadCommand, out: &mut Output) -> Result<Exit, Stop> {
    let query = query(global).await?;
    let result = dead::run(&query, command, out).await;
    query.close().await;
    result
}

async fn nats(global: &Global, command: NatsCommand, out: &mut Output) -> Result<Exit, Stop> {
    quiet_log(global, "warn")?;
    let settings =
        Settings::load(global.settings.as_deref(), env(), global.overlay()).or_stop(Exit::Usage)?;
    nats::run(&settings, command, out).await
}

async fn replay(global: &Global, command: ReplayCommand, out: &mut Output) -> Result<Exit, Stop> {
    let query = query(global).await?;
    let result = replay::run(&query, command, out).await;
    query.close().await;
    result
}

async fn schedule(global: &Global, command: ScheduleCommand, out: &mut Output) -> Result<Exit, Stop> {
    quiet_log(global, "warn")?;
    let settings =
        Settings::load(global.settings.as_deref(), env(), global.overlay()).or_stop(Exit::Usage)?;
    schedule::run(&settings, command, out).await
}

async fn source(global: &Global, command: SourceCommand, out: &mut Output) -> Result<Exit, Stop> {
    quiet_log(global, "warn")?;
    let settings =
        Settings::load(global.settings.as_deref(), env(), global.overlay()).or_stop(Exit::Usage)?;
    source::run(&settings, command, out).await
}

async fn store(global: &Global, command: StoreCommand, out: &mut Output) -> Result<Exit, Stop> {
    quiet_log(global, "warn")?;
    let settings =
        Settings::load(global.settings.as_deref(), env(), global.overlay()).or_stop(Exit::Usage)?;
    store::run(&settings, command, out).await
}

async fn query(global: &Global) -> Result<Query, Stop> {
    quiet_log(global, "warn")?;
    let settings =
        Settings::load(global.settings.as_deref(), env(), global.overlay()).or_stop(Exit::Usage)?;
    Query::open(&settings).await
}

fn doctor(global: &Global, command: DoctorCommand, out: &mut Output) -> Result<Exit, Stop> {
    match command {
        DoctorCommand::Soak(args) => {
            // Connections break all the time: that is what it is for.
            quiet_log(global, "off")?;
            block_on(soak::run(args, out))
        }
        DoctorCommand::Guard { tmpfs: Some(bytes), at, command: _ } => {
            let at = at.context("--at is missing: where?").or_stop(Exit::Usage)?;
            block_on(guard::mount(bytes, &at))
        }
        DoctorCommand::Guard { tmpfs: None, at: _, command } => block_on(guard::run(&command)),
    }
}

/// The log of a command that answers: its answer says what is wrong, so the log has warnings alone unless it is asked
/// for more. The log settings are those of `serve`.
fn quiet_log(global: &Global, level: &str) -> Result<(), Stop> {
    let level = global.log_level.as_deref().unwrap_or(level).parse().or_stop(Exit::Usage)?;
    let format = global.log_format.map(Into::into).unwrap_or_default();
    Ok(telemetry::init(&LogSettings { format, level }, telemetry::Output::Stderr)?)
}

/// The environment, read in this one place. What is not UTF-8 is no setting of ours.
fn env() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
