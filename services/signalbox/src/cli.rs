//! The command line: what can be typed, and nothing of what it does.

mod dead;
mod doctor;
mod events;
mod global;
mod nats;
mod replay;
mod schedule;
mod serve;
mod source;
mod store;
mod when;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

pub use self::dead::{DeadCommand, LetterFilter, RedriveArgs, SettleArgs};
pub use self::doctor::{DoctorCommand, SoakArgs, SoakEngine};
pub use self::events::{EventFilter, EventsCommand, ListArgs, TailArgs};
pub use self::global::Global;
pub use self::nats::NatsCommand;
pub use self::replay::{ReplayArgs, ReplayCommand, Switch};
pub use self::schedule::ScheduleCommand;
#[cfg(test)]
pub use self::schedule::ZoneName;
pub use self::serve::ServeArgs;
pub use self::source::{InstallArgs, InstallCommand, SourceCommand, TestArgs};
pub use self::store::StoreCommand;
pub use self::when::{Since, When};

/// The automation bus of a small Kubernetes platform
///
/// Events come in (GitHub webhooks, Argo CD, Alertmanager), are kept durably, and small services act on them: they
/// deploy, and tell people. Every action explains itself: `signalbox events story ID`.
#[derive(Debug, Parser)]
#[command(name = "signalbox", version, about, max_term_width = 100, after_help = AFTER_HELP, disable_help_subcommand = true)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Begin with:
  signalbox demo                     the whole story in a few seconds, in a temporary folder
  signalbox check config/            is what I declared right?
  signalbox serve                    run all services here, with the bus in ./data
  signalbox events tail              what comes in and what is done about it

Exit codes:
  0    done
  1    it failed, or `check` found an error
  2    the command line or the settings are wrong
  3    the bus (or the running server) cannot be reached, or is in use
  4    there is no such event or dead letter
  130  ended by a second signal, without draining

Environment:
  SIGNALBOX_SETTINGS                 the settings file, as --settings
  SIGNALBOX_LISTEN__PUBLIC, …        any setting: two underscores go one level down
  NO_COLOR                           no colours";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the services: all of them, or a chosen few
    ///
    /// Settings come from signalbox.yaml, then SIGNALBOX_* variables, then these flags. Ends on SIGTERM or Ctrl-C: it
    /// stops accepting, finishes what it has begun, and exits with 0.
    Serve(ServeArgs),
    /// Say whether a folder of resources is right, without running anything
    ///
    /// Reads every *.yaml and *.yml file of the folder and prints each problem with its file, line and column, and what
    /// would be right. Exits with 1 if there is an error; warnings alone exit with 0.
    #[command(after_help = "Example:\n  signalbox check config/")]
    Check {
        /// The folder with Sources, Apps, Automations and Channels
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Look at events: as they come, one by one, or as stories
    #[command(subcommand)]
    Events(EventsCommand),
    /// Look at and settle dead letters: what a handler gave up on
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Prepare a NATS server: users with few permissions, and what is needed on it
    #[command(subcommand)]
    Nats(NatsCommand),
    /// Deliver events of the past to one handler again: in earnest, or to see what it would do
    #[command(subcommand)]
    Replay(ReplayCommand),
    /// Look at schedules: what they mean, and when their ticks come
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Look at Sources, and try them: where senders post to, and what came through
    #[command(subcommand)]
    Source(SourceCommand),
    /// Look after what the bus keeps: check it, export it, restore it
    #[command(subcommand)]
    Store(StoreCommand),
    /// Show the whole way from a webhook to a deploy, a notification and an explanation
    ///
    /// Runs everything in this process in a temporary folder: a Git repository, a chat, the bus and all services. Posts
    /// signed webhooks over real HTTP and prints what came of them. Needs nothing but git.
    #[command(
        after_help = "Examples:\n  signalbox demo           a few seconds, then everything is gone\n  signalbox demo --keep    stays, to be tried by hand, until Ctrl-C"
    )]
    Demo {
        /// Leave it running until Ctrl-C and print what can be tried
        #[arg(long)]
        keep: bool,
    },
    /// Try the program itself
    #[command(subcommand)]
    Doctor(DoctorCommand),
    /// Print the version, the commit it was built from if that is known, and the engines of the bus
    Version,
    /// Print the completions for a shell
    #[command(after_help = "Example:\n  signalbox completions bash > /etc/bash_completion.d/signalbox")]
    Completions {
        /// Which shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

#[cfg(test)]
mod tests;
