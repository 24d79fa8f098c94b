//! `signalbox dead`.

use clap::{Args, Subcommand};

use super::When;

/// Look at and settle dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// Print dead letters, oldest first
    #[command(
        after_help = "Examples:\n  signalbox dead list\n  signalbox dead list --handler deployer --since 1d"
    )]
    List {
        #[command(flatten)]
        filter: LetterFilter,
        /// Print each as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Print one dead letter with its reasons, its attempts and its event
    Show {
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Deliver events once more to the handler that gave up; effects that were done are not done again
    ///
    /// The ledger knows what was done, for 45 days. A dead letter whose event was tried first more than 44 days ago is not
    /// driven again, because the ledger may have forgotten: look whether its effect happened (the commit, the message). If
    /// it did, drop the letter; if it did not, use --force.
    #[command(after_help = "\
Examples:
  signalbox dead redrive 3f9a0b1c2d4e5f60
  signalbox dead redrive --handler notifier --since 2h
  signalbox dead redrive --all --yes")]
    Redrive(RedriveArgs),
    /// Forget dead letters; their events stay in the log
    #[command(after_help = "\
Examples:
  signalbox dead drop 3f9a0b1c2d4e5f60
  signalbox dead drop --type 'com.github.*' --until 30d")]
    Drop(SettleArgs),
}

/// What is driven again.
#[derive(Debug, Clone, Default, Args)]
pub struct RedriveArgs {
    #[command(flatten)]
    pub which: SettleArgs,
    /// Also those that are so old that the ledger may have forgotten what was done: it may be done twice
    #[arg(long)]
    pub force: bool,
}

/// Which dead letters.
#[derive(Debug, Clone, Default, Args)]
pub struct LetterFilter {
    /// Only those of this handler
    #[arg(long, value_name = "NAME")]
    pub handler: Option<String>,
    /// Only those whose event has a type that fits this glob (`*` stands for anything)
    #[arg(long = "type", value_name = "GLOB")]
    pub ty: Option<String>,
    /// Only those that were given up at this moment (2026-01-31T12:00:00Z) or later, or this long ago (30s, 10m, 2h, 7d)
    #[arg(long, value_name = "WHEN")]
    pub since: Option<When>,
    /// Only those that were given up before this moment, or longer ago than this
    #[arg(long, value_name = "WHEN")]
    pub until: Option<When>,
}

/// What is settled: by ids, by a filter, or all.
#[derive(Debug, Clone, Default, Args)]
pub struct SettleArgs {
    /// Which ones
    #[arg(
        value_name = "ID",
        required_unless_present_any = ["all", "handler", "ty", "since", "until"],
        conflicts_with_all = ["all", "handler", "ty", "since", "until"]
    )]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub filter: LetterFilter,
    /// All of them
    #[arg(long, conflicts_with_all = ["handler", "ty", "since", "until"])]
    pub all: bool,
    /// Do it without asking: needed for a filter or --all where there is no terminal
    #[arg(long)]
    pub yes: bool,
    /// Print each that is settled as one line of JSON
    #[arg(long)]
    pub json: bool,
}
