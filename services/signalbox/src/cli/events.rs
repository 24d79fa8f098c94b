//! `signalbox events` and `signalbox dead`.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use thiserror::Error;

use crate::duration;

/// Look at events.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
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

/// What `tail` prints.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  signalbox events tail
  signalbox events tail --type 'io.signalbox.deploy.*' --since 1h
  signalbox events tail --json --no-follow --since 2026-01-31T00:00:00Z | jq .type")]
pub struct TailArgs {
    /// Print the events alone whose type fits this glob (`*` stands for anything)
    #[arg(long = "type", value_name = "GLOB", default_value = "*")]
    pub ty: String,
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

/// Look at and settle dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// Print all dead letters, oldest first
    List {
        /// Print each as one line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Print one dead letter with its reasons and its event
    Show {
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Deliver its event once more to the handler that gave up; effects that were done are not done again
    #[command(
        after_help = "Examples:\n  signalbox dead redrive 3f9a0b1c2d4e5f60\n  signalbox dead redrive --all"
    )]
    Redrive {
        /// Which ones
        #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<String>,
        /// All that can be decoded
        #[arg(long)]
        all: bool,
    },
    /// Forget dead letters; their events stay in the log
    Drop {
        /// Which ones
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
}

/// Where `tail` begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// With the first event of the log.
    All,
    /// This long ago.
    Ago(Duration),
    /// At this time.
    At(DateTime<Utc>),
}

/// The text is no beginning.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is neither a time like 10m, nor a moment like 2026-01-31T12:00:00Z, nor `all`")]
pub struct NoBeginning(String);

impl FromStr for Since {
    type Err = NoBeginning;

    fn from_str(text: &str) -> Result<Self, NoBeginning> {
        if text == "all" {
            return Ok(Self::All);
        }
        if let Ok(ago) = duration::parse(text) {
            return Ok(Self::Ago(ago));
        }
        let moment = DateTime::parse_from_rfc3339(text).map_err(|_| NoBeginning(text.to_owned()))?;
        Ok(Self::At(moment.to_utc()))
    }
}

impl Since {
    /// The moment that it means.
    pub fn moment(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::All => DateTime::<Utc>::MIN_UTC,
            // A time that reaches back beyond the calendar means everything.
            Self::Ago(ago) => chrono::TimeDelta::from_std(ago)
                .ok()
                .and_then(|ago| now.checked_sub_signed(ago))
                .unwrap_or(DateTime::<Utc>::MIN_UTC),
            Self::At(moment) => moment,
        }
    }
}
