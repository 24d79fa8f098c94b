//! `signalbox events`.

use clap::{Args, Subcommand};

use super::{Since, When};

/// Look at events.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Print events of the past, newest first, a page at a time
    List(ListArgs),
    /// Print events as they come, until Ctrl-C
    Tail(TailArgs),
    /// Print one event with its attributes and its body
    #[command(after_help = "Example:\n  signalbox events show 72d3162e-cc78-11e3-81ab-4c9367dc0958")]
    Show {
        /// Its id, the beginning of it, or @POSITION
        #[arg(value_name = "ID")]
        id: String,
        /// Print it in the JSON event format of CloudEvents
        #[arg(long)]
        json: bool,
    },
    /// Print the story that an event belongs to: its root, every rule that was tried, every effect
    #[command(
        after_help = "Examples:\n  signalbox events story 72d3162e\n  signalbox events story 72d3162e --json | jq ."
    )]
    Story {
        /// The id of any event of the story, the beginning of it, or @POSITION
        #[arg(value_name = "ID")]
        id: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Which events.
#[derive(Debug, Clone, Default, Args)]
pub struct EventFilter {
    /// Only events whose type fits this glob (`*` stands for anything)
    #[arg(long = "type", value_name = "GLOB")]
    pub ty: Option<String>,
    /// Only events whose source fits this glob
    #[arg(long, value_name = "GLOB")]
    pub source: Option<String>,
    /// Only events with this partition key: what is kept in order, such as an app with its environment
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Only events of the story whose root event has this id
    #[arg(long, value_name = "ID")]
    pub correlation: Option<String>,
}

/// What `list` prints.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  signalbox events list
  signalbox events list --type 'io.signalbox.deploy.*' --since 7d --limit 500
  signalbox events list --key my-app/production --until 2026-01-31T12:00:00Z
  signalbox events list --before 4711              the page behind it, as the last line says
  signalbox events list --oldest-first --after 0 --limit 1000 --json | jq .event.type")]
pub struct ListArgs {
    #[command(flatten)]
    pub filter: EventFilter,
    /// Only events that the bus took at this moment (2026-01-31T12:00:00Z) or later, or this long ago (30s, 10m, 2h, 7d)
    #[arg(long, value_name = "WHEN")]
    pub since: Option<When>,
    /// Only events that the bus took before this moment, or longer ago than this
    #[arg(long, value_name = "WHEN")]
    pub until: Option<When>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Only events that stand in the log after this position
    #[arg(long, value_name = "POSITION")]
    pub after: Option<u64>,
    /// Only events that stand in the log before this position
    #[arg(long, value_name = "POSITION")]
    pub before: Option<u64>,
    /// Begin with the oldest
    #[arg(long)]
    pub oldest_first: bool,
    /// Print each as one line of JSON: its position, when the bus took it, and the event in the JSON event format
    #[arg(long)]
    pub json: bool,
}

/// What `tail` prints.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  signalbox events tail
  signalbox events tail --type 'io.signalbox.deploy.*' --since 1h
  signalbox events tail --json --no-follow --since 2026-01-31T00:00:00Z | jq .type")]
pub struct TailArgs {
    #[command(flatten)]
    pub filter: EventFilter,
    /// Print each event as one line in the JSON event format of CloudEvents
    #[arg(long)]
    pub json: bool,
    /// Begin this long ago (30s, 10m, 2h, 7d), at a time (2026-01-31T12:00:00Z), or with `all` [default: now]
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// End at the end of the log instead of waiting for more; without --since, print all
    #[arg(long)]
    pub no_follow: bool,
}
