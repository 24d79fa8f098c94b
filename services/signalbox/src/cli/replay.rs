//! `signalbox replay`.

use clap::{Args, Subcommand, ValueEnum};

use super::{Since, When};
use crate::services::HANDLERS;

/// Deliver events of the past to one handler again.
#[derive(Debug, Subcommand)]
pub enum ReplayCommand {
    /// Deliver a range of the log to one handler again, as a run with a name
    ///
    /// Without effects it is a rehearsal: nothing is done and nothing is announced, and `replay show` says what would have
    /// been. With effects, each effect is had once in this run, whatever was done before: what was committed, deployed or
    /// sent when the event came first is committed, deployed or sent once more. The same command again goes on
    /// where a crash has left it, and delivers nothing twice.
    Start(ReplayArgs),
    /// Print all replays, oldest first
    List {
        /// Print each as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a replay, and what became of each of its events
    Show {
        /// Its name
        #[arg(value_name = "NAME")]
        run: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
}

/// What is replayed.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  signalbox replay start --run try-1 --handler automator --since 1d
  signalbox replay start --run again-1 --handler notifier --from 4711 --to 4720 --effects on")]
pub struct ReplayArgs {
    /// Name of the run: lower-case letters, digits and `-`
    #[arg(long, value_name = "NAME")]
    pub run: String,
    #[arg(long, value_name = "NAME", help = which_handler())]
    pub handler: String,
    /// Begin with this position
    #[arg(long, value_name = "POSITION", required_unless_present = "since", conflicts_with = "since")]
    pub from: Option<u64>,
    /// Begin at this moment (2026-01-31T12:00:00Z), this long ago (30s, 10m, 2h, 7d), or with `all`
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// End with this position [default: the end of the log]
    #[arg(long, value_name = "POSITION", conflicts_with = "until")]
    pub to: Option<u64>,
    /// End before this moment, or this long ago
    #[arg(long, value_name = "WHEN")]
    pub until: Option<When>,
    /// Only events whose type fits this glob (`*` stands for anything); can be given several times
    #[arg(long = "type", value_name = "GLOB")]
    pub types: Vec<String>,
    /// Whether effects are had (again: the ledger counts them for each run), and announcements published
    #[arg(long, value_enum, value_name = "SWITCH", default_value_t = Switch::Off)]
    pub effects: Switch,
    /// Print the run as JSON
    #[arg(long)]
    pub json: bool,
}

/// The help of `--handler`.
fn which_handler() -> String {
    let names: Vec<&str> = HANDLERS.iter().map(|handler| handler.name).collect();
    let names = match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        Some(_) | None => names.concat(),
    };
    format!("The handler that gets the events: {names}")
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes
    On,
    /// No
    Off,
}
